"""The look of the evaluation page: one style sheet, light and dark, from 400 pixels upwards."""

from typing import Final

PALETTE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--muted:#59636e;--rule:#d8dee4;--soft:#f4f6f8;--good:#1a7f37;
--bad:#c0262d;--s1:#0b62c4;--s2:#b35900;--s3:#1a7f37;--s4:#8e3bb0;--s5:#c0262d;--s6:#00787f;--s7:#7a5c00;--s8:#5b5bd6}
@media (prefers-color-scheme:dark){:root{--paper:#0e1116;--ink:#e6e9ed;--muted:#9aa4af;--rule:#30363d;--soft:#171b22;
--good:#4cc36b;--bad:#ff7b72;--s1:#6cb0ff;--s2:#ffa657;--s3:#4cc36b;--s4:#d2a8ff;--s5:#ff7b72;--s6:#4fd1d9;--s7:#e3c04d;
--s8:#a5a8ff}}
""".replace("\n", "")
"""The colours by their names: `--s1` to `--s8` are those of series."""

STYLE: Final = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1.5rem 1rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans","Noto Sans CJK SC",sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
h4{font-size:.9rem;margin:1rem 0 .3rem;color:var(--muted)}
a{color:var(--s1)}header p,.note,footer{color:var(--muted)}.note,footer{font-size:.875rem}p{margin:.3rem 0;max-width:75ch}
.verdicts{padding:.8rem 1rem .8rem 2rem;margin:1rem 0;background:var(--soft);border-left:3px solid var(--s1)}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem;text-align:left;white-space:nowrap;border-top:1px solid var(--rule)}
thead th{border-top:0;color:var(--muted);font-weight:600;background:var(--soft);white-space:normal;vertical-align:bottom}
tbody th{font-weight:600;position:sticky;left:0;background:var(--paper)}.n{text-align:right}
.mark{display:inline-block;min-width:1.35em;padding:0 .25em;border-radius:.7em;text-align:center;font-size:.75rem;
line-height:1.35em;font-weight:700;color:var(--paper);background:var(--c)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;margin:0 0 .8rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:1rem}
figure{margin:0;padding:.7rem;border:1px solid var(--rule);border-radius:6px;min-width:0}
figcaption{font-size:.9rem;font-weight:600;margin-bottom:.4rem}svg{display:block;width:100%;height:auto}
svg text{font-family:inherit!important}
details{border:1px solid var(--rule);border-radius:6px;margin:.5rem 0;padding:0 .8rem}
summary{cursor:pointer;padding:.5rem 0}details[open]{padding-bottom:.8rem}
.kind{display:inline-block;font-size:.75rem;padding:.05rem .5rem;border-radius:1rem;background:var(--soft);
color:var(--muted);border:1px solid var(--rule)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem .8rem;margin:.3rem 0}dt{color:var(--muted)}dd{margin:0}
dd,pre{white-space:pre-wrap;min-width:0}
pre{margin:0;padding:.6rem;background:var(--soft);border-radius:6px;font-size:.85rem;overflow-x:auto}
ul{padding-left:1.2rem;margin:.2rem 0}.right{color:var(--good)}.wrong{color:var(--bad)}.no_answer{color:var(--muted)}
.right::before{content:"\\2713\\a0"}.wrong::before{content:"\\2717\\a0"}
.failed{color:var(--bad)}.failed::before{content:"! "}.live{color:var(--s2);font-weight:600}
.tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:.6rem 0;font-size:.9rem}.tools[hidden]{display:none}
select,input{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--rule);border-radius:6px;
padding:.25rem .4rem;max-width:100%}output{margin-left:auto;color:var(--muted)}
.problem{margin:.25rem 0}.problem>summary{display:flex;gap:.3rem .9rem;align-items:baseline;flex-wrap:wrap}
.problem .answer{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:14rem}
.problem .question{flex:1 1 12rem;min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;color:var(--muted);
unicode-bidi:plaintext}.problem pre,.problem dd{unicode-bidi:plaintext;overflow-wrap:anywhere}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1rem}.side{min-width:0}
.thought{border:0;padding:0;margin:.3rem 0}.thought summary{color:var(--muted);font-size:.85rem;padding:.2rem 0}
.tree{overflow-x:auto;font-size:.85rem}.tree ul{list-style:none;padding-left:.8rem;border-left:1px solid var(--rule)}
.tree li{margin:.35rem 0;min-width:14rem;max-width:75ch}.fold{border:0;padding:0;margin:2.2rem 0 0}.fold>summary{font-size:1.15rem;font-weight:700}.stat{color:var(--muted);font-size:.75rem}
@media (max-width:600px){body{padding:1rem .7rem 2rem}h1{font-size:1.35rem}th,td{padding:.3rem .5rem}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}}
@media print{details{break-inside:avoid}.scroll{overflow:visible}}
""".replace("\n", "")
"""The rest. Minified by hand: a page is read, its style is not."""

"""A search tree as a picture for documents: SVG that stands alone, dark or light as the reader's screen is.

In: a trace. Out: XML without scripts, links or fonts of its own. Texts are escaped and cropped to their boxes; the whole step
is the box's title, which browsers show when one points at it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from marco_cli.search.tree import Node
from marco_cli.trace.export.base import Caption, Export, Options, cropped, visible
from marco_cli.trace.export.layout import Layout, lay_out
from marco_cli.trace.export.shade import SHADES, shade_of
from marco_cli.trace.record import Trace

_BOX: Final = (176, 58)
_GAP: Final = (16, 26)
_MARGIN: Final = 20
_HEADER: Final = 34
_CELLS: Final = 24
"""Half-width characters that fit a line of a box."""
_TITLE: Final = 1500

_STYLE: Final = """
  svg { font-family: system-ui, "Segoe UI", Helvetica, Arial, "Noto Sans CJK SC", sans-serif; background: #fbfbfa }
  .question { font-size: 14px; font-weight: 600; fill: #1c2429 }
  .box { fill: #ffffff; stroke: #b4bec4; stroke-width: 1 } .best .box { stroke: #00796b; stroke-width: 2.5 }
  .forced .box { stroke-dasharray: 5 3 }
  .text { font-size: 11px; fill: #1c2429 } .facts { font-size: 10px; fill: #56646c } .answer { font-weight: 600; fill: #00695c }
  .false { font-weight: 600; fill: #b3261e }
  .edge { fill: none; stroke: #b4bec4; stroke-width: 1.2 } .edge.best { stroke: #00796b; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    svg { background: #14181b } .question, .text { fill: #e6eaec } .facts { fill: #9aa7ae } .answer { fill: #5ccab8 } .false { fill: #f28b82 }
    .box { fill: #1f2529; stroke: #4a565d } .best .box, .edge.best { stroke: #3fb8a4 } .edge { stroke: #4a565d }
  }
"""


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield one picture a trace."""
    for trace in traces:
        yield Export(trace_id=trace.id, data=picture(trace, options.captions(trace)).encode(errors="replace"))


def picture(trace: Trace, captions: Sequence[Caption]) -> str:
    """Return the tree as SVG, the path of the given reply drawn thick."""
    nodes = trace.tree.nodes
    layout = lay_out([[child.id for child in node.children] for node in nodes])
    best = {node.id for node in trace.best_path()}
    question = cropped(trace.question, 200)
    width = max(layout.num_columns * (_BOX[0] + _GAP[0]) - _GAP[0], 8 * _cells(question)) + 2 * _MARGIN
    height = layout.num_rows * (_BOX[1] + _GAP[1]) - _GAP[1] + 2 * _MARGIN + _HEADER
    edges = [_edge(node, layout, is_best=node.id in best) for node in nodes if node.parent is not None]
    boxes = [_box(node, trace, layout, captions[node.id], is_best=node.id in best) for node in nodes]
    size = f'width="{width}" height="{height}"'
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size} role="img">',
            f"<title>{_safe(question)}</title>",
            f"<style>{_STYLE}</style>",
            f'<text class="question" x="{_MARGIN}" y="{_MARGIN + 10}">{_safe(question)}</text>',
            *edges,
            *boxes,
            "</svg>",
            "",
        )
    )


def _place(node: Node, layout: Layout) -> tuple[float, int]:
    """Return the upper left corner of a node's box."""
    left = _MARGIN + layout.column[node.id] * (_BOX[0] + _GAP[0])
    return left, _MARGIN + _HEADER + layout.row[node.id] * (_BOX[1] + _GAP[1])


def _edge(node: Node, layout: Layout, *, is_best: bool) -> str:
    if node.parent is None:
        return ""
    (left, top), (above, over) = _place(node, layout), _place(node.parent, layout)
    half, start = _BOX[0] / 2, over + _BOX[1]
    middle = (start + top) / 2
    path = f"M{above + half:.0f} {start}C{above + half:.0f} {middle:.0f} {left + half:.0f} {middle:.0f} {left + half:.0f} {top}"
    return f'<path class="edge{" best" if is_best else ""}" d="{path}"/>'


def _box(node: Node, trace: Trace, layout: Layout, caption: Caption, *, is_best: bool) -> str:
    left, top = _place(node, layout)
    text = node.step.data.decode(errors="replace")
    first, second = _two_lines(
        cropped(caption.text, 2 * _CELLS) or ("question" if node.parent is None else "(no text)")
    )
    facts = f"N {node.visits} · value {node.value:.2f}"
    answer = ""
    if node.candidate_id is not None and node.candidate_id < len(trace.candidates):
        found = trace.candidates[node.candidate_id].reply.answer
        kind, sign = ("false", "✗") if caption.is_false else ("answer", "→")
        answer = f' <tspan class="{kind}">{sign} {_safe(cropped(found.canonical, 9))}</tspan>' if found else ""
    classes = " ".join(("node", *["best"] * is_best, *["forced"] * (node.step.is_forced and node.parent is not None)))
    confidence = "" if node.confidence is None else f"\nconfidence {node.confidence:.3f}"
    slip = f"\nfalse: {caption.slip}" if caption.slip else ""
    title = f"node {node.id}: {facts}{confidence}{slip}\n{visible(text)[:_TITLE]}"
    return (
        f'<g class="{classes}" transform="translate({left:.0f} {top})"><title>{_safe(title)}</title>'
        f'<rect class="box" width="{_BOX[0]}" height="{_BOX[1]}" rx="6"/>'
        f'<rect fill="{SHADES[shade_of(node.confidence)].colour}" x="4" y="6" width="4" height="{_BOX[1] - 12}" rx="2"/>'
        f'<text class="text" x="15" y="18">{_safe(first)}</text><text class="text" x="15" y="32">{_safe(second)}</text>'
        f'<text class="facts" x="15" y="49">{facts}{answer}</text></g>'
    )


def _two_lines(text: str) -> tuple[str, str]:
    """Break a text after the words that fit a line, and cut what does not fit the second."""
    first = _fitting(text, _CELLS)
    if first == text:
        return text, ""
    cut = first.rfind(" ")
    first = first[:cut] if cut > _CELLS // 2 else first
    rest = text[len(first) :].strip()
    second = _fitting(rest, _CELLS)
    return first, second if second == rest else second[:-1] + "…"


def _fitting(text: str, cells: int) -> str:
    """Return as much of a text as fits; Chinese characters take two cells."""
    for length, character in enumerate(text):
        cells -= _cells(character)
        if cells < 0:
            return text[:length]
    return text


def _cells(text: str) -> int:
    return sum(2 if "\u1100" <= character <= "\uffdc" else 1 for character in text)


def _safe(text: str) -> str:
    return escape(visible(text).encode(errors="replace").decode())

"""An evaluation as one HTML page that needs no network: styles, drawings and the one script are in it.

In: a `Report`, and how far a run has come that is still under way. Out: text. Everything from a model, a file or a user is
escaped, and a content security policy that names the script's hash forbids any other. Reads from 400 pixels upwards, in light
and dark.
"""

from html import escape

from marco_cli import __version__
from marco_cli.evals.report import Report
from marco_cli.view.eval_failure import failure_html
from marco_cli.view.eval_plots import colour_number, plots
from marco_cli.view.eval_problems import part, problems_html, script_hash
from marco_cli.view.eval_sheets import Sheet, detail_sheets, result_sheet
from marco_cli.view.eval_table import is_numeric
from marco_cli.view.printable import printable

_LONG = 16
"""Rows from which a table is folded."""
_FOOTER = (
    "Intervals are 95 %: Wilson for shares, bootstrap over problems for differences and means over seeds. Figures: "
    "summary.json; every path: rows.jsonl."
)


def page(report: Report, *, state: str | None = None, is_live: bool = False) -> str:
    """Return the page; `state` says how far a run has come, and a live page loads itself anew every few seconds."""
    title = f"{report.model} on {report.dataset}"
    style = (part("palette.css") + part("eval.css")).replace("\n", "")
    body = (
        f"<header><h1>{text(title)}</h1><p>{_lead(report)}</p>{_state(state)}</header>",
        _verdicts(report),
        _sheet(result_sheet(report), report),
        _plots(report),
        *(_sheet(sheet, report) for sheet in detail_sheets(report)),
        _failures(report),
        problems_html(report, is_live=is_live),
        f"<footer><p>marco {text(__version__)}. {_FOOTER}</p></footer>",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src '{script_hash()}'\">"
        f'<meta name="color-scheme" content="light dark"><title>{text(title)}</title><style>{style}</style></head>\n'
        f"<body>\n{chr(10).join(piece for piece in body if piece)}\n<script>{part('problems.js')}</script></body></html>\n"
    )


def text(value: str) -> str:
    """Return text as HTML, with control characters made visible."""
    return escape(printable(value))


def _lead(report: Report) -> str:
    scorers = ", ".join(report.scorers)
    count = f"{report.num_items} problems from {report.source}, {report.num_rows} answers, scored by {scorers}."
    return f'{text(count)} <a href="#problems">Read every problem</a>'


def _state(state: str | None) -> str:
    return "" if state is None else f'<p class="live" role="status">{text(state)}</p>'


def _verdicts(report: Report) -> str:
    items = [f"<li>{text(each.verdict)}</li>" for each in report.comparisons]
    notes = [f'<li class="note">{text(notice)}</li>' for notice in report.notices]
    return f'<ul class="verdicts">{"".join(items + notes)}</ul>' if items or notes else ""


def _sheet(sheet: Sheet, report: Report) -> str:
    """Return a table that scrolls by itself where it is too wide; rows of a variant bear its colour."""
    labels = {variant.label: index for index, variant in enumerate(report.variants)}
    kinds = [' class="n"' if column and is_numeric(sheet, column) else "" for column in range(len(sheet.head))]
    head = "".join(f"<th{kind}>{text(name)}</th>" for name, kind in zip(sheet.head, kinds, strict=True))
    rows = []
    for row in sheet.rows:
        mark = _mark(labels.get(row[0].removesuffix(" †")))
        cells = [f"<th>{mark}{text(row[0])}</th>"]
        cells += [f"<td{kind}>{text(value)}</td>" for value, kind in zip(row[1:], kinds[1:], strict=True)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    notes = "".join(f'<p class="note">{text(note)}</p>' for note in sheet.notes)
    table = (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{notes}"
    )
    if len(rows) > _LONG:
        return f'<details class="fold"><summary>{text(sheet.title)}</summary>{table}</details>'
    return f"<section><h2>{text(sheet.title)}</h2>{table}</section>"


def _mark(index: int | None) -> str:
    if index is None:
        return ""
    return f'<span class="mark" style="--c:var(--s{colour_number(index)})">{index + 1}</span> '


def _plots(report: Report) -> str:
    legend = "".join(f"<li>{_mark(index)}{text(variant.label)}</li>" for index, variant in enumerate(report.variants))
    figures = "".join(
        f"<figure><figcaption>{text(plot.title)}</figcaption>{plot.svg}</figure>" for plot in plots(report)
    )
    if not figures:
        return ""
    return f'<section><h2>Plots</h2><ol class="legend">{legend}</ol><div class="plots">{figures}</div></section>'


def _failures(report: Report) -> str:
    if not report.failures:
        return ""
    parts = "".join(failure_html(failure) for failure in report.failures)
    return f"<section><h2>The most instructive failures</h2>{parts}</section>"

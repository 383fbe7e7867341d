"""An evaluation as Markdown, which also reads well unrendered.

In: a `Report`, `Sheet`s. Out: text; the short form fits 80 columns. Names of variants, groups and models come from people
and files: pipes in them are escaped, control characters shown.
"""

from collections.abc import Sequence

from rich.cells import cell_len

from marco_cli.evals.comparison import Comparison
from marco_cli.evals.report import Report
from marco_cli.view.eval_sheets import Sheet, comparison_sheet, detail_sheets, result_sheet, short_sheet
from marco_cli.view.line import wrap
from marco_cli.view.printable import printable


def summary_text(report: Report, *, width: int | None = None) -> str:
    """Return the table for a terminal with the verdicts below it; `width` None never breaks a line."""
    lines = [f"- {cell(each.verdict)}" for each in report.comparisons]
    lines += [f"note: {cell(notice)}" for notice in report.notices]
    return "\n".join((_fitting(short_sheet(report), width), *_folded(lines, width))) + "\n"


def comparison_text(comparisons: Sequence[Comparison], *, width: int | None = None) -> str:
    """Return the paired tests and the verdicts; `width` None never breaks a line."""
    verdicts = [f"- {cell(each.verdict)}" for each in comparisons]
    return "\n".join((_fitting(comparison_sheet(comparisons), width), "", *_folded(verdicts, width))) + "\n"


def markdown(report: Report) -> str:
    """Return the whole report."""
    metric = "chrF" if report.is_translation else "share of the rubric" if report.is_rubric else "right answers"
    scorers = ", ".join(report.scorers)
    results = result_sheet(report)
    parts = [
        f"# {cell(report.model)} on {cell(report.dataset)}",
        f"{report.num_items} problems ({cell(report.source)}), scored by {scorers}; {metric} with 95 % intervals.",
        table(results),
        "\n".join(f"- {cell(each.verdict)}" for each in report.comparisons),
        *(f"Note: {cell(notice)}" for notice in report.notices),
        *results.notes,
    ]
    for sheet in detail_sheets(report):
        parts += [f"## {sheet.title}", table(sheet), *sheet.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(sheet: Sheet) -> str:
    """Return a table with aligned columns: words to the left, figures to the right."""
    head, *rows = [[cell(text) for text in row] for row in (sheet.head, *sheet.rows)]
    widths = [max(cell_len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    is_left = [column == 0 or not is_numeric(sheet, column) for column in range(len(head))]
    rules = ("-" * (width + 1) + ("-" if left else ":") for width, left in zip(widths, is_left, strict=True))
    return "\n".join(
        (_line(head, widths, is_left), f"|{'|'.join(rules)}|", *(_line(row, widths, is_left) for row in rows))
    )


def _fitting(sheet: Sheet, width: int | None) -> str:
    """Return a table, or where it is too wide for a terminal a paragraph a row."""
    whole = table(sheet)
    if width is None or cell_len(whole.partition("\n")[0]) <= width:
        return whole
    rows = [[f"{head} {cell(text)}" for head, text in zip(sheet.head, row, strict=True)] for row in sheet.rows]
    return "\n".join(_folded([", ".join(row) for row in rows], width))


def _folded(lines: Sequence[str], width: int | None) -> list[str]:
    """Break lines between words, the rest indented."""
    if width is None:
        return list(lines)
    broken = [wrap(line, width) if cell_len(line) <= width else wrap(line, width - 2) for line in lines]
    return [f"{'  ' * (place > 0)}{piece}" for pieces in broken for place, piece in enumerate(pieces)]


def is_numeric(sheet: Sheet, column: int) -> bool:
    """Say whether a column holds figures."""
    return any(text[:1].isdigit() or text[:1] in "+-<" for row in sheet.rows if (text := row[column]))


def cell(text: str) -> str:
    """Return text that neither ends a cell nor steers a terminal."""
    return printable(" ".join(text.split())).replace("|", "\\|")


def _line(row: Sequence[str], widths: Sequence[int], is_left: Sequence[bool]) -> str:
    cells = []
    for text, width, left in zip(row, widths, is_left, strict=True):
        space = " " * (width - cell_len(text))
        cells.append(text + space if left else space + text)
    return f"| {' | '.join(cells)} |"

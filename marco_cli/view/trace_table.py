"""Traces as a list, a line each, without control characters, whatever the files held."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from marco_cli.trace.decoding import Heading
from marco_cli.view.line import Glyphs, one_line

_ANSWER_WIDTH: Final = 16
_COLUMNS: Final = ("id", "command", "model", "search", "answer")
_EXPENDABLE: Final = (2, 1, 3, 4)
"""Columns in the order in which they are left out where there is no room."""
_LEAST_QUESTION: Final = 24


def trace_table(headings: Sequence[Heading], *, width: int | None, encoding: str = "utf-8") -> str:
    """Return a line a trace: id, command, model, how it was searched, answer, question.

    What does not fit into `width` is left out, model and command first, and the question is cut; None leaves all in.
    """
    glyphs = Glyphs.of(encoding)
    rows = [
        (
            heading.id,
            heading.source if heading.turn is None else f"{heading.source} {heading.turn}",
            glyphs.text(one_line(heading.model.name, 24)),
            f"{heading.accounting.strategy} {heading.accounting.simulations}",
            glyphs.fit(one_line(heading.answer or "", 80) or "-", _ANSWER_WIDTH),
        )
        for heading in headings
    ]
    widths = [max((cell_len(row[column]) for row in rows), default=0) for column in range(len(_COLUMNS))]
    kept = list(range(len(_COLUMNS)))
    for column in _EXPENDABLE:
        if width is not None and sum(widths[each] + 2 for each in kept) + _LEAST_QUESTION > width:
            kept.remove(column)
    room = 200 if width is None else width - sum(widths[each] + 2 for each in kept)
    return "\n".join(
        _row([(row[each], widths[each]) for each in kept], glyphs.fit(one_line(heading.question, 200), room))
        for row, heading in zip(rows, headings, strict=True)
    )


def _row(cells: Sequence[tuple[str, int]], question: str) -> str:
    padded = (f"{text}{' ' * (size - cell_len(text))}" for text, size in cells)
    return "  ".join((*padded, question)).rstrip()

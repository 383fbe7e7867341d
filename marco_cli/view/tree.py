"""The tree as lines: visits, value, guides, what a step says, `✓ 42` where a reply ends; the best path is bold.

In: a `Snapshot`, a width in cells, a number of rows. Out: `Line`s, the root (the question) first. Colour says one thing:
where a value lies between the least and the greatest of the tree, because the values of siblings are close together. A `✗`
stands before what is false: an equation of a step, and the answer of a reply with such an equation.
"""

from typing import Final

from rich.cells import cell_len

from marco_cli.view.crop import CroppedRow, Guide, crop
from marco_cli.view.line import Glyphs, Line, Span, width_of
from marco_cli.view.snapshot import NodeSnapshot, Snapshot

VALUE_STYLES: Final = ("color(167)", "color(173)", "color(179)", "color(143)", "color(107)")
"""From the tree's least value to its greatest: muted red over sand to green."""
ANSWER_STYLE: Final = "color(73)"
FALSE_STYLE: Final = "color(167)"
_LEGEND_STYLE: Final = "dim italic"
_GUIDE_STYLE: Final = "dim"
_COUNT_WIDTH: Final = 3
_VALUE_WIDTH: Final = 4
_TEXT_WIDTH: Final = 12
"""Cells that the guides leave to the words, however deep the tree."""


def tree_lines(snapshot: Snapshot, *, width: int, max_rows: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return at most `max_rows` lines of at most `width` cells."""
    return tuple(_line(row, snapshot, width, glyphs) for row in crop(snapshot, max_rows))


def value_style(value: float, value_range: tuple[float, float]) -> str:
    """Return the colour of a value; the middle one while all values are the same."""
    lowest, highest = value_range
    if highest <= lowest:
        return VALUE_STYLES[len(VALUE_STYLES) // 2]
    share = min(1.0, max(0.0, (value - lowest) / (highest - lowest)))
    return VALUE_STYLES[min(len(VALUE_STYLES) - 1, int(share * len(VALUE_STYLES)))]


def _line(row: CroppedRow, snapshot: Snapshot, width: int, glyphs: Glyphs) -> Line:
    count_width = max(_COUNT_WIDTH, len(str(snapshot.nodes[0].visits)))
    left = width - count_width - 1 - _VALUE_WIDTH - 2
    guides = _guides(row.guides, left - _TEXT_WIDTH, glyphs)
    left -= cell_len(guides)
    if row.node is None:
        unit = "steps" if row.hidden_kind == "steps" else "more"
        text = glyphs.fit(f"{glyphs.ellipsis} {row.num_hidden} {unit}", left)
        return (Span(" " * (width - left - cell_len(guides))), Span(guides, _GUIDE_STYLE), Span(text, "dim"))
    slip = _slip(row.slip, left, glyphs)
    words = "bold" if row.is_best else "" if row.node.visits else "dim"
    marks = (*slip, *(() if row.answer is None else _answer(row, left, glyphs)))
    label = _label(row, left - width_of(marks), glyphs)
    return (
        *_numbers(row.node, count_width, snapshot.value_range, is_best=row.is_best, glyphs=glyphs),
        Span(guides, _GUIDE_STYLE),
        Span(label, words if row.label else "dim"),
        *marks,
    )


def _numbers(
    node: NodeSnapshot, count_width: int, value_range: tuple[float, float], *, is_best: bool, glyphs: Glyphs
) -> tuple[Span, ...]:
    if not node.visits:
        return (Span(f"{0:>{count_width}} {glyphs.dot:>{_VALUE_WIDTH}}  ", "dim"),)
    style = value_style(node.value, value_range)
    return (
        Span(f"{node.visits:>{count_width}} ", "bold" if is_best else ""),
        Span(f"{node.value:.2f}  ", f"bold {style}" if is_best else style),
    )


def legend(*, width: int, glyphs: Glyphs) -> Line:
    """Return what the columns and the signs of a tree mean, as much of it as fits."""
    parts = ("visits, value, step", f"{glyphs.check} finished", f"{glyphs.cross} false", "bold: the best path")
    text = ""
    for part in parts:
        longer = f"{text}  {part}" if text else part
        if cell_len(longer) > width:
            break
        text = longer
    return (Span(text, _LEGEND_STYLE),)


def _label(row: CroppedRow, room: int, glyphs: Glyphs) -> str:
    """Return what a row says: from where it parts from its siblings, its equations first where the rest does not fit."""
    text = (glyphs.ellipsis if row.is_parted else "") + (row.label or "(no words)")
    fitting = glyphs.fit(text, room)
    hidden = [equation for equation in row.equations if glyphs.text(equation) not in fitting]
    return glyphs.fit(f"{'; '.join(hidden)} {glyphs.dot} {text}", room) if hidden else fitting


def _slip(slip: str, left: int, glyphs: Glyphs) -> Line:
    """Return the mark of a false equation; it takes at most a third of the room."""
    if not slip:
        return ()
    return (Span(" "), Span(glyphs.fit(f"{glyphs.cross} {slip}", max(4, left // 3)), FALSE_STYLE))


def _answer(row: CroppedRow, left: int, glyphs: Glyphs) -> Line:
    sign = {"finished": glyphs.check, "false": glyphs.cross, "cut": "cut:"}[row.ending]
    style = {"finished": ANSWER_STYLE, "false": FALSE_STYLE, "cut": "dim"}[row.ending]
    text = glyphs.fit(f"{sign} {row.answer}", max(4, left // 3 if row.slip else left // 2))
    return (Span(" "), Span(text, f"bold {style}" if row.is_best else style))


def _guides(guides: tuple[Guide, ...], room: int, glyphs: Glyphs) -> str:
    """Draw the guides in at most `room` cells: of a path too deep for it, the innermost branchings."""
    drawn = {"pipe": glyphs.pipe, "blank": " " * len(glyphs.pipe), "branch": glyphs.branch, "last": glyphs.last}
    width = len(glyphs.pipe)
    fitting = max(1, room // width)
    if len(guides) <= fitting:
        return "".join(drawn[guide] for guide in guides)
    kept = guides[len(guides) - fitting + 1 :] if fitting > 1 else ()
    return f"{glyphs.ellipsis:<{width}}" + "".join(drawn[guide] for guide in kept)

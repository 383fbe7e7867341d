"""The whole live display of a search: tree, thought, vote, totals.

In: a `Snapshot` and the size of the screen. Out: lines that fit into it. Below 40 columns, or
on a screen of fewer than six rows, a single plain line stands for everything.
"""

from functools import lru_cache
from typing import Final

from rich.text import Text

from marco_cli.view.line import Glyphs, Line, Span, without_tags, wrap
from marco_cli.view.snapshot import Snapshot
from marco_cli.view.status import short_line, totals_line, vote_line
from marco_cli.view.tree import legend, tree_lines

NARROW: Final = 40
"""Columns below which there is no tree."""
_LOW: Final = 6
"""Rows below which there is no tree."""
_AIRY: Final = 16
"""Rows from which blank lines separate the parts."""
_TALL: Final = 30
"""Rows from which the thought of the best path is shown."""
_WIDEST: Final = 200
_BLANK: Final[Line] = ()


def screen_lines(snapshot: Snapshot, *, width: int, height: int, glyphs: Glyphs, least: int = 0) -> tuple[Line, ...]:
    """Return the lines of a screen of `width` columns and `height` rows.

    There are `least` of them at least, so that a display does not shrink and grow. The last column and the last row
    stay free: a terminal may wrap at the one and scroll at the other.
    """
    room = min(width, _WIDEST) - 1
    if width < NARROW or height < _LOW:
        return (short_line(snapshot, width=room, glyphs=glyphs),)
    below = _below(snapshot, room, height, glyphs)
    tree = tree_lines(snapshot, width=room, max_rows=height - 1 - len(below), glyphs=glyphs)
    padding = min(least, height - 1) - len(tree) - len(below)
    return (*tree, *(_BLANK for _ in range(padding)), *below)


def _below(snapshot: Snapshot, room: int, height: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Return what stands below the tree."""
    lines: list[Line] = [legend(width=room, glyphs=glyphs)] if height >= _AIRY and len(snapshot.nodes) > 1 else []
    gap = [_BLANK] if height >= _AIRY else []
    if num_rows := _thought_rows(snapshot, height):
        shown = _tail(snapshot.thought[-(room + 1) * (num_rows + 1) :], room, num_rows)
        if shown:
            lines += [*gap, _heading(snapshot, room, glyphs)]
            lines += [(Span(glyphs.text(text), "dim"),) for text in shown]
    lines += gap
    if snapshot.notices:
        lines.append((Span(glyphs.fit(f"! {snapshot.notices[-1]}", room), "color(179)"),))
    lines.append(vote_line(snapshot, width=room, glyphs=glyphs))
    lines.append(totals_line(snapshot, width=room, glyphs=glyphs))
    return tuple(lines)


def _thought_rows(snapshot: Snapshot, height: int) -> int:
    """Return how many rows of the thought are shown: before the first answer there is room for it on any screen."""
    if not snapshot.votes and len(snapshot.nodes) == 1:
        return max(0, min(12, height - 8))
    return min(10, (height - _TALL) // 2 + 4) if height >= _TALL else 0


def _heading(snapshot: Snapshot, room: int, glyphs: Glyphs) -> Line:
    title = "thought of the best path" if snapshot.votes else "first thought"
    dashes = room - len(title) - 4
    return (Span(f"{glyphs.empty * 2} {title} {glyphs.empty * min(dashes, 40)}", "dim"),)


@lru_cache(maxsize=8)
def _tail(text: str, width: int, num_rows: int) -> tuple[str, ...]:
    """Return the last lines of a text; kept, because a thought stays the same for many frames."""
    return tuple(wrap(without_tags(text), width)[-num_rows:])


def as_text(line: Line) -> Text:
    """Return a line as Rich text, which never breaks."""
    return Text.assemble(*line, no_wrap=True, overflow="ignore")

"""Where a line that grows is broken: between words, and between the characters of scripts without spaces.

In: text without line feeds and a width in cells. Out: offsets. What is added to a text never moves a break that stands
before its last opportunity, so that words can be written as they come.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from rich.cells import cell_len

_CLOSING: Final = frozenset("，。！？；：、）」』】》”’%…,.!?;:)]}")  # noqa: RUF001 (what Chinese is written with)
_OPENING: Final = frozenset("（「『【《“‘([{$")  # noqa: RUF001


class Breaks(NamedTuple):
    """How a text falls into rows."""

    ends: tuple[int, ...]
    """Where each row but the last ends and the next one begins."""
    settled: int
    """Up to here nothing moves, whatever is added."""


def breaks(text: str, width: int) -> Breaks:
    """Break a text into rows of at most `width` cells, spaces at their ends aside; a word is cut where a row cannot hold it."""
    ends: list[int] = []
    start = cells = best = 0
    before = ""
    for place, character in enumerate(text):
        size = cell_len(character)
        if character != " ":
            if place > start and _may_break(before, character, size):
                best = place
            if cells + size > width and place > start:
                end = best if best > start else place
                ends.append(end)
                start, cells, best = end, cell_len(text[end:place]), end
            cells += size
        else:
            cells += 1
        before = character
    return Breaks(tuple(ends), max(best, start))


def _may_break(before: str, character: str, size: int) -> bool:
    if before == " ":
        return True
    is_wide = size == 2 or cell_len(before) == 2
    return is_wide and character not in _CLOSING and before not in _OPENING


class Wrapped:
    """A text that comes in pieces, broken into rows as it comes; the word at its end waits for its own end."""

    def __init__(self, width: Callable[[], int | None]) -> None:
        self._width = width
        self._line = ""
        self._shown = 0

    def add(self, text: str) -> str:
        """Return what can be written now."""
        *lines, rest = (self._line + text).split("\n")
        written = ""
        for line in lines:
            self._line = line
            written += self._rows(is_whole=True) + "\n"
            self._shown = 0
        self._line = rest
        return written + self._rows(is_whole=False)

    def end(self) -> str:
        """Return what was held back."""
        written = self._rows(is_whole=True)
        self._line, self._shown = "", 0
        return written

    def _rows(self, *, is_whole: bool) -> str:
        width = self._width()
        if width is None:
            start, self._shown = self._shown, len(self._line)
            return self._line[start:]
        found = breaks(self._line, width)
        stop = len(self._line) if is_whole else found.settled
        written = ""
        for start, end in zip((0, *found.ends), (*found.ends, stop), strict=True):
            if end > self._shown:
                row = self._line[max(start, self._shown) : end]
                written += ("\n" if start and self._shown <= start else "") + (row if end == stop else row.rstrip(" "))
                self._shown = end
        return written

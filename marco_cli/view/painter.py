"""A block of lines at the cursor of a terminal, painted over in place and removed without a trace.

In: `Line`s and the size of the terminal. Out: control sequences on a stream. In contrast to `rich.live.Live`, which erases
every line before it writes it, only lines that changed are written, and the block is found again after a resize: most
terminals wrap the lines that no longer fit, so the block is as many rows higher as that takes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TextIO

from rich.console import Console

from marco_cli.view.line import Line, width_of
from marco_cli.view.search_screen import as_text

HIDE_CURSOR: Final = "\x1b[?25l"
SHOW_CURSOR: Final = "\x1b[?25h"
_ERASE_RIGHT: Final = "\x1b[K"
_ERASE_BELOW: Final = "\x1b[J"
_ERASE_ROW: Final = "\x1b[2K"


class Size(NamedTuple):
    """Of a terminal."""

    columns: int
    rows: int


def rewraps(environ: Mapping[str, str]) -> bool:
    """Say whether the terminal wraps long lines anew when it becomes narrower; the few that do not say who they are."""
    return not (environ.get("XTERM_VERSION") or environ.get("TERM") == "linux" or environ.get("STY"))


class Painter:
    """Owns a block of lines; the cursor stands at the end of the last one."""

    def __init__(self, console: Console, *, size: Callable[[], Size], is_rewrapping: bool = True) -> None:
        self._console = console
        self._file: TextIO = console.file  # type: ignore[assignment]  # given by us as a text file
        self._size = size
        self._is_rewrapping = is_rewrapping
        self._shown: tuple[Line, ...] = ()
        self._painted_at: Size | None = None
        self._written: dict[Line, str] = {}
        self._is_cursor_hidden = False

    @property
    def is_resized(self) -> bool:
        """Whether the terminal has another size than when the block was painted."""
        return self._painted_at is not None and self._size() != self._painted_at

    def paint(self, lines: Sequence[Line]) -> None:
        """Replace the block by `lines`, none of which may be wider than the terminal."""
        size = self._size()
        parts = [] if self._is_cursor_hidden else [HIDE_CURSOR]
        self._is_cursor_hidden = True
        if self._painted_at not in (None, size):
            parts.append(self._erasure(size))
            self._shown = ()
        parts.append(_up(len(self._shown) - 1))
        written = {line: self._written.get(line) or self._ansi(line) for line in lines}
        for row, line in enumerate(lines):
            is_same = row < len(self._shown) and self._shown[row] == line
            # The last line is always written: a key that the terminal echoed may stand in it.
            text = "" if is_same and row < len(lines) - 1 else written[line] + _ERASE_RIGHT
            parts.append(("\r\n" if row else "") + text)
        if len(lines) < len(self._shown):
            parts.append(_ERASE_BELOW)
        self._written, self._shown, self._painted_at = written, tuple(lines), size
        self._write("".join(parts))

    def erase(self) -> None:
        """Remove the block; the cursor goes back to where it began."""
        if self._shown:
            self._write(self._erasure(self._size()))
        self._shown, self._painted_at = (), None

    def close(self) -> None:
        """Remove the block and show the cursor, whatever state things are in."""
        try:
            self.erase()
        finally:
            if self._is_cursor_hidden:
                self._write(SHOW_CURSOR)
                self._is_cursor_hidden = False

    def write_above(self, text: str) -> None:
        """Write a line that stays, and remove the block; the next `paint` puts it below."""
        self.erase()
        self._write(f"{text}\r\n")

    def _erasure(self, size: Size) -> str:
        """Return what moves to the beginning of the block, as the terminal shows it now, and erases it.

        Row by row: where all of a screen is erased at once, terminals keep a copy of it in their history.
        """
        num_rows = len(self._shown)
        if self._is_rewrapping:
            num_rows = sum(max(1, -(-width_of(line) // size.columns)) for line in self._shown)
        num_rows = min(num_rows, size.rows)
        return _up(num_rows - 1) + f"\r\n{_ERASE_ROW}".join([_ERASE_ROW] + [""] * (num_rows - 1)) + _up(num_rows - 1)

    def _ansi(self, line: Line) -> str:
        with self._console.capture() as capture:
            self._console.print(as_text(line), end="", soft_wrap=True)
        return capture.get()

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def terminal_size(descriptor: int) -> Callable[[], Size]:
    """Return a function that asks a terminal for its size; one that does not know is taken for 80 by 24."""

    def size() -> Size:
        columns, rows = os.get_terminal_size(descriptor)
        return Size(columns or 80, rows or 24)

    return size


def _up(rows: int) -> str:
    return f"\r\x1b[{rows}A" if rows > 0 else "\r"

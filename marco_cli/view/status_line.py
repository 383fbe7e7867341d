"""A line of progress: written over on a terminal, a line of its own elsewhere. A stream that takes nothing ends no work."""

from contextlib import suppress
from typing import Final, TextIO

from marco_cli.view.line import Glyphs
from marco_cli.view.printable import printable
from marco_cli.view.terminal import columns

USUAL_WIDTH: Final = 80
"""Columns of a terminal that says it has none."""
_ERASE: Final = "\r\x1b[K"


class StatusLine:
    """Owns the last line of a stream; `is_live` says whether it can be written over."""

    def __init__(self, stream: TextIO, *, is_live: bool) -> None:
        self.stream = stream
        self.is_live = is_live
        self.is_shown = False
        """Whether there is a line to be written over."""
        self._glyphs = Glyphs.of(getattr(stream, "encoding", None) or "utf-8")

    def show(self, text: str) -> None:
        """Write how far the work is."""
        text = printable(text)
        if not self.is_live:
            self._write(f"{self._glyphs.text(text)}\n")
            return
        width = USUAL_WIDTH
        with suppress(OSError):  # the terminal is gone
            width = columns(self.stream) or width
        self._write(f"{_ERASE}{self._glyphs.fit(text, width - 1)}")
        self.is_shown = True

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._write(f"{_ERASE * self.is_shown}{self._glyphs.text(printable(text))}\n")
        self.is_shown = False

    def clear(self) -> None:
        """Take the line away."""
        if self.is_shown:
            self._write(_ERASE)
        self.is_shown = False

    def end(self) -> None:
        """Let the line stay as it is."""
        if self.is_shown:
            self._write("\n")
        self.is_shown = False

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self.stream.write(text)
            self.stream.flush()

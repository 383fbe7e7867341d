"""A reply on a terminal: the thought in a few dimmed lines that fold into one, then the output.

In: token pieces, cut anywhere, and a `tick` now and then. Out: a block of lines on stderr that shows the end of the thought
while it grows, a line that stays in its place once it is over, the output through `output`. Where the terminal cannot
redraw, only the line that stays is written.
"""

import codecs
import os
import time
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from rich.console import Console

from marco_cli.sections import NONE, SectionParser, SectionText, Tags
from marco_cli.view.chain import DIM, PLAIN
from marco_cli.view.chat import folded
from marco_cli.view.line import Glyphs, Line, Span, wrap
from marco_cli.view.numbers import grouped
from marco_cli.view.output import Output
from marco_cli.view.painter import Painter, Size, rewraps, terminal_size
from marco_cli.view.printable import printable
from marco_cli.view.terminal import wants_colour

DELAY: Final = 0.3
"""Seconds before anything is drawn: what is over by then needs no display."""
FRAMES_A_SECOND: Final = 8
NUM_ROWS: Final = 6
"""Of the thought; half of the screen on small ones."""
_TAIL: Final = 4_000
"""Characters kept of the thought."""


class FoldedReply:
    """Shows one reply; `output` None leaves the output to the caller."""

    def __init__(
        self,
        *,
        stream: TextIO,
        can_redraw: bool,
        shows_thought: bool,
        output: Output | None,
        remedy: str,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Take stderr, on a terminal.

        `shows_thought`: the words of the thought are shown while it grows, else only their number. `remedy` tells how
        the folded thought is shown whole.
        """
        self.begin(NONE, "")
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._stream = stream
        self._output = output
        self._remedy = remedy
        self._shows_thought = shows_thought
        self._clock = clock
        self._glyphs = Glyphs.of(getattr(stream, "encoding", None) or "utf-8")
        self._is_coloured = wants_colour(stream, environ)
        self._size = terminal_size(stream.fileno()) if stream.isatty() else None
        self._painter = _painter(stream, self._size, environ) if can_redraw and self._size is not None else None
        self._started = clock()
        self._drawn = self._started + DELAY - 1 / FRAMES_A_SECOND
        self._tail = ""
        self._num_tokens = 0
        self._part: int | None = None
        self._is_folded = False
        self._outputs: list[str] = []

    def begin(self, tags: Tags, prefill: str) -> None:
        """Read the reply that is to come by this format, after the beginning that the prompt ends with."""
        self._parser = SectionParser(tags)
        self._parser.feed(prefill)

    @property
    def has_shown_output(self) -> bool:
        """Whether any of the output has been passed on."""
        return bool(self._outputs)

    @property
    def shown_output(self) -> str:
        """What of the output has been passed on."""
        return "".join(self._outputs)

    def on_token(self, _token: int, piece: bytes) -> None:
        """Show what a token settles."""
        if not self._is_folded:
            self._num_tokens += 1
        self._show(self._parser.feed(self._decode(piece)))
        self.tick()

    def tick(self) -> None:
        """Draw the thought as it stands, if it is time."""
        now = self._clock()
        if self._painter is None or self._size is None or self._is_folded or now < self._drawn + 1 / FRAMES_A_SECOND:
            return
        self._drawn = now
        self._painter.paint(self._lines(now - self._started, self._size()))

    def finish(self) -> None:
        """Show what was held back, fold the thought, and end the last line."""
        self._show(self._parser.feed(self._decode(b"", True)))
        self._show(self._parser.finish())
        self._fold()
        if self._outputs and self._output is not None:
            self._output.end()

    def close(self) -> None:
        """Remove the block and show the cursor, whatever state things are in."""
        self._is_folded = True
        if self._painter is not None:
            self._painter.close()

    def say(self, text: str) -> None:
        """Write a line of our own."""
        if self._painter is not None:
            self._painter.erase()
        self._write(f"{printable(text)}\n")

    def _show(self, deltas: tuple[SectionText, ...]) -> None:
        for delta in deltas:
            if delta.kind == "thought":
                self._tail = (self._tail + delta.text)[-_TAIL:]
                continue
            self._fold()
            if self._output is None:
                continue
            if self._part not in (None, delta.part):  # an output that replaces the one before
                self._outputs.clear()
                self._output.end()
            self._part = delta.part
            self._outputs.append(delta.text)
            self._output.write(delta.text)

    def _fold(self) -> None:
        """Put one line in place of the thought."""
        if self._is_folded:
            return
        self.close()
        if self._tail and self._shows_thought:
            columns = self._size().columns if self._size else None
            line = folded(self._num_tokens, self._clock() - self._started, self._remedy, columns)
            self._write(f"{DIM}{line}{PLAIN}\n" if self._is_coloured else f"{line}\n")

    def _lines(self, seconds: float, size: Size) -> tuple[Line, ...]:
        room = max(1, size.columns - 1)
        status = "reading" if not self._num_tokens else f"thinking, {grouped(self._num_tokens)} tokens"
        status = self._glyphs.fit(f"{status}, {seconds:.0f} s", room)
        num_rows = max(0, min(NUM_ROWS, size.rows // 2 - 1))
        words = wrap(printable(self._tail), room)[-num_rows:] if self._shows_thought and num_rows else []
        return (*((Span(self._glyphs.text(text), "dim"),) for text in words), (Span(status, "dim italic"),))

    def _write(self, text: str) -> None:
        self._stream.write(self._glyphs.text(text))
        self._stream.flush()


def _painter(stream: TextIO, size: Callable[[], Size], environ: Mapping[str, str]) -> Painter:
    console = Console(file=stream, force_terminal=True, highlight=False, _environ=environ)
    return Painter(console, size=size, is_rewrapping=rewraps(environ))

"""How far a batch is, on stderr: a line that is drawn anew on a terminal, a line every ten seconds elsewhere.

In: a `Tally` that somebody else counts, and what the engine has done. Out: text for a person. Speed and time left are those
of this run: rows of earlier runs are shown as finished and count for nothing else. It decides nothing; an error of the
view ends the view, never the run.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from rich.cells import cell_len
from rich.console import Console

from marco_cli.batch.tally import Tally
from marco_cli.engine.base import Usage
from marco_cli.view.display import can_redraw
from marco_cli.view.line import Glyphs, Line, Span
from marco_cli.view.painter import Painter, rewraps, terminal_size
from marco_cli.view.printable import printable
from marco_cli.view.status import duration, grouped

FRAMES_A_SECOND: Final = 4
SECONDS_A_LINE: Final = 10.0
_BAR_WIDTH: Final = 24
_PATIENCE: Final = 2.0
"""Seconds that leaving waits for a line under way; a terminal that is held back (Ctrl-S) takes none."""

Meter = Callable[[], Usage]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSnapshot:
    """How far a batch is at one moment."""

    num_finished: int
    """Rows in the output, those of earlier runs included."""
    total: int | None
    num_failed: int
    tokens_per_second: float
    batch_width: float
    """Requests decoded together on average."""
    seconds: float
    seconds_left: float | None
    """None while nobody can know."""


def take_snapshot(tally: Tally, usage: Usage, seconds: float) -> BatchSnapshot:
    """Return how far a run is that has taken `seconds` and `usage`."""
    left = None
    num_answered = max(tally.num_rows, tally.num_answered)
    num_finished = tally.earlier.total() + num_answered
    if tally.total is not None and num_answered:
        left = max(0, tally.total - num_finished) * seconds / num_answered
    return BatchSnapshot(
        num_finished=num_finished,
        total=tally.total,
        num_failed=tally.num_failed,
        tokens_per_second=usage.decoded / seconds if seconds > 0 else 0.0,
        batch_width=usage.mean_batch_width,
        seconds=seconds,
        seconds_left=left,
    )


def progress_text(snapshot: BatchSnapshot) -> str:
    """Return everything in one plain line."""
    return ", ".join(_parts(snapshot))


def progress_line(snapshot: BatchSnapshot, *, width: int, glyphs: Glyphs) -> Line:
    """Return as much as fits into `width` cells, the most important first, with a bar when the number of rows is known."""
    first, *others = _parts(snapshot)
    for count in range(len(others), -1, -1):
        rest = "  ".join(others[:count])
        line = (Span(first, "bold"), *_bar(snapshot, width, glyphs), Span(f"  {rest}" if rest else ""))
        if sum(cell_len(span.text) for span in line) <= width:
            return line
    return (Span(glyphs.fit(first, width), "bold"),)


def _parts(snapshot: BatchSnapshot) -> list[str]:
    of = "" if snapshot.total is None else f" of {grouped(snapshot.total)}"
    rows = "row" if (snapshot.total or snapshot.num_finished) == 1 else "rows"
    parts = [f"{grouped(snapshot.num_finished)}{of} {rows}"]
    if snapshot.num_failed:
        parts.append(f"{grouped(snapshot.num_failed)} failed")
    if snapshot.seconds_left is None:
        parts.append(duration(snapshot.seconds))
    else:
        parts.append(f"{duration(snapshot.seconds_left)} left")
    return [*parts, f"{grouped(snapshot.tokens_per_second)} tokens/s", f"{snapshot.batch_width:.1f} at once"]


def _bar(snapshot: BatchSnapshot, width: int, glyphs: Glyphs) -> Line:
    if not snapshot.total or width < 60:
        return ()
    length = min(_BAR_WIDTH, width // 4)
    full = min(length, round(length * snapshot.num_finished / snapshot.total))
    return (Span("  "), Span(glyphs.full * full, "color(73)"), Span(glyphs.empty * (length - full), "dim"))


class BatchView(Protocol):
    """A place that shows a run while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, text: str) -> None:
        """Show a line that stays."""


def open_view(
    stream: TextIO, tally: Tally, meter: Meter, *, is_quiet: bool = False, environ: Mapping[str, str] = os.environ
) -> BatchView:
    """Return the view for a stream: a line drawn anew on a real terminal, plain lines in a pipe, under CI, on a dumb one."""
    if is_quiet:
        return PlainBatch(stream, tally, meter, seconds_a_line=None)
    if can_redraw(stream, environ) and not environ.get("CI"):
        return LiveBatch(stream, tally, meter, environ=environ)
    return PlainBatch(stream, tally, meter)


class _Ticking:
    """Shows a run from a thread of its own, so that a terminal that takes no text holds nobody up."""

    def __init__(self, tally: Tally, meter: Meter, pause: float | None) -> None:
        self._tally = tally
        self._meter = meter
        self._pause = pause
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marco batch view", daemon=True)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._before = self._meter()
        if self._pause is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show nothing more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def snapshot(self) -> BatchSnapshot:
        """Return how far the run is."""
        return take_snapshot(self._tally, self._meter() - self._before, time.monotonic() - self._began)

    def show(self, snapshot: BatchSnapshot) -> None:
        """Draw."""
        raise NotImplementedError

    def _run(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone, or the stream closed: the run is not
            while not self._is_over.wait(self._pause):
                self.show(self.snapshot())


class PlainBatch(_Ticking):
    """Lines that make sense in a file."""

    def __init__(
        self, stream: TextIO, tally: Tally, meter: Meter, *, seconds_a_line: float | None = SECONDS_A_LINE
    ) -> None:
        super().__init__(tally, meter, seconds_a_line)
        self._stream = stream
        self._glyphs = Glyphs.of(getattr(stream, "encoding", None) or "utf-8")

    def show(self, snapshot: BatchSnapshot) -> None:
        """Write a line."""
        self.say(progress_text(snapshot))

    def say(self, text: str) -> None:
        """Write a line."""
        with suppress(OSError):  # that nobody can take it is no reason to end the work
            self._stream.write(f"{self._glyphs.text(printable(text))}\n")
            self._stream.flush()


class LiveBatch(_Ticking):
    """One line of a terminal, drawn anew, gone at the end."""

    def __init__(self, stream: TextIO, tally: Tally, meter: Meter, *, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(tally, meter, 1 / FRAMES_A_SECOND)
        self._stream = stream
        self._environ = environ
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._file = os.fdopen(
            os.dup(self._stream.fileno()), "w", encoding=self._stream.encoding, errors="replace", newline=""
        )
        console = Console(file=self._file, force_terminal=True, highlight=False, _environ=self._environ)
        self._glyphs = Glyphs.of(self._file.encoding)
        self._size = terminal_size(self._file.fileno())
        self._painter = Painter(console, size=self._size, is_rewrapping=rewraps(self._environ))
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the line and show the cursor."""
        super().__exit__(kind, error, trace)
        with suppress(OSError):
            self._painter.close()
        with suppress(OSError):
            self._file.close()

    def show(self, snapshot: BatchSnapshot) -> None:
        """Draw the line."""
        with self._lock:
            if not self._is_over.is_set():
                self._painter.paint([progress_line(snapshot, width=self._size().columns - 1, glyphs=self._glyphs)])

    def say(self, text: str) -> None:
        """Write a line above."""
        with self._lock, suppress(OSError):
            self._painter.write_above(self._glyphs.text(printable(text)))

"""How far a batch is, on stderr: a line that is written over on a terminal, a line every ten seconds elsewhere.

In: a `Tally` that is counted elsewhere, and what the engine has done. Out: text for a person. Speed and time left are those
of this run: rows of earlier runs are shown as finished and count for nothing else. It decides nothing; an error of the
view ends the view, never the run.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self, TextIO

from marco_cli.batch.tally import Tally
from marco_cli.engine.base import Usage
from marco_cli.view.display import can_redraw
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.status_line import StatusLine

FRAMES_A_SECOND: Final = 4
SECONDS_A_LINE: Final = 10.0
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
    """None while it is not known."""


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


class BatchView:
    """Shows a run from a thread of its own, so that a terminal that takes no text holds no work up."""

    def __init__(self, stream: TextIO, tally: Tally, meter: Meter, *, is_live: bool, pause: float | None) -> None:
        """Show a line every `pause` seconds; `is_live` writes it over, `pause` None shows none."""
        self._stream = stream
        self._tally = tally
        self._meter = meter
        self._is_live = is_live
        self._pause = pause
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="marco batch view", daemon=True)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._before = self._meter()
        # A descriptor of its own: a write that is held back must not hold the lock of stderr's buffer.
        self._line = StatusLine(_own(self._stream) if self._is_live else self._stream, is_live=self._is_live)
        if self._pause is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the line that is written over, and show nothing more."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if not self._thread.is_alive():
            self._line.clear()
            if self._is_live:
                with suppress(OSError):
                    self._line.stream.close()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        with self._lock:
            self._line.say(text)

    def _run(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone, or the stream closed: the run is not
            while not self._is_over.wait(self._pause):
                snapshot = take_snapshot(self._tally, self._meter() - self._before, time.monotonic() - self._began)
                with self._lock:
                    if not self._is_over.is_set():
                        self._line.show(progress_text(snapshot))


def open_view(
    stream: TextIO, tally: Tally, meter: Meter, *, is_quiet: bool = False, environ: Mapping[str, str] = os.environ
) -> BatchView:
    """Return the view for a stream: a line written over on a real terminal, lines in a pipe, under CI, on a dumb one."""
    is_live = not is_quiet and can_redraw(stream, environ) and not environ.get("CI")
    pause = None if is_quiet else 1 / FRAMES_A_SECOND if is_live else SECONDS_A_LINE
    return BatchView(stream, tally, meter, is_live=is_live, pause=pause)


def _own(stream: TextIO) -> TextIO:
    descriptor = os.dup(stream.fileno())
    return os.fdopen(descriptor, "w", encoding=stream.encoding, errors="replace", newline="")

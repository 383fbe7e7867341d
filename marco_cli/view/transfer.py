"""Showing a transfer: a bar on a terminal, a line now and then elsewhere, both on stderr.

In: `download.TransferEvent`s. Out: text for a person. It decides nothing and never touches stdout, and that nobody can take
what it writes (a full disk, a closed pipe, a terminal that is gone) ends no transfer.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from marco_cli.hub.download import TransferEvent

_FRAMES_A_SECOND: Final = 8
_SECONDS_A_LINE: Final = 5.0


class TransferView(Protocol):
    """A place that shows transfers while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def on_event(self, event: TransferEvent) -> None:
        """Show that something happened."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


def open_view(stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> TransferView:
    """Return the view for a stream: live on a real terminal, plain in a pipe, under CI and on a dumb terminal."""
    live = stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
    return LiveTransfer(stream, clock) if live else PlainTransfer(stream, clock)


class PlainTransfer:
    """Lines: one when something changes, and one every five seconds while bytes arrive."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._begun: TransferEvent | None = None
        self._begun_at = 0.0
        self._next_line = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def say(self, text: str) -> None:
        """Write a line."""
        with suppress(OSError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def on_event(self, event: TransferEvent) -> None:
        """Write a line if the event is worth one."""
        if event.kind in ("waiting", "retrying", "restarting"):
            self.say(f"{event.name}: {event.detail}")
            self._begun = None
        elif event.kind == "done":
            self.say(f"{event.name}: {_mb(event.total)}, {event.detail or 'verified'}")
            self._begun = None
        elif self._is_due(event):
            self.say(self._line(event))

    def _is_due(self, event: TransferEvent) -> bool:
        now = self._clock()
        if self._begun is None or (self._begun.name, self._begun.kind) != (event.name, event.kind):
            # Speed is that of this run: neither what was here before nor the time of hashing it counts.
            self._begun, self._begun_at = event, now
            self._next_line = now + _SECONDS_A_LINE
            return event.kind == "receiving"
        if now < self._next_line:
            return False
        self._next_line = now + _SECONDS_A_LINE
        return True

    def _line(self, event: TransferEvent) -> str:
        share = 100 * event.done / event.total if event.total else 100.0
        if event.kind == "hashing":
            return f"{event.name}: checking what is here, {share:.0f} %"
        begun = self._begun or event
        elapsed = self._clock() - self._begun_at
        speed = (event.done - begun.done) / elapsed if elapsed > 0 else 0.0
        rest = f", {_mb(speed)}/s, {(event.total - event.done) / speed:.0f} s left" if speed > 0 else ""
        return f"{event.name}: {_mb(event.done)} of {_mb(event.total)} ({share:.0f} %){rest}"


class LiveTransfer:
    """A bar with speed and time left, redrawn by us at most eight times a second."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next_frame = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=None, visible=False)
        self._name = ""
        self._kind = ""
        self._is_gone = False

    def __enter__(self) -> Self:
        self._draw(self._progress.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last frame on the screen and give the cursor back."""
        self._draw(self._progress.refresh)
        with suppress(OSError):
            self._progress.stop()

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        self._draw(lambda: self._print(text))

    def on_event(self, event: TransferEvent) -> None:
        """Move the bar; write a line above it for what a bar cannot say."""
        self._draw(lambda: self._move(event))

    def _draw(self, draw: Callable[[], None]) -> None:
        """Let something be drawn, unless the terminal is gone: rich would keep all that it cannot write, and try it again."""
        if not self._is_gone:
            try:
                draw()
            except OSError:
                self._is_gone = True

    def _move(self, event: TransferEvent) -> None:
        if event.kind in ("waiting", "retrying", "restarting"):
            self._print(f"{event.name}: {event.detail}")
        if (event.name, event.kind) != (self._name, self._kind) and event.kind in ("hashing", "receiving"):
            # Speed and time left begin anew with each file, and are not those of hashing what is here.
            what = "checking " if event.kind == "hashing" else ""
            self._progress.reset(
                self._task, total=event.total, completed=event.done, visible=True, description=escape(what + event.name)
            )
            self._name, self._kind = event.name, event.kind
        self._progress.update(self._task, completed=event.done)
        if event.kind == "done":
            self._print(f"{event.name}: {_mb(event.total)}, {event.detail or 'verified'}")
        now = self._clock()
        if event.kind == "done" or now >= self._next_frame:
            self._next_frame = now + 1 / _FRAMES_A_SECOND
            self._progress.refresh()

    def _print(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"

"""Showing a transfer: a line that is written over on a terminal, a line now and then elsewhere, both on stderr.

In: `download.TransferEvent`s. Out: text for a person. It decides nothing and never touches stdout.
"""

import os
import time
from collections.abc import Callable
from typing import Final, Self, TextIO

from marco_cli.hub.download import TransferEvent
from marco_cli.view.display import can_redraw
from marco_cli.view.status_line import StatusLine

_FRAMES_A_SECOND: Final = 8
_SECONDS_A_LINE: Final = 5.0


def open_view(stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> "TransferView":
    """Return the view for a stream: live on a real terminal, plain in a pipe, under CI and on a dumb terminal."""
    return TransferView(stream, clock, is_live=can_redraw(stream) and not os.environ.get("CI"))


class TransferView:
    """Lines: one when something changes, and while bytes arrive one every five seconds, or one that is written over."""

    def __init__(self, stream: TextIO, clock: Callable[[], float], *, is_live: bool) -> None:
        self._line = StatusLine(stream, is_live=is_live)
        self._clock = clock
        self._pause = 1 / _FRAMES_A_SECOND if is_live else _SECONDS_A_LINE
        self._begun: TransferEvent | None = None
        self._begun_at = 0.0
        self._next_line = 0.0

    @property
    def is_live(self) -> bool:
        """Whether a line is written over."""
        return self._line.is_live

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last line on the screen."""
        self._line.end()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._line.say(text)

    def on_event(self, event: TransferEvent) -> None:
        """Write a line if the event is worth one."""
        if event.kind in ("waiting", "retrying", "restarting"):
            self.say(f"{event.name}: {event.detail}")
            self._begun = None
        elif event.kind == "done":
            self.say(f"{event.name}: {_mb(event.total)}, {event.detail or 'verified'}")
            self._begun = None
        elif self._is_due(event):
            self._line.show(self._text(event))

    def _is_due(self, event: TransferEvent) -> bool:
        now = self._clock()
        if self._begun is None or (self._begun.name, self._begun.kind) != (event.name, event.kind):
            # Speed is that of this run: neither what was here before nor the time of hashing it counts.
            self._begun, self._begun_at = event, now
            self._next_line = now + self._pause
            return event.kind == "receiving"
        if now < self._next_line:
            return False
        self._next_line = now + self._pause
        return True

    def _text(self, event: TransferEvent) -> str:
        share = 100 * event.done / event.total if event.total else 100.0
        if event.kind == "hashing":
            return f"{event.name}: checking what is here, {share:.0f} %"
        begun = self._begun or event
        elapsed = self._clock() - self._begun_at
        speed = (event.done - begun.done) / elapsed if elapsed > 0 else 0.0
        rest = f", {_mb(speed)}/s, {(event.total - event.done) / speed:.0f} s left" if speed > 0 else ""
        return f"{event.name}: {_mb(event.done)} of {_mb(event.total)} ({share:.0f} %){rest}"


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"

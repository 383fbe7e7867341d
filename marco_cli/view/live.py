"""The live tree on a terminal.

In: `SearchEvent`s and token pieces, from the event loop. Out: a block of lines on the terminal, at most eight times a second
and only when something changed, drawn by a thread of its own from an immutable snapshot. A frame's own cost sets the pace:
drawing takes at most 2 % of the time. Whatever ends the `with` block, a signal's SystemExit included, leaves a clean screen
and a visible cursor. An error of the view ends the view, never the search.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Self, TextIO

from rich.console import Console

from marco_cli.engine.base import Usage
from marco_cli.search.events import SearchEvent, SearchStarted
from marco_cli.view.line import Glyphs
from marco_cli.view.painter import Painter, Size, rewraps, terminal_size
from marco_cli.view.printable import printable
from marco_cli.view.search_screen import screen_lines
from marco_cli.view.snapshot import Recorder

FRAMES_A_SECOND: Final = 8
COST_SHARE: Final = 0.02
"""Of the time that drawing may take."""
DELAY: Final = 0.3
"""Seconds from the first event to the first frame: a search that is over by then needs no display."""
_PATIENCE: Final = 2.0
"""Seconds that leaving waits for a frame under way; a terminal that is held back (Ctrl-S) takes none."""

Meter = Callable[[], Usage]


class LiveSearch:
    """Shows a search while it runs."""

    def __init__(
        self,
        stream: TextIO,
        *,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Take over a part of a terminal.

        The descriptor of `stream`, stderr, is duplicated, so that code which redirects the original takes the display
        along. A `meter` tells what the engine has done so far; tokens and batch width then move between events.
        """
        self._stream = stream
        self._meter = meter
        self._clock = clock
        self._environ = environ
        self._recorder = Recorder()
        self._fold_lock = threading.Lock()
        self._paint_lock = threading.RLock()
        self._is_over = threading.Event()
        self._is_dirty = True
        self._began: float | None = None
        self._first_frame_at: float | None = None
        self._usage_before = Usage()
        self._last_second = -1
        self._tallest = 0
        self._size_seen: Size | None = None
        self._thread = threading.Thread(target=self._run, name="marco live view", daemon=True)
        self.error: Exception | None = None
        """What ended the view early."""
        self.num_frames = 0
        self.frame_seconds = 0.0
        """CPU time spent on drawing."""

    def __enter__(self) -> Self:
        self._file = os.fdopen(
            os.dup(self._stream.fileno()), "w", encoding=self._stream.encoding, errors="replace", newline=""
        )
        console = Console(file=self._file, force_terminal=True, highlight=False, _environ=self._environ)
        self._glyphs = Glyphs.of(self._file.encoding)
        self._size = terminal_size(self._file.fileno())
        self._painter = Painter(console, size=self._size, is_rewrapping=rewraps(self._environ))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the display and show the cursor."""
        try:
            self._is_over.set()
            self._thread.join(_PATIENCE)
        finally:
            has_lock = self._paint_lock.acquire(timeout=_PATIENCE)
            try:
                self._leave()
            finally:
                if has_lock:
                    self._paint_lock.release()

    def _leave(self) -> None:
        with suppress(OSError):  # the terminal is gone, and its cursor with it
            self._painter.close()
            if self.error is not None:
                text = self._glyphs.text(printable(f"{type(self.error).__name__}: {self.error}"))
                self._painter.write_above(f"marco: the live view ended early ({text}); the search did not")
        with suppress(OSError):
            self._file.close()

    def on_event(self, event: SearchEvent) -> None:
        """Take an event; returns at once."""
        self._note(lambda: self._fold(event))

    def on_token(self, _token: int, piece: bytes) -> None:
        """Take a token of the first reply, to be shown until it is finished."""
        self._note(lambda: self._recorder.hear(piece))

    def say(self, text: str) -> None:
        """Write a line that stays, above the display."""
        try:
            with self._paint_lock:
                self._painter.write_above(self._glyphs.text(printable(text)))
        except OSError as error:
            self.error = error
        self._is_dirty = True

    def _fold(self, event: SearchEvent) -> None:
        if isinstance(event, SearchStarted):
            self._began = self._clock() - event.progress.seconds
            self._usage_before = self._meter() if self._meter else Usage()
        self._recorder.fold(event)

    def _note(self, fold: Callable[[], None]) -> None:
        if self.error is not None:
            return
        try:
            with self._fold_lock:
                fold()
        except Exception as error:  # noqa: BLE001 (kept and reported at the end: a view must not end a search)
            self.error = error
        if self._first_frame_at is None:
            self._first_frame_at = self._clock() + DELAY
        self._is_dirty = True

    def _run(self) -> None:
        pause = 1 / FRAMES_A_SECOND
        while not self._is_over.wait(pause) and self.error is None:
            started = time.thread_time()
            try:
                with self._paint_lock:
                    if not self._is_over.is_set():
                        self._tick()
            except Exception as error:  # noqa: BLE001 (as in `_note`)
                self.error = error
            cost = time.thread_time() - started
            self.frame_seconds += cost
            pause = max(1 / FRAMES_A_SECOND, cost / COST_SHARE)
        if self.error is not None:
            with self._paint_lock, suppress(OSError):
                self._painter.close()

    def _tick(self) -> None:
        """Draw a frame if there is anything new to see."""
        if self._first_frame_at is None or self._clock() < self._first_frame_at:
            return
        size = self._size()
        if self._painter.is_resized:
            self._tallest = 0
            self._painter.erase()
            self._is_dirty = True
        if size != self._size_seen:  # drawn when the size has settled: dragging a corner changes it all the time
            is_first, self._size_seen = self._size_seen is None, size
            if not is_first:
                return
        seconds = None if self._began is None else self._clock() - self._began
        if not self._is_dirty and int(seconds or 0) == self._last_second:
            return
        self._is_dirty, self._last_second = False, int(seconds or 0)
        with self._fold_lock:
            usage = self._meter() - self._usage_before if self._meter else None
            snapshot = self._recorder.snapshot(seconds=seconds, usage=usage)
        lines = screen_lines(snapshot, width=size.columns, height=size.rows, glyphs=self._glyphs, least=self._tallest)
        self._tallest = max(self._tallest, len(lines))
        self._painter.paint(lines)
        self.num_frames += 1

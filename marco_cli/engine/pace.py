"""How many threads a decode call runs on while other programs want the cores, too.

llama.cpp's threads meet some hundred times a call. Where another program has pushed one of them off its core, all others wait
for it, and fewer threads are faster. In: how long each call took, on the clock and on the processor. Out: the threads of the
next one. Only for calls whose results do not depend on the number of threads, as those of plain attention do not.
"""

import statistics
from typing import Final

TRIAL: Final = 4
"""Calls of about the same size that are compared."""
FULL: Final = 0.8
"""Share of the processor time of all threads that a call has on a machine that is idle, at least."""
GAIN: Final = 0.9
"""Times the seconds that a call must take with other threads for them to stay."""
REST: Final = 64
"""Calls after which another number of threads is tried; twice as many after each that was no better."""
LONGEST_REST: Final = 512


class Pace:
    """Chooses among a few numbers of threads."""

    def __init__(self, most: int) -> None:
        self._choices = sorted({most, max(1, most - 1), max(1, most // 2), 1}, reverse=True)
        self._place = 0
        self._before: int | None = None
        """The place that the one under trial is compared with."""
        self._size = 0
        self._seconds: list[float] = []
        self._shares: list[float] = []
        self._standard = 0.0
        """Seconds of a call at the place before."""
        self._rest = 0
        self._next_rest = REST

    @property
    def threads(self) -> int:
        """How many the next call runs on."""
        return self._choices[self._place]

    def took(self, num_rows: int, seconds: float, processor_seconds: float) -> None:
        """Note what a call of so many rows took."""
        size = (num_rows - 1).bit_length()
        if size != self._size:
            self._size = size
            self._cancel()
        self._rest = max(0, self._rest - 1)
        self._seconds.append(seconds)
        self._shares.append(processor_seconds / (seconds * self.threads) if seconds else 1.0)
        if len(self._seconds) == TRIAL:
            self._decide()

    def _decide(self) -> None:
        seconds, share = statistics.median(self._seconds), statistics.median(self._shares)
        if self._before is not None:
            is_better = seconds <= GAIN * self._standard
            self._place = self._place if is_better else self._before
            self._next_rest = REST if is_better else min(2 * self._next_rest, LONGEST_REST)
            self._before, self._rest = None, self._next_rest
        elif not self._rest:
            other = self._next(share)
            if other is not None:
                self._before, self._standard, self._place = self._place, seconds, other
        self._seconds, self._shares = [], []

    def _next(self, share: float) -> int | None:
        """Return the place to try: fewer threads where these do not get the cores, else more, if there are."""
        if share < FULL and self._place + 1 < len(self._choices):
            return self._place + 1
        return self._place - 1 if self._place else None

    def _cancel(self) -> None:
        """End a trial: calls of other sizes say nothing about it."""
        if self._before is not None:
            self._place, self._before = self._before, None
        self._seconds, self._shares = [], []

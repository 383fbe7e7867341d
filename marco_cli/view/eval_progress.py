"""How an evaluation is getting on: rows, running accuracy, rate and time left, on stderr.

In: outcomes as they are finished. Out: on a terminal one line that is written over, elsewhere a line every ten seconds.
Rows that were there before count as done, and play no part in the rate.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from marco_cli.evals.forecast import Forecast
from marco_cli.evals.outcome import Outcome
from marco_cli.view.display import can_redraw
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.printable import printable
from marco_cli.view.status_line import StatusLine

_SECONDS_A_LINE: Final = 10.0
_FRAMES_A_SECOND: Final = 4


def opening_line(num_items: int, num_variants: int, num_left: int, forecast: Forecast) -> str:
    """Say what will be asked, and how long that takes, or that it cannot be said yet."""
    items = f"{grouped(num_items)} problem{'s' * (num_items != 1)}"
    variants = f"{num_variants} variant{'s' * (num_variants != 1)}"
    return f"{items}, {variants}: {grouped(num_left)} answers to come; {time_text(forecast)}"


def time_text(forecast: Forecast, elapsed: float = 0.0) -> str:
    """Say how long the answers to come will take, by those that are there, `elapsed` seconds after the run began."""
    seconds = forecast.seconds(elapsed)
    if seconds is None:
        return "how long they take is not known before the first ones"
    return f"about {duration(seconds)} to go, by the {grouped(forecast.num_measured)} that are there"


class EvalProgress:
    """Counts outcomes and says so."""

    def __init__(
        self,
        stream: TextIO,
        *,
        total: int,
        done: Sequence[Outcome] = (),
        is_quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._clock = clock
        self._line = StatusLine(stream, is_live=can_redraw(stream) and not os.environ.get("CI"))
        self._pause = 1 / _FRAMES_A_SECOND if self._line.is_live else _SECONDS_A_LINE
        self._is_quiet = is_quiet
        self._started = clock()
        self._next = self._started + (0.0 if self._line.is_live else self._pause)
        self._num_done = len(done)
        self._num_new = 0
        self._num_tokens = 0
        self._values: dict[str, list[float]] = {}
        for outcome in done:
            self._count(outcome)

    def on_outcome(self, outcome: Outcome) -> None:
        """Take note of a finished row, and show it now and then."""
        self._num_done += 1
        self._num_new += 1
        self._num_tokens += outcome.usage.decoded
        self._count(outcome)
        if self._clock() >= self._next:
            self._next = self._clock() + self._pause
            if not self._is_quiet:
                self._line.show(self.line())

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self._line.say(text)

    def announce(self, text: str) -> None:
        """Write a line that stays, unless nothing is to be said."""
        if not self._is_quiet:
            self.say(text)

    def close(self) -> None:
        """Take the live line away."""
        self._line.clear()

    def line(self) -> str:
        """Return the state in one line."""
        seconds = self._clock() - self._started
        parts = [f"{self._num_done}/{self._total} rows"]
        for label, values in self._values.items():
            parts.append(f"{printable(label)} {100 * sum(values) / len(values):.0f} %")
        if self._num_new and seconds > 0:
            left = (self._total - self._num_done) * seconds / self._num_new
            parts += [f"{grouped(self._num_tokens / seconds)} tokens/s", f"{duration(left)} left"]
        return "  ".join(parts)

    def _count(self, outcome: Outcome) -> None:
        if outcome.error is None:
            self._values.setdefault(outcome.variant, []).append(outcome.score.value)

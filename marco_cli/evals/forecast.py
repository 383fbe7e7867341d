"""How long the rest of an evaluation will take, from the answers that are there.

In: what is to be asked, and finished rows. Out: seconds. An answer to come takes what those of its variant took on average, in
the machine's own time, of which each row has its share. A run that is under way also knows how much slower its clock goes than
that: other programs, and what is done between two calls of the model, are in no row.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from marco_cli.evals.outcome import Outcome


class Forecast:
    """What is left of a run, and what it has taken so far."""

    def __init__(self, left: Iterable[str], past: Iterable[Outcome] = (), *, in_flight: int = 1) -> None:
        """Take the variant of each answer to come, rows of earlier runs, and how many answers are worked on at once."""
        self._left = Counter(left)
        self._in_flight = in_flight
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._num_new = 0
        self._new_seconds = 0.0
        for row in past:
            self._measure(row)

    def add(self, row: Outcome) -> None:
        """Take note of an answer of this run."""
        self._left[row.variant] -= 1
        self._num_new += 1
        self._new_seconds += row.work_seconds
        self._measure(row)

    @property
    def num_measured(self) -> int:
        """Rows that it goes by."""
        return sum(map(len, self._seconds.values()))

    @property
    def num_new(self) -> int:
        """Of those, rows of this run."""
        return self._num_new

    def seconds(self, elapsed: float = 0.0) -> float | None:
        """Return the seconds that all that is left takes; None while a variant to come has no row.

        The run began `elapsed` seconds ago. What is in flight is taken to be half done.
        """
        left = {variant: num for variant, num in self._left.items() if num > 0}
        if not all(self._seconds[variant] for variant in left):
            return None
        work = sum(num * sum(self._seconds[variant]) / len(self._seconds[variant]) for variant, num in left.items())
        done = self._new_seconds * (1 + self._in_flight / (2 * self._num_new)) if self._num_new else 0.0
        return work * max(1.0, elapsed / done) if done else work

    def _measure(self, row: Outcome) -> None:
        if row.error is None:
            self._seconds[row.variant].append(row.work_seconds)

"""A look through the whole input before anything is done: what is in it, and what of it is done already.

In: one row after the other, and the rows that the output holds. Out: a `Survey`, which keeps of each row its key and its line.
"""

import random
from typing import Final

from marco_cli.batch.entries import Done
from marco_cli.batch.fields import Unused
from marco_cli.batch.record import FAILED
from marco_cli.batch.rows import BadRow, BatchRow
from marco_cli.errors import InputError

MOST_PROBLEMS: Final = 10
"""Bad rows that are described; the others are counted."""


class Survey:
    """What an input holds. Feed it with `add`, then `check` it."""

    def __init__(self, done: Done | None = None, *, num_samples: int = 0, is_retrying: bool = False) -> None:
        """Begin to look, drawing `num_samples` good rows. Where it `is_retrying`, rows that failed are not done."""
        self.num_rows = 0
        self.num_bad = 0
        self.num_done = 0
        """Rows that the output holds with the same input."""
        self.num_again = 0
        """Rows that the output holds with the same input and that are to be answered again."""
        self.problems: list[tuple[int, str]] = []
        """Line and message of the first bad rows."""
        self.hint: str | None = None
        """What helps against the first problem that anything helps against."""
        self.unused = Unused()
        """Fields that are not honoured."""
        self.may_check = False
        """Whether a row names a check, or a preset that may."""
        self.lines: dict[str, int] = {}
        """The line of each key."""
        self.stale: set[str] = set()
        """Keys whose input is another than when their row was written."""
        self._done = done or {}
        self._repeated: tuple[str, int, int] | None = None
        """The first id that came again, and its lines."""
        self._num_repeated = 0
        self._is_retrying = is_retrying
        self._num_samples = num_samples
        self._sample: list[BatchRow] = []
        self._num_offered = 0
        self._draw = random.Random(0)  # noqa: S311 (a sample, no secret)

    @property
    def sample(self) -> list[BatchRow]:
        """Good rows that are not done, drawn at random, in the order of the input."""
        return sorted(self._sample, key=lambda row: row.line)

    @property
    def num_left(self) -> int:
        """Good rows that are not done."""
        return self._num_offered

    @property
    def num_strangers(self) -> int:
        """Rows of the output that the input does not have."""
        return len(self._done) - self.num_done - self.num_again - len(self.stale)

    def add(self, row: BatchRow | BadRow) -> None:
        """Look at the next row."""
        self.num_rows += 1
        before = self.lines.get(row.key)
        self.lines[row.key] = row.line
        if before is not None:
            self._num_repeated += 1
            self._repeated = self._repeated or (str(row.id), before, row.line)
        if isinstance(row, BadRow):
            self.num_bad += 1
            self.hint = self.hint or row.error.hint
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append((row.line, row.error.message))
        else:
            self.unused.add(row.unused, row.variables)
            self.may_check = self.may_check or any(key in ("check", "preset") for key, _ in row.overrides)
        if self._is_done(row):
            self.num_done += 1
        elif isinstance(row, BatchRow):
            self._offer(row)

    def check(self, name: str) -> None:
        """Refuse what cannot be begun with.

        Raises:
            InputError: an id came up twice, or there are rows but no good one.
        """
        if self._repeated is not None:
            row_id, first, second = self._repeated
            more = f", and {self._num_repeated - 1} more rows repeat an id" if self._num_repeated > 1 else ""
            raise InputError(
                f"{name}: id {row_id[:80]!r} is on line {first} and on line {second}{more}",
                hint="give every row an id of its own, or leave ids out",
            )
        if self.num_rows and self.num_bad == self.num_rows:
            number, message = self.problems[0]
            raise InputError(f"no row of {name} can be used; line {number}: {message}", hint=self.hint)

    def _is_done(self, row: BatchRow | BadRow) -> bool:
        recorded = self._done.get(row.key)
        if recorded is None:
            return False
        if recorded.input_hash != row.input_hash:
            self.stale.add(row.key)
            return False
        if self._is_retrying and recorded.status in FAILED:
            self.num_again += 1
            return False
        return True

    def _offer(self, row: BatchRow) -> None:
        """Keep each of the rows offered so far with the same probability (reservoir sampling, Vitter 1985)."""
        self._num_offered += 1
        if len(self._sample) < self._num_samples:
            self._sample.append(row)
        elif self._num_samples and (place := self._draw.randrange(self._num_offered)) < self._num_samples:
            self._sample[place] = row

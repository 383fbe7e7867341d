"""What a run has come to so far, and when it has failed too often.

In: finished rows. Out: counts for progress, report and exit code.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from marco_cli.batch.entries import JournalEntry
from marco_cli.batch.failures import Failures, Reason
from marco_cli.batch.fields import Unused
from marco_cli.batch.record import FAILED, Status
from marco_cli.check.base import Judgement
from marco_cli.errors import ConfigError
from marco_cli.trace.record import Trace

_FEWEST = 20
"""Rows that must be finished before a share of an unknown number says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A row that is ready to be written."""

    data: bytes
    """The output line."""
    status: Status
    line: int
    """Of the input, from 1."""
    reason: Reason | None = None
    """Why there is no answer; None where there is one."""
    judgement: Judgement | None = None
    """What the checks said of the answer; None where there were none."""
    is_routed: bool = False
    """Whether one chain came first and might do."""
    is_searched: bool = False
    """Whether it did not."""
    is_changed: bool = False
    """Whether the search then came to another answer."""
    num_tokens: int = 0
    """Decoded."""
    num_search_tokens: int = 0
    """Of those, decoded after a first chain that was in doubt."""
    trace: Trace | None = None
    """Kept once the line is where it stays."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of a run."""

    total: int | None = None
    """Rows of the input; None for a stream."""
    earlier: Counter[str] = field(default_factory=Counter)
    """Rows of earlier runs, by status."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Rows of this run, by status."""
    judgements: Counter[Judgement] = field(default_factory=Counter)
    """Rows of this run that were checked, by what the checks said."""
    num_verified_earlier: int = 0
    """Rows of earlier runs whose answer a check found right."""
    num_answered: int = 0
    """Rows of this run that are answered, those included that wait for an earlier one to be written."""
    num_routed: int = 0
    num_searched: int = 0
    num_changed: int = 0
    num_tokens: int = 0
    num_search_tokens: int = 0
    failures: Failures = field(default_factory=Failures)
    """Why rows of this run have no answer."""
    unused: Unused = field(default_factory=Unused)
    """Fields of a stream's rows that are not honoured; those of a file are known before the run."""

    def pass_over(self, row: JournalEntry) -> None:
        """Count a row of an earlier run."""
        self.earlier[row.status] += 1
        self.num_verified_earlier += row.is_verified

    def add(self, row: Finished) -> None:
        """Count a row that was written."""
        self.statuses[row.status] += 1
        if row.judgement is not None:
            self.judgements[row.judgement] += 1
        if row.reason is not None:
            self.failures.add(row.reason, row.line)
        self.num_routed += row.is_routed
        self.num_searched += row.is_searched
        self.num_changed += row.is_changed
        self.num_tokens += row.num_tokens
        self.num_search_tokens += row.num_search_tokens

    @property
    def num_rows(self) -> int:
        """Rows that this run wrote."""
        return self.statuses.total()

    @property
    def num_failed(self) -> int:
        """Rows without an answer, those of earlier runs included."""
        return sum(self.statuses[status] + self.earlier[status] for status in FAILED)

    @property
    def num_unverified(self) -> int:
        """Rows without an answer that a check found right, those of earlier runs included."""
        return self.num_finished - self.num_verified_earlier - self.judgements["right"]

    @property
    def num_finished(self) -> int:
        """Rows that are in the output."""
        return self.num_rows + self.earlier.total()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLimit:
    """How many rows may fail before a run ends; those of earlier runs do not count, so that every run gets on."""

    count: int | None = None
    share: float | None = None
    """In [0, 1], of all rows; of a stream, of those that the run has finished."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `10` or `5%`.

        Raises:
            ConfigError: it is neither.
        """
        if re.fullmatch(r"[0-9]{1,9}", text):
            return cls(count=int(text))
        if re.fullmatch(r"([0-9]{1,2}|100)(\.[0-9]+)?%", text) and float(text[:-1]) <= 100:
            return cls(share=float(text[:-1]) / 100)
        raise ConfigError(f"--max-errors: got {text!r}, expected a number of rows or a share such as 5%")

    def is_exceeded(self, tally: Tally) -> bool:
        """Say whether more rows failed than may."""
        num_failed = sum(tally.statuses[status] for status in FAILED)
        if self.count is not None:
            return num_failed > self.count
        if self.share is None:
            return False
        if tally.total is None and tally.num_rows < _FEWEST:
            return False
        return num_failed > self.share * (tally.total or tally.num_rows)

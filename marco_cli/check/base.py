"""What a check is given and what it says.

In: a `Submission`, one finished reply as its question's checks see it. Out: a `Verdict`. The search knows these two and the
protocol `Verifier`, and no check.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, Protocol

from marco_cli.answer import Answer

Judgement = Literal["right", "wrong", "unknown"]

MOST_WHY = 300
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A reply to be checked."""

    question: str
    output: str
    thought: str = ""
    answer: Answer | None = None
    tests: str = ""
    """What belongs to the question and tells right from wrong, e.g. the tests of a row."""
    number: int = 0
    """Replies of the search that were finished before this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check says of a reply."""

    judgement: Judgement
    score: float | None = None
    """How good the reply is, in [0, 1]; None where the check does not say."""
    why: str = ""
    """One line for a person, `MOST_WHY` characters at most."""
    trouble: str = ""
    """What kept the check from judging, if it was not the reply; the user is told once."""

    def __post_init__(self) -> None:
        """Refuse a score that is not one."""
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"the score is {self.score}, expected a number from 0 to 1")

    @property
    def value(self) -> float | None:
        """What a search backs up, in [0, 1]: the score, else 1 if right and 0 if wrong; None where nothing is known."""
        if self.judgement == "unknown":
            return None
        return float(self.judgement == "right") if self.score is None else self.score


UNKNOWN = Verdict(judgement="unknown")


class Verifier(Protocol):
    """Who knows whether an answer is right."""

    async def check(self, submission: Submission) -> Verdict:
        """Judge a reply. Nothing is raised for what a reply says; cancelling ends what was started."""
        ...

    def key(self, submission: Submission) -> Hashable:
        """Return what the verdict depends on: replies with equal keys are judged once."""
        ...

    async def close(self) -> None:
        """Free what was opened."""
        ...


def reason(text: str) -> str:
    """Return a text as the reason of a verdict: one line, short."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_WHY else f"{line[: MOST_WHY - 1]}…"

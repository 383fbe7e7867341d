"""What an evaluation asks and what it says of an answer: values only.

A `Problem` of a data set is called an `Item` here, since `search.base.Problem` is a prompt in token ids. A `Selection`
says which items are wanted, a `DataSet` is what was found, a `Score` is what one text is worth against one item.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["right", "wrong", "no_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question with its reference answer."""

    id: str
    question: str
    target: str
    """As the data set writes it; a pattern for `regex`, criteria for `rubric`."""
    scorer: str
    """A key of `evals.SCORERS`."""
    lang: str = ""
    """Language of the question, e.g. "zh"; "" when the data set does not say."""
    group: str = ""
    """What kind of problem it is, in the data set's own words."""
    references: tuple[str, ...] = ()
    """Further right answers."""
    tests: str = ""
    """What the checks of a search may see; "" without any."""

    @property
    def targets(self) -> tuple[str, ...]:
        """All right answers."""
        return self.target, *self.references


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which items of a data set are wanted."""

    langs: tuple[str, ...] = ()
    """Empty: the data set's own choice."""
    data: Path | None = None
    """A local file or directory to read instead of what is bundled, generated or cached."""
    limit: int | None = None
    """Items at most (of each language where they are translations of each other); None takes all."""
    draw: int = 0
    """Seed of which items a `limit` leaves, and of generated ones."""
    may_fetch: bool = False
    """Whether a missing file may be downloaded."""
    scorer: str | None = None
    """A key of `evals.SCORERS`, instead of the data set's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """The items that will be asked."""

    name: str
    items: tuple[Item, ...]
    source: str
    """Where they come from, for people."""
    notices: tuple[str, ...] = ()
    """What a person should know before they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one text is worth against one item."""

    verdict: Verdict
    value: float
    """In [0, 1]: 1 for right, 0 for wrong; translations and open-ended replies have every value between."""
    answer: str | None
    """What was read from the text, in canonical form; None when there was nothing."""
    rule: str
    """The rule that read it."""


Scorer = Callable[[str, Item], Score]

NO_ANSWER = Score(verdict="no_answer", value=0.0, answer=None, rule="none")


def judged(answer: str, *, is_right: bool, rule: str) -> Score:
    """Return the score of an answer that is either right or wrong."""
    return Score(verdict="right" if is_right else "wrong", value=float(is_right), answer=answer, rule=rule)

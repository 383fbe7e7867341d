"""What a process reward is for a search, and what a format of process models is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from marco_cli.engine.base import Usage
from marco_cli.reward.verdict import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class StepScore:
    """What the last of some steps is worth."""

    value: float
    """P(right), in [0, 1]."""
    usage: Usage


class StepScorer(Protocol):
    """Who knows whether steps are right."""

    @property
    def is_whole(self) -> bool:
        """Whether one score says all of the steps before it, so that only the last step need be asked about."""
        ...

    async def score(self, question: str, steps: Sequence[str]) -> StepScore | None:
        """Return the score of the last step; None when there is no room to ask."""
        ...

    def worth(self, scores: Sequence[float]) -> float:
        """Return what steps with these scores, one or more, come to together, in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFormat:
    """How a kind of process models is asked about the last of some steps."""

    write: Callable[[str, Sequence[str]], Passage]
    """(question, steps, one or more) → what the model is shown. The passage for one more step begins in the same way."""
    family: str
    """Regular expression for the names of models that were trained for it; nothing matches ""."""
    num_outputs: int | None = None
    """What the head of such a model gives (`engine.head`); None for models that answer in words."""
    is_whole: bool = False
    """See `StepScorer`."""

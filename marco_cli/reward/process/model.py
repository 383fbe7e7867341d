"""A process model: an engine that is asked in the format that it was trained for."""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from marco_cli.reward.process import AGGREGATES, FORMATS
from marco_cli.reward.process.base import StepFormat, StepScore
from marco_cli.reward.verdict import Examiner, probability

_DEFAULT_FORMAT: Final = "yes-no"
_DEFAULT_AGGREGATE: Final = "last"


class ProcessModel:
    """A `StepScorer` by a model's own verdicts."""

    def __init__(self, examiner: Examiner, *, form: str, aggregate: str | None = None) -> None:
        """Take a format and an aggregate by name; without an aggregate the last step speaks for all before it."""
        self._examiner = examiner
        self._format: StepFormat = _load(FORMATS[form])
        self._aggregate: Callable[[Sequence[float]], float] = _load(AGGREGATES[aggregate or _DEFAULT_AGGREGATE])

    @property
    def is_whole(self) -> bool:
        """Whether one score says all of the steps before it."""
        return self._format.is_whole

    async def score(self, question: str, steps: Sequence[str]) -> StepScore | None:
        """Return the score of the last step; None when there is no room to ask."""
        verdict = await self._examiner.verdict(self._format.write(question, steps))
        return None if verdict is None else StepScore(value=probability(verdict.log_odds), usage=verdict.usage)

    def worth(self, scores: Sequence[float]) -> float:
        """Return what steps with these scores come to together, in [0, 1]."""
        return self._aggregate(scores)


def format_of(name: str, num_outputs: int | None = None) -> str:
    """Return the format that goes with a model, a key of `FORMATS`.

    A head tells it by what it gives, of other models the name: any can be asked for yes or no.
    """
    known = [(key, _load(place)) for key, place in FORMATS.items()]
    if num_outputs is not None:
        return next(key for key, form in known if form.num_outputs == num_outputs)
    found = (key for key, form in known if form.family and re.search(form.family, name.lower()))
    return next(found, _DEFAULT_FORMAT)


def wants_head(form: str) -> bool:
    """Say whether models of a format answer by a head of their own."""
    return _load(FORMATS[form]).num_outputs is not None


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)

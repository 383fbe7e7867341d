"""What is known of all replies finished so far: how confident they are, and how many agree.

In: signals and answers, one reply at a time. Out: shares and ranks in [0, 1]. Adding and asking cost the same however
many replies there are (answers are grouped by their canonical form).
"""

import math
from dataclasses import dataclass

from marco_cli.answer import Answer, AnswerKey
from marco_cli.reward.signals import Signals


class Population:
    """Running statistics of the finished replies of one search."""

    def __init__(self) -> None:
        self.num_replies = 0
        self._mean = 0.0
        self._squares = 0.0
        self._counts: dict[AnswerKey, float] = {}
        self._weight = 0.0

    def add(self, signals: Signals, answer: Answer | None, *, weight: float = 1.0) -> None:
        """Count one more reply; Welford's running variance."""
        self.num_replies += 1
        self._weight += weight
        change = signals.confidence - self._mean
        self._mean += change / self.num_replies
        self._squares += change * (signals.confidence - self._mean)
        if answer is not None:
            key = answer.key
            self._counts[key] = self._counts.get(key, 0.0) + weight

    @property
    def spread(self) -> float:
        """Standard deviation of the mean confidences; 0 for fewer than two replies."""
        return math.sqrt(self._squares / self.num_replies) if self.num_replies else 0.0

    def share(self, answer: Answer | None) -> float:
        """Return which share of the replies gave this answer, in [0, 1]; 0 for none and before the first."""
        if answer is None or not self._weight:
            return 0.0
        return self._counts.get(answer.key, 0.0) / self._weight

    def standing(self, confidence: float) -> float:
        """Return where a mean confidence stands among those seen, in (0, 1); 0.5 is the average.

        The logistic function of its z-score. Mean confidences of one problem lie within 0.01 to 0.03 of each other,
        and where that band lies depends on the model: only the comparison says something (SC-MCTS*, arXiv 2410.01707,
        normalises its rewards in the same way).
        """
        if self.spread < _NO_SPREAD:
            return 0.5
        z = (confidence - self._mean) / self.spread
        return 1 / (1 + math.exp(-max(-_FAR, min(_FAR, z))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a reward goes by."""

    signals: Signals
    answer: Answer | None
    population: Population
    """All replies finished so far, this one included."""


_NO_SPREAD = 1e-9
_FAR = 30.0

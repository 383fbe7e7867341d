"""From the scores of the steps, each in [0, 1], to one score of the reasoning up to the last of them."""

import math
import statistics
from collections.abc import Sequence


def last(scores: Sequence[float]) -> float:
    """Return the score of the last step."""
    return scores[-1]


def least(scores: Sequence[float]) -> float:
    """Return the lowest score: a chain is as good as its worst step (Math-Shepherd, arXiv 2312.08935)."""
    return min(scores)


def product(scores: Sequence[float]) -> float:
    """Return the probability that all steps are right, if they are independent (arXiv 2305.20050)."""
    return math.prod(scores)


def mean(scores: Sequence[float]) -> float:
    """Return the arithmetic mean."""
    return statistics.fmean(scores)

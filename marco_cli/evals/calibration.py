"""Does a signal know when the answer is right? AUROC, calibration curve, and the threshold for a wanted precision.

In: pairs of a score (higher is surer) and whether the answer was right. Out: plain figures.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[float, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Neighbouring scores."""

    mean_score: float
    accuracy: float
    num: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Where to cut so that what is above is right as often as wanted."""

    score: float
    """Keep what scores this much or more."""
    precision: float
    coverage: float
    """Share of all answers that are kept."""
    num: int


def auroc(pairs: Sequence[Pair]) -> float | None:
    """Return the chance that a right answer scores above a wrong one, ties counting half (Mann-Whitney U / n m).

    0.5 is a coin; None when all are right or all wrong.
    """
    right = sorted(score for score, is_right in pairs if is_right)
    wrong = [score for score, is_right in pairs if not is_right]
    if not right or not wrong:
        return None
    wins = sum(
        len(right) - (bisect.bisect_left(right, score) + bisect.bisect_right(right, score)) / 2 for score in wrong
    )
    return wins / (len(right) * len(wrong))


def curve(pairs: Sequence[Pair], *, num_bins: int = 10) -> tuple[Bin, ...]:
    """Return accuracy over score in bins of about equal count, lowest scores first; equal scores share a bin."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    bins: list[Bin] = []
    start = 0
    for index in range(num_bins):
        end = max(start, (index + 1) * len(ordered) // num_bins)
        while 0 < end < len(ordered) and ordered[end][0] == ordered[end - 1][0]:
            end += 1
        if end > start:
            part = ordered[start:end]
            bins.append(
                Bin(
                    mean_score=math.fsum(score for score, _ in part) / len(part),
                    accuracy=sum(is_right for _, is_right in part) / len(part),
                    num=len(part),
                )
            )
        start = end
    return tuple(bins)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: mean |accuracy - score| weighted by count (Naeini et al. 2015)."""
    total = sum(each.num for each in bins)
    return sum(each.num * abs(each.accuracy - each.mean_score) for each in bins) / total if total else 0.0


def threshold_for(pairs: Sequence[Pair], precision: float) -> Threshold | None:
    """Return the lowest cut above which the wanted share is right, which keeps the most; None when no cut reaches it."""
    best = None
    right = 0
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    for kept, (score, is_right) in enumerate(ordered, 1):
        right += is_right
        is_last_of_its_score = kept == len(ordered) or ordered[kept][0] != score
        if is_last_of_its_score and right / kept >= precision:
            best = Threshold(score=score, precision=right / kept, coverage=kept / len(ordered), num=kept)
    return best

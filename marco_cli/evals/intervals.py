"""How sure a measured figure is: intervals, and paired tests between two ways of answering the same items.

In: counts, or one number an item. Out: `Estimate`s and `Pairing`s. Every random draw comes from a fixed seed, so the same
numbers give the same intervals.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z95: Final = statistics.NormalDist().inv_cdf(0.975)
REPEATS: Final = 4000
"""Resamples of a bootstrap: its ends are then good to about a tenth of the standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float
    num: int
    """Items that it is the mean of."""


def wilson(successes: float, num: int, *, z: float = Z95) -> Estimate:
    """Return a share with its Wilson score interval (Wilson 1927); 0 of 0 is 0 with the interval [0, 1]."""
    if num == 0:
        return Estimate(value=0.0, low=0.0, high=1.0, num=0)
    share = successes / num
    centre = share + z * z / (2 * num)
    margin = z * math.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    scale = 1 + z * z / num
    low, high = (centre - margin) / scale, (centre + margin) / scale
    # At 0 and 1 the ends are exact; rounding must not put the value outside its own interval.
    return Estimate(value=share, low=max(0.0, min(low, share)), high=min(1.0, max(high, share)), num=num)


def bootstrap(values: Sequence[float], *, repeats: int = REPEATS) -> Estimate:
    """Return a mean over items with its percentile bootstrap interval (Efron 1979): items are what is resampled."""
    if not values:
        return Estimate(value=0.0, low=0.0, high=0.0, num=0)
    array = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(_resampled_means(array, repeats), (2.5, 97.5))
    mean = float(array.mean())
    return Estimate(value=mean, low=min(float(low), mean), high=max(float(high), mean), num=len(array))


def mean_of_shares(values: Sequence[float]) -> Estimate:
    """Return a mean of values in [0, 1]: Wilson where each is 0 or 1, else the bootstrap."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(sum(values), len(values))
    return bootstrap(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two ways of answering, on the items that both answered."""

    difference: Estimate
    """Second minus first, in shares; bootstrap over items."""
    gained: int
    """Items that only the second got right, of one seed."""
    lost: int
    """Items that only the first got right, of one seed."""
    p_value: float
    """Exact two-sided McNemar."""
    sign_p_value: float
    """Exact two-sided sign test over the items whose means over all seeds differ."""


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: a binomial test of the discordant pairs against 1/2.

    McNemar 1947; 1 when there are none.
    """
    num = gained + lost
    if num == 0:
        return 1.0
    ways = tail = 1  # C(num, k), and the sum of those up to k
    for k in range(min(gained, lost)):
        ways = ways * (num - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << num))


def paired(first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]) -> Pairing:
    """Compare two ways of answering: each item id with the value of each seed, in the same order of seeds everywhere.

    The difference is of the means over all seeds, over the items that both have, with a sign test. McNemar's test is on
    the first seed, since answers of several seeds to one item are not independent witnesses.
    """
    shared = [id_ for id_ in first if id_ in second]
    differences = [statistics.fmean(second[id_]) - statistics.fmean(first[id_]) for id_ in shared]
    # Half a point tells right from wrong; translations are neither, and are compared by their means alone.
    gained = sum(second[id_][0] >= 0.5 > first[id_][0] for id_ in shared)
    lost = sum(first[id_][0] >= 0.5 > second[id_][0] for id_ in shared)
    return Pairing(
        difference=_difference(differences),
        gained=gained,
        lost=lost,
        p_value=mcnemar(gained, lost),
        # The same binomial test; of one seed, and of answers that are right or wrong, the same figure.
        sign_p_value=mcnemar(sum(each > 0 for each in differences), sum(each < 0 for each in differences)),
    )


def _difference(differences: Sequence[float]) -> Estimate:
    """Return the mean difference; where all are 0, what so many items can rule out: 1 - 0.05^(1/n), about 3/n."""
    if not differences or any(differences):
        return bootstrap(differences)
    most = 1 - 0.05 ** (1 / len(differences))
    return Estimate(value=0.0, low=-most, high=most, num=len(differences))


def _resampled_means(values: NDArray[np.float64], repeats: int) -> NDArray[np.float64]:
    draw = np.random.default_rng(0)
    means = np.empty(repeats)
    # In blocks, so that a large data set does not take gigabytes.
    block = max(1, 2_000_000 // len(values))
    for start in range(0, repeats, block):
        rows = min(block, repeats - start)
        means[start : start + rows] = values[draw.integers(0, len(values), (rows, len(values)))].mean(axis=1)
    return means

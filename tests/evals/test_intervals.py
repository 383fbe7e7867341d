import math

import pytest
from tables import table

from marco_cli.evals.intervals import bootstrap, mcnemar, mean_of_shares, paired, wilson


@pytest.mark.parametrize(
    ("successes", "num", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_newcombes(successes: int, num: int, low: float, high: float) -> None:
    """The four examples of Newcombe 1998, table I, method 3."""
    estimate = wilson(successes, num)

    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)
    assert estimate.value == successes / num


def test_wilson_stays_inside_its_range() -> None:
    """All right, all wrong, and nothing at all still give intervals around the value, within [0, 1]."""
    for successes, num in ((0, 0), (0, 1), (1, 1), (250, 250), (0, 250)):
        estimate = wilson(successes, num)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@table([(0, 0, 1.0), (5, 5, 1.0), (15, 5, 0.0414), (1, 9, 0.0215), (3, 1, 0.625), (0, 6, 0.0313), (8, 1, 0.0391)])
def test_mcnemars_exact_p_is_the_binomial_tables(gained: int, lost: int, p: float) -> None:
    """Twice the tail of the binomial distribution with p = 1/2, as tables have it; 1 without discordant pairs."""
    assert mcnemar(gained, lost) == pytest.approx(p, abs=5.1e-5)
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


def test_many_pairs_do_not_overflow() -> None:
    """Thousands of discordant pairs have a p-value too."""
    assert mcnemar(3000, 3000) == 1.0
    assert mcnemar(3400, 2600) < 1e-20


def test_the_bootstrap_is_near_the_normal_interval() -> None:
    """For 250 items the percentile interval is the familiar 1.96 standard errors, and it is the same every time."""
    values = [1.0] * 200 + [0.0] * 50
    estimate = bootstrap(values)
    error = 1.96 * math.sqrt(0.8 * 0.2 / 250)

    assert estimate.value == 0.8
    assert estimate.low == pytest.approx(0.8 - error, abs=0.008)
    assert estimate.high == pytest.approx(0.8 + error, abs=0.008)
    assert bootstrap(values) == estimate


def test_means_over_seeds_are_bootstrapped() -> None:
    """Values between 0 and 1 leave the Wilson interval's ground."""
    assert mean_of_shares([0.0, 1.0, 1.0]) == wilson(2, 3)
    assert mean_of_shares([0.0, 0.5, 1.0]) == bootstrap([0.0, 0.5, 1.0])


def test_pairs_are_items_that_both_answered() -> None:
    """The difference is over shared items and all seeds, won and lost over the first seed."""
    first = {"a": [1.0, 1.0], "b": [0.0, 1.0], "c": [1.0, 0.0], "only": [1.0, 1.0]}
    second = {"a": [0.0, 1.0], "b": [1.0, 1.0], "c": [1.0, 1.0], "other": [0.0, 0.0]}

    pairing = paired(first, second)
    assert (pairing.gained, pairing.lost, pairing.difference.num) == (1, 1, 3)
    assert pairing.difference.value == pytest.approx((-0.5 + 0.5 + 0.5) / 3)


def numbered(values: list[list[float]]) -> dict[str, list[float]]:
    """Give each item its number for an id."""
    return {str(number): each for number, each in enumerate(values)}


@pytest.mark.parametrize(
    ("first", "second", "p", "sign_p"),
    [
        ([[0.0]] * 6, [[1.0]] * 6, 0.03125, 0.03125),
        ([[0.0]] * 6 + [[1.0]], [[1.0]] * 6 + [[0.0]], 0.125, 0.125),
        ([[0.0, 0.0]] * 6, [[0.0, 1.0]] * 6, 1.0, 0.03125),
        ([[0.0, 1.0]] * 6, [[1.0, 0.0]] * 6, 0.03125, 1.0),
        ([[0.4]] * 6, [[0.45]] * 6, 1.0, 0.03125),
    ],
)
def test_the_sign_test_is_over_items_with_all_their_seeds(
    first: list[list[float]], second: list[list[float]], p: float, sign_p: float
) -> None:
    """Of one seed it is McNemar's test; of several, an item counts once, by its mean, and not at all where means are equal."""
    pairing = paired(numbered(first), numbered(second))

    assert pairing.p_value == p
    assert pairing.sign_p_value == sign_p

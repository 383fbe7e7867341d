import math
import random

import pytest
from evals.examples import ITEMS, candidate
from tables import table

from marco_cli.evals.metrics import RULES, Attempt, Attempts, chosen_at, pass_at_k, solved_at
from marco_cli.evals.scoring import grade


def attempts(*outputs: str | None, independent: bool = True, confidences: tuple[float, ...] = ()) -> Attempts:
    """Return guesses at 1+2; None is a reply without an output."""
    guesses = []
    for number, output in enumerate(outputs):
        confidence = confidences[number] if confidences else 0.9
        path = None if output is None else candidate(number, output, confidence=confidence)
        guesses.append(Attempt(candidate=path, score=grade(output or "", ITEMS[0])))
    return Attempts(attempts=tuple(guesses), is_independent=independent)


@table(
    [
        (5, 2, 3, 0.9),
        (2, 1, 1, 0.5),
        (4, 2, 2, 5 / 6),
        (10, 0, 5, 0.0),
        (10, 10, 1, 1.0),
        (10, 6, 5, 1.0),
        (3, 1, 3, 1.0),
    ]
)
def test_pass_at_k_is_the_unbiased_estimate(num: int, num_right: int, k: int, value: float) -> None:
    """Worked by hand from 1 - C(n - c, k) / C(n, k)."""
    assert pass_at_k(num, num_right, k) == pytest.approx(value)


def test_pass_at_k_is_one_minus_the_ratio_of_binomials() -> None:
    """The product form equals the definition for every n, c and k up to 40."""
    for num in range(1, 41):
        for num_right in range(num + 1):
            for k in range(1, num + 1):
                expected = 1 - math.comb(num - num_right, k) / math.comb(num, k)
                assert pass_at_k(num, num_right, k) == pytest.approx(expected)


def test_pass_at_k_has_the_right_mean() -> None:
    """Averaged over many draws of n samples, it is the chance that k fresh samples hold a right one."""
    draw = random.Random(3)
    estimates = [pass_at_k(10, sum(draw.random() < 0.3 for _ in range(10)), 4) for _ in range(20_000)]

    assert sum(estimates) / len(estimates) == pytest.approx(1 - 0.7**4, abs=0.01)


def test_pass_at_k_refuses_what_cannot_be() -> None:
    """More guesses than there are, or more right ones, is a bug of the caller."""
    for wrong in ((3, 1, 4), (3, 4, 1), (3, 1, 0)):
        with pytest.raises(ValueError, match="expected 1 <= k <= num"):
            pass_at_k(*wrong)


def test_solved_at_one_is_the_share_of_right_guesses() -> None:
    """Of independent guesses all count for each k; replies without an output are wrong guesses."""
    item = attempts("3", "4", None, "3")

    assert solved_at(item, 1) == pytest.approx(0.5)
    assert solved_at(item, 4) == 1.0
    assert solved_at(item, 5) is None


def test_a_trees_paths_count_in_their_order() -> None:
    """Paths of a tree search are not independent samples: only the first k are looked at."""
    item = attempts("4", "3", "3", independent=False)

    assert solved_at(item, 1) == 0.0
    assert solved_at(item, 2) == 1.0
    assert chosen_at(item, 3, rule="maj", seed="x") == 1.0
    assert chosen_at(item, 1, rule="maj", seed="x") == 0.0


def test_the_majority_of_all_is_what_most_say() -> None:
    """maj@n over all n guesses is the plain vote; best@n the most confident guess; silence has no voice."""
    item = attempts("3", "3", "4", None, confidences=(0.8, 0.8, 0.99, 0.0))

    assert chosen_at(item, 4, rule="maj", seed="x") == 1.0
    assert chosen_at(item, 4, rule="best", seed="x") == 0.0
    assert chosen_at(attempts(None, None), 2, rule="maj", seed="x") == 0.0


@pytest.mark.parametrize("rule", RULES)
def test_guesses_of_every_seed_have_a_voice(rule: str) -> None:
    """Every seed numbers its paths from 0, and a vote among them all hears each: three equally sure ones outvote two."""
    seeds = (attempts("3", "4", "4"), attempts("3"), attempts("3"))
    item = Attempts(attempts=tuple(guess for seed in seeds for guess in seed.attempts), is_independent=True)

    assert chosen_at(item, 5, rule=rule, seed="x") == 1.0


def test_any_vote_of_one_guess_is_that_guess() -> None:
    """maj@1, weighted@1 and best@1 are all the share of right guesses."""
    item = attempts("3", "4", "5", "3")

    for rule in ("maj", "weighted", "best"):
        assert chosen_at(item, 1, rule=rule, seed="x") == solved_at(item, 1) == 0.5


def test_groups_of_guesses_are_drawn_once_for_all() -> None:
    """The same item gives the same figure every time."""
    item = attempts(*("3" if n % 3 else "4" for n in range(16)))

    assert chosen_at(item, 4, rule="maj", seed="a") == chosen_at(item, 4, rule="maj", seed="a")

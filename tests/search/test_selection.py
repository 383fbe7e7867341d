"""The formulas that decide where a simulation goes."""

import math
import random

import pytest

from marco_cli.engine.base import Tokens
from marco_cli.search.config import SearchConfig
from marco_cli.search.pending import Pending
from marco_cli.search.selection import considered_visits, may_widen, uct, with_pending
from marco_cli.search.siblings import best_child
from marco_cli.search.tree import Step, Tree


def test_uct_is_ucb1() -> None:
    """Q + c √(ln N / n), and infinity for what was never tried."""
    assert uct(0.4, visits=4, parent_visits=16, exploration=1.414) == pytest.approx(
        0.4 + 1.414 * math.sqrt(math.log(16) / 4)
    )
    assert uct(0.4, visits=0, parent_visits=16, exploration=1.414) == math.inf


def test_a_pending_simulation_counts_as_a_visit_worth_nothing() -> None:
    """Virtual loss keeps simulations under way out of each other's path."""
    assert with_pending(0.9, visits=3, pending=0) == 0.9
    assert with_pending(0.9, visits=3, pending=1) == pytest.approx(0.9 * 3 / 4)


@pytest.mark.parametrize(
    ("tries", "visits", "wanted"), [(0, 0, True), (1, 1, False), (1, 4, True), (2, 4, False), (3, 16, True)]
)
def test_a_node_is_widened_as_its_visits_grow(tries: int, visits: int, wanted: bool) -> None:
    """With k = 1 and a = 1/2, child number n + 1 comes when √N > n."""
    assert may_widen(tries=tries, visits=visits) is wanted


@pytest.mark.parametrize(
    ("children", "simulations", "wanted"),
    [
        (1, 4, (0, 1, 2, 3)),
        (4, 8, (0, 0, 0, 0, 1, 1, 2, 2)),
        (4, 16, (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5)),
        (3, 6, (0, 0, 0, 1, 1, 2)),
    ],
)
def test_sequential_halving_gives_the_better_half_twice_as_much(
    children: int, simulations: int, wanted: tuple[int, ...]
) -> None:
    """All arms get the same first, then half of them twice as much each: the schedule of Danihelka et al. 2022."""
    assert considered_visits(children, simulations) == wanted


def planted_bandit(config: SearchConfig, seed: int, *, simulations: int = 32) -> float:
    """Return the share of simulations that the arm gets which is better by 0.02 ± 0.02 than its three rivals."""
    draw = random.Random(seed)
    tree = Tree((1,))
    arms = [tree.add(tree.root, Step(tokens=Tokens.forced((arm,)), data=b"")) for arm in range(4)]
    for _ in range(simulations):
        arm = best_child(tree, tree.root, config, Pending())
        tree.back_up(arm, min(1.0, draw.gauss(0.97 if arm is arms[2] else 0.95, 0.02)))
    return arms[2].visits / simulations


def test_a_branch_better_by_a_little_gets_most_of_the_search() -> None:
    """Confidences differ by hundredths: raw UCT (paper mode) goes round in turn, the default finds the better branch."""
    default = sum(planted_bandit(SearchConfig(), seed) for seed in range(300)) / 300
    paper = sum(planted_bandit(SearchConfig.of("mcts-paper"), seed) for seed in range(300)) / 300

    assert default >= 0.5
    assert paper < 0.3

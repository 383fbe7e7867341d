"""Which way a simulation goes: formulas over plain numbers.

In: visits, values, constants. Out: scores and yes/no answers. Values are in [0, 1]; nothing here knows trees or tokens.
"""

import math
from collections.abc import Sequence
from functools import lru_cache


def uct(value: float, *, visits: int, parent_visits: int, exploration: float) -> float:
    """Return Q + c √(ln N(parent) / N), infinite for a child never visited.

    UCB1 applied to trees (Kocsis and Szepesvári 2006); Marco-o1 (arXiv 2411.14405) builds on it without naming c.

    Args:
        value: Q, mean backed-up value of the child, raw or normalised.
        visits: N of the child.
        parent_visits: N of the parent.
        exploration: c, 0 or more.
    """
    if visits == 0:
        return math.inf
    return value + exploration * math.sqrt(math.log(max(parent_visits, 1)) / visits)


def with_pending(value: float, *, visits: int, pending: int) -> float:
    """Return the mean value as if the simulations under way had all come to 0: the virtual loss.

    Chaslot, Winands and van den Herik 2008, with a loss of one. The pending ones also count as visits in `uct`.
    """
    return value * visits / (visits + pending) if pending else value


def may_widen(*, tries: int, visits: int) -> bool:
    """Say whether a node deserves one more child: tries < √N.

    Progressive widening (Coulom 2007, Chaslot et al. 2008; Couëtoux et al. 2011: k N^a, here with k = 1 and a = 1/2). `tries` counts samples, not
    distinct children, so that a node that always says the same is not asked for ever.
    """
    return tries < math.sqrt(max(visits, 1))


@lru_cache(maxsize=64)
def considered_visits(num_children: int, num_simulations: int) -> tuple[int, ...]:
    """Return, for each simulation, how many visits the root child that it may select has.

    Sequential halving (Karnin, Koren and Somekh 2013) as Gumbel MuZero uses it at the root (Danihelka et al. 2022,
    section 3 and appendix A): the children share a phase's simulations evenly, then the better half goes on. With one
    child or none there is nothing to share out: simulation i meets i visits.

    Args:
        num_children: m, children to begin with.
        num_simulations: n, the whole budget of the root.
    """
    if num_children <= 1:
        return tuple(range(num_simulations))
    phases = math.ceil(math.log2(num_children))
    sequence: list[int] = []
    survivors, done = num_children, 0
    while len(sequence) < num_simulations:
        rounds = max(1, num_simulations // (phases * survivors))
        sequence += [done + turn for turn in range(rounds) for _ in range(survivors)]
        survivors, done = max(2, survivors // 2), done + rounds  # the last two share all simulations that are left over
    return tuple(sequence[:num_simulations])


def argmax(scores: Sequence[float]) -> int:
    """Return the position of the highest score, the first of equals."""
    return max(range(len(scores)), key=scores.__getitem__)

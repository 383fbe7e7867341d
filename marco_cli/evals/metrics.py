"""What many answers to one item come to: Test@k, maj@k, weighted@k, best@k.

In: the finished paths of one item with their scores. Out: shares in [0, 1]. Test@k says whether *some* answer of k is
right, the others what a rule would choose among k. Where paths are independent samples, all of them serve each k; the paths
of a tree search are not, and only its first k are looked at.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from marco_cli.answer import Answer, read
from marco_cli.evals.base import Score
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate
from marco_cli.search.vote import count_votes

RULES = {"maj": "majority", "weighted": "weighted", "best": "best"}
"""Name of the figure → name of the vote."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """One guess at an item: a finished path, or None for a reply that came to no output."""

    candidate: Candidate | None
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempts:
    """All guesses at one item."""

    attempts: tuple[Attempt, ...]
    """In order of finishing."""
    is_independent: bool
    """Whether they are independent samples of one distribution."""


def pass_at_k(num: int, num_right: int, k: int) -> float:
    """Return the chance that k of `num` answers hold a right one: 1 - C(n - c, k) / C(n, k).

    The unbiased estimate of Chen et al., arXiv 2107.03374, as the product 1 - Π_{i=n-c+1..n} (1 - k/i), which no large
    binomial overflows.
    """
    if not 1 <= k <= num or not 0 <= num_right <= num:
        raise ValueError(f"k is {k} and {num_right} right of {num}, expected 1 <= k <= num and 0 <= num_right <= num")
    if num - num_right < k:
        return 1.0
    product = 1.0
    for i in range(num - num_right + 1, num + 1):
        product *= 1 - k / i
    return 1 - product


def solved_at(item: Attempts, k: int) -> float | None:
    """Return the share of k guesses that hold a right one; None with fewer than k guesses."""
    guesses = item.attempts
    if len(guesses) < k:
        return None
    if not item.is_independent:
        return float(any(guess.score.verdict == "right" for guess in guesses[:k]))
    return pass_at_k(len(guesses), sum(guess.score.verdict == "right" for guess in guesses), k)


def chosen_at(item: Attempts, k: int, *, rule: str, seed: str) -> float | None:
    """Return how often the choice among k guesses is right; None with fewer than k guesses.

    Of n independent guesses, the mean over n // k disjoint groups of k, put together in an order drawn from `seed`: the
    order of finishing would put short replies first.
    """
    guesses = list(item.attempts)
    if len(guesses) < k:
        return None
    if not item.is_independent:
        return _choice(guesses[:k], rule)
    random.Random(seed).shuffle(guesses)  # noqa: S311 (a reproducible grouping)
    return statistics.fmean(_choice(guesses[at : at + k], rule) for at in range(0, len(guesses) - k + 1, k))


def _choice(guesses: Sequence[Attempt], rule: str) -> float:
    """Let guesses vote by the answers that the scorer read in them; return whether the winner is right."""
    heard = [
        (guess.candidate, guess.score)
        for guess in guesses
        if guess.candidate is not None and guess.score.answer is not None
    ]
    if not heard:
        return 0.0
    vote: Callable[[Sequence[Candidate]], list[float]] = load(VOTES[RULES[rule]])
    voters = [_voter(number, candidate, score) for number, (candidate, score) in enumerate(heard)]
    votes = count_votes(voters, vote)
    return float(heard[votes[0].candidate_ids[0]][1].verdict == "right")


def _voter(number: int, candidate: Candidate, score: Score) -> Candidate:
    """Give a candidate the answer that was scored, its confidence for a reward, and a number that no other seed's has."""
    text = score.answer or ""
    answer = read(text) or Answer(text=text, canonical=text, kind="text", rule="phrase", span=(0, 0))
    reward = candidate.reply.signals.confidence * candidate.weight
    return replace(candidate, id=number, reply=replace(candidate.reply, answer=answer), reward=reward)

"""What finished replies are worth next to one another.

In: candidates with their signals, a reward. Out: the same candidates with agreement and reward. Nothing is generated, so
any reward and any vote can be tried on candidates that exist already (`rerate`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from marco_cli.reward import REWARDS
from marco_cli.reward.population import Evidence, Population
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Reply, Vote
from marco_cli.search.choice import choose
from marco_cli.search.vote import VoteRule, certainty

Reward = Callable[[Evidence], float]


def value(reply: Reply, reward: Reward, population: Population) -> float:
    """Return the reward of a reply, in [0, 1]; half when it is not whole, 0 without an output.

    Where a check has judged, what it says is the reward.
    """
    if not reply.output:
        return 0.0
    checked = None if reply.verdict is None else reply.verdict.value
    if checked is not None:
        return checked
    earned = reward(Evidence(signals=reply.signals, answer=reply.answer, population=population))
    return min(1.0, max(0.0, earned if reply.is_whole else 0.5 * earned))


def rated(candidate: Candidate, reward: Reward, population: Population) -> Candidate:
    """Return a candidate with its agreement and its reward, which is what a judge says of it if one was asked."""
    agreement = population.share(candidate.reply.answer)
    earned = value(candidate.reply, reward, population) if candidate.judged is None else candidate.judged
    return replace(candidate, agreement=agreement, reward=earned)


def rerate(
    candidates: Sequence[Candidate], *, reward: str, vote: str
) -> tuple[tuple[Candidate, ...], tuple[Vote, ...], float]:
    """Rate candidates anew.

    Args:
        candidates: all of one search.
        reward: a key of `REWARDS`.
        vote: a key of `VOTES`.

    Returns:
        The candidates with their new rewards, the votes, leader first, and the certainty of the leader.
    """
    earned: Reward = load(REWARDS[reward])
    rule: VoteRule = load(VOTES[vote])
    population = Population()
    for candidate in candidates:
        population.add(candidate.reply.signals, candidate.reply.answer, weight=candidate.weight)
    anew = tuple(rated(candidate, earned, population) for candidate in candidates)
    votes = choose(anew, rule)
    return anew, votes, certainty(votes, anew)

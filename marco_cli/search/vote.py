"""Turn finished paths into one answer.

In: candidates. Out: `Vote`s, leader first, and how certain it is that the leader stays ahead. A vote rule gives each
candidate a weight; answers that are equal pool theirs. Candidates without an answer to compare (free text) stand for
themselves alone. Replies whose thought was closed by force weigh half under every rule. Those that were cut neither vote
nor win while there is one that was not: they may end inside a number. The same goes for refusals and loops, as long as they
are less than half of the replies.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from marco_cli.answer import AnswerKey
from marco_cli.reward.signals import UNSOUND
from marco_cli.search.base import Candidate, Vote
from marco_cli.search.open_ended import is_useful

VoteRule = Callable[[Sequence[Candidate]], list[float]]
"""Candidates → one weight each, 0 or more."""

SHARPNESS: Final = 1.0
"""How many e-folds of weight one standard deviation of confidence is worth in `weighted`."""
LENGTH: Final = 40
"""Tokens that a reply of mean length counts as in `likely`."""
SPREAD: Final = 2.0
"""How many e-folds of weight one standard deviation is worth in `likely` at most; on marco-nano it is 1.2 in the median."""


def majority(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh all whole replies alike (self-consistency, arXiv 2203.11171)."""
    return [candidate.weight for candidate in candidates]


def weighted(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh replies by their confidence: e^(s z), z the z-score of the mean confidence among the candidates.

    Raw confidences of one problem differ by 0.01 to 0.03, so weighing by them is hardly more than the majority vote; their
    z-scores do not depend on the model. s = 0 would be the majority, a large s the best reply.
    """
    confidences = [candidate.reply.signals.confidence for candidate in candidates]
    mean, spread = statistics.fmean(confidences), statistics.pstdev(confidences)
    if spread < _NO_SPREAD:  # no z-scores: all are as sure, or there is one alone
        return majority(candidates)
    return [
        candidate.weight * math.exp(SHARPNESS * (confidence - mean) / spread)
        for candidate, confidence in zip(candidates, confidences, strict=True)
    ]


def likely(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh replies by how likely the model was to write them: e^(k l √(n/n̄)) for n tokens of mean log-probability l.

    A search never takes the same path twice, so that its replies are not a sample, and counting them says little: what an
    answer is worth is the sum of the probabilities of all paths that lead to it. Those probabilities are tempered, or the
    likeliest path alone would decide: a reply of n̄ tokens, the mean, counts as if it had k. Longer ones count less by the
    root of their length, since with the length itself twice as long would never win; and where replies differ more than
    those of the model that this was tried on, one standard deviation of the exponents is `SPREAD` and no more.

    On marco-nano any k from 30 to 60 is right on 70.8 to 71.1 % of 600 problems under `high`, exponents of n/n̄ from 1/4 to 1
    on 70.6 to 71.3 %, and `weighted` with the same check of the arithmetic on 70.0 % (benchmarks/README.md).
    """
    signals = [candidate.reply.signals for candidate in candidates]
    weights = likelihoods([each.num_tokens for each in signals], [each.mean_logprob for each in signals])
    return [candidate.weight * weight for candidate, weight in zip(candidates, weights, strict=True)]


def likelihoods(lengths: Sequence[int], logprobs: Sequence[float]) -> list[float]:
    """Return the weights of `likely` for replies of so many tokens with these mean log-probabilities; the largest is 1."""
    mean_length = statistics.fmean(lengths) or 1.0
    exponents = [LENGTH * mean * math.sqrt(n / mean_length) for n, mean in zip(lengths, logprobs, strict=True)]
    # The largest becomes e^0: exponents of long replies would underflow.
    top, scale = max(exponents), SPREAD / max(SPREAD, statistics.pstdev(exponents))
    return [math.exp(scale * (exponent - top)) for exponent in exponents]


def checked(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh replies as `likely` does, and those whose arithmetic is false next to nothing: together `UNSOUND` of the others."""
    return discounted(likely(candidates), [candidate.reply.signals.is_sound for candidate in candidates])


def sound(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh replies by how firmly they state their answer (`Signals.firmness`), and those whose arithmetic is false next to nothing.

    Of sampled chains of Qwen2.5-Coder-0.5B the likelier ones are hardly better than the others, but those with a firm answer
    are: AUROC 0.57 and 0.76 within a problem (benchmarks/README.md). A program, whose answer the model does not write, is firm.
    """
    firm = [candidate.weight * candidate.reply.signals.firmness for candidate in candidates]
    return discounted(firm, [candidate.reply.signals.is_sound for candidate in candidates])


def discounted(weights: Sequence[float], are_sound: Sequence[bool]) -> list[float]:
    """Return weights of which the unsound ones add up to `UNSOUND` of the sound ones at most, if there are any of those."""
    sound = sum(weight for weight, is_sound in zip(weights, are_sound, strict=True) if is_sound)
    rest = sum(weights) - sound
    share = min(1.0, UNSOUND * sound / rest) if sound and rest > 0 else 1.0
    return [weight if is_sound else weight * share for weight, is_sound in zip(weights, are_sound, strict=True)]


def process(candidates: Sequence[Candidate]) -> list[float]:
    """Weigh replies by what the process model says of their steps (weighted best-of-n, arXiv 2206.02336)."""
    scores = [candidate.reply.signals.process for candidate in candidates]
    return [
        candidate.weight * (0.5 if score is None else score)
        for candidate, score in zip(candidates, scores, strict=True)
    ]


def best(candidates: Sequence[Candidate]) -> list[float]:
    """Give the reply with the highest reward everything, and the others what breaks ties between them."""
    rewards = [candidate.reward for candidate in candidates]
    top = max(rewards)
    return [1.0 if reward == top else _SCRAP * reward for reward in rewards]


_NO_SPREAD: Final = 1e-9
_SCRAP: Final = 1e-6
_DIGITS: Final = 9
"""Of a weight that tell a lead from a tie: sums of the same weights differ by their rounding."""


def count_votes(candidates: Sequence[Candidate], rule: VoteRule) -> tuple[Vote, ...]:
    """Pool the weights of equal answers.

    Returns:
        Votes by weight, ties by whether a program gives the answer, which does no slips of arithmetic, then by the best reward
        and the earliest candidate; weights add up to 1. When no candidate has an answer, the one with the best reward leads.
    """
    if not candidates:
        return ()
    eligible = _eligible(candidates)
    voters = [candidate for candidate in eligible if candidate.reply.answer is not None]
    weights = (
        dict(zip(voters, rule(voters), strict=True)) if voters else dict(zip(eligible, best(eligible), strict=True))
    )
    pools: dict[AnswerKey | int, list[tuple[Candidate, float]]] = {}
    for candidate in candidates:
        answer = candidate.reply.answer
        key = candidate.id if answer is None else answer.key
        # Where answers can be read, a reply without one has no voice; neither has a cut one among whole ones.
        pools.setdefault(key, []).append((candidate, weights.get(candidate, 0.0)))
    total = sum(weight for pool in pools.values() for _, weight in pool) or 1.0
    votes = [_vote(pool, total) for pool in pools.values()]
    by_id = {candidate.id: candidate for candidate in candidates}

    def rank(vote: Vote) -> tuple[float, bool, float]:
        pool = [by_id[each] for each in vote.candidate_ids]
        return -round(vote.weight, _DIGITS), not any(each.reply.is_program for each in pool), -pool[0].reward

    return tuple(sorted(votes, key=rank))


def _eligible(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return those that may win: whole ones if there are any, and no refusals and loops unless most of them are.

    What a check found right wins, and what it found wrong does not as long as there is anything else.
    """
    candidates = (
        [candidate for candidate in candidates if candidate.reply.is_verified]
        or [candidate for candidate in candidates if not candidate.reply.is_refuted]
        or candidates
    )
    whole = [candidate for candidate in candidates if not candidate.reply.is_truncated] or candidates
    useful = [candidate for candidate in whole if is_useful(candidate.reply)]
    return useful if 2 * len(useful) >= len(whole) else whole


def _vote(pool: list[tuple[Candidate, float]], total: float) -> Vote:
    # A cut reply never speaks for an answer that a whole one gives, nor code for one that was reasoned out in words.
    ranked = sorted(pool, key=lambda entry: (entry[1] == 0, not _reads_well(entry[0]), -entry[0].reward, entry[0].id))
    return Vote(
        answer=ranked[0][0].reply.answer,
        candidate_ids=tuple(candidate.id for candidate, _ in ranked),
        weight=sum(weight for _, weight in pool) / total,
    )


def _reads_well(candidate: Candidate) -> bool:
    return candidate.reply.signals.is_sound and not candidate.reply.is_program


def certainty(votes: Sequence[Vote], candidates: Sequence[Candidate]) -> float:
    """Return the posterior probability that the leader stays ahead of the answer with the most evidence besides it.

    Adaptive-Consistency (arXiv 2305.11860): P(p > 1/2) for p ~ Beta(v1 + 1, v2 + 1). Counted is the candidates' `evidence`.
    0 without candidates; free text is never certain.
    """
    if not votes or votes[0].answer is None:
        return 0.0
    evidence = {candidate.id: candidate.evidence for candidate in candidates}
    totals = [sum(evidence[each] for each in vote.candidate_ids) for vote in votes]
    return probability_ahead(totals[0], max(totals[1:], default=0.0))


def probability_ahead(leader: float, other: float) -> float:
    """Return P(p > 1/2) for p ~ Beta(leader + 1, other + 1), to about 1e-9; counts need not be whole."""
    if other == 0:  # where the density has its peak at 1, the integral has a closed form
        return float(1 - 0.5 ** (leader + 1))
    exponent = math.lgamma(leader + other + 2) - math.lgamma(leader + 1) - math.lgamma(other + 1)
    densities = np.exp(exponent + leader * np.log(_POINTS) + other * np.log1p(-_POINTS))
    return min(1.0, float(densities @ _WEIGHTS))


_INTERVALS: Final = 512
"""Of Simpson's rule over [1/2, 1]."""
_POINTS: Final = np.linspace(0.5, 1, _INTERVALS + 1)[:-1]
"""Without 1, where the density is 0 as soon as there is evidence for another answer."""
_WEIGHTS: Final = np.where(np.arange(_INTERVALS) % 2, 4.0, 2.0) * (0.5 / _INTERVALS / 3)
_WEIGHTS[0] /= 2

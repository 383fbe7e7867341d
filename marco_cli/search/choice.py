"""Which of the finished replies is given: by a vote where they have answers, by what they say where the question is open-ended.

In: candidates. Out: `Vote`s, leader first. Of open-ended replies each stands for itself, with those that say nearly the
same: whole before cut ones, refusals, empty phrases and loops last, and among equals the one that a judge prefers, or without
one the one that has most in common with the others. Their weights only order them: there is nothing to count. What a check
found right comes first, and what it found wrong last.
"""

from collections.abc import Sequence
from typing import Final

from marco_cli.search.base import Candidate, Vote
from marco_cli.search.likeness import overlap, typicality
from marco_cli.search.open_ended import is_open_ended, is_useful
from marco_cli.search.vote import VoteRule, count_votes

_SAME: Final = 0.8
"""Overlap of words from which on two replies say the same."""
_MOST_JUDGED: Final = 6
"""Replies that a judge compares, each with each other in both orders: 30 questions."""
_VERIFIED, _GOOD, _CUT, _USELESS, _REFUTED = range(-1, 4)
_MOST_LEADERS: Final = 8
"""Replies that others are compared with: beyond, each stands for itself."""


def choose(candidates: Sequence[Candidate], rule: VoteRule) -> tuple[Vote, ...]:
    """Return the votes on the candidates: by `rule` where they have answers, else as `ranked` orders them."""
    is_open = is_open_ended([candidate.reply for candidate in candidates])
    return ranked(candidates) if is_open else count_votes(candidates, rule)


def ranked(candidates: Sequence[Candidate]) -> tuple[Vote, ...]:
    """Order replies to an open-ended question, the best first; weights add up to 1, and replies that fail have none."""
    best = min((_tier(candidate) for candidate in candidates), default=_GOOD)
    # Only the best tier is compared: what is cut or useless says nothing of what is typical.
    good = [candidate for candidate in candidates if _tier(candidate) == best <= _GOOD]
    likes = dict(zip((each.id for each in good), typicality([each.reply.output for each in good]), strict=True))
    worths = {each.id: likes.get(each.id, 0.0) if each.judged is None else each.judged for each in candidates}
    is_judged = any(each.judged is not None for each in candidates)

    def place(each: Candidate) -> tuple[float, ...]:
        return _tier(each), is_judged and each.judged is None, -worths[each.id], -_score(each), each.id

    order = sorted(candidates, key=place)  # so that the first of a pool speaks for it
    pools: list[list[Candidate]] = []
    for candidate in order:
        pool = next((pool for pool in pools[:_MOST_LEADERS] if _says_the_same(pool[0], candidate)), None)
        if pool is None:
            pools.append([candidate])
        else:
            pool.append(candidate)
    weights = [worths[pool[0].id] if pool[0].id in likes else 0.0 for pool in pools]
    total = sum(weights)
    return tuple(
        Vote(
            answer=None,
            candidate_ids=tuple(candidate.id for candidate in pool),
            weight=weight / total if total else float(pool is pools[0]),
        )
        for pool, weight in zip(pools, weights, strict=True)
    )


def to_judge(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that a judge is asked about: of an open-ended question, whole and different ones, the first `_MOST_JUDGED`.

    It is asked nothing when there is nothing to choose.
    """
    if not is_open_ended([candidate.reply for candidate in candidates]):
        return []
    good = [candidate for candidate in candidates if _tier(candidate) == _GOOD]
    # Of equal outputs the first: the last one that is put into the dictionary stays.
    different = list({candidate.reply.output: candidate for candidate in reversed(good)}.values())[::-1]
    return different[:_MOST_JUDGED] if len(different) > 1 else []


def _tier(candidate: Candidate) -> int:
    """Return how good a reply is, the best first: one that says something before one that was cut, or is of no use."""
    reply = candidate.reply
    if reply.is_verified or reply.is_refuted:
        return _VERIFIED if reply.is_verified else _REFUTED
    if not is_useful(reply):
        return _USELESS
    return _GOOD if reply.is_whole else _CUT


def _score(candidate: Candidate) -> float:
    """Return what a check gave a reply that it refuted."""
    verdict = candidate.reply.verdict
    return 0.0 if verdict is None or verdict.value is None else verdict.value


def _says_the_same(leader: Candidate, other: Candidate) -> bool:
    return _tier(leader) == _tier(other) and overlap(leader.reply.output, other.reply.output) >= _SAME

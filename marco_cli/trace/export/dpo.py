"""Pairs of replies to one question that begin alike, one to be preferred: rows for trl's DPOTrainer (conversational).

Who is preferred: with a target, a right answer over a wrong one; else the answer that won the vote over another one, and
of free text the better reward, by a margin. Both replies are whole. How much they share is recorded, so that a loss can
leave it out (Marco-o1 v2 masks it): `shared_characters` of the replies as they were written, `shared_tokens` of the model's own.

Preference data in which the better reply is always the longer one teaches length. So pairs are chosen by strata, chosen
reply shorter, similar, longer, from the stratum that has the fewest so far over all traces; within a stratum, the pair
that shares most, then the one with the largest margin. No reply is rejected twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from marco_cli.answer import equal, matches
from marco_cli.search.base import Candidate
from marco_cli.trace.export.base import (
    Export,
    Options,
    content,
    imitated,
    loss_of_thought,
    messages,
    no_rows,
    origin,
    rows,
    whole_candidates,
)
from marco_cli.trace.record import Trace

Stratum = Literal["shorter", "similar", "longer"]

_SIMILAR: Final = 0.1
"""Lengths that differ by no more than this share count as similar."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A reply and one that is worse."""

    chosen: Candidate
    rejected: Candidate
    shared: int
    """Tokens that both begin with."""

    @property
    def margin(self) -> float:
        """How much more reward the chosen one has; negative where the target knows better."""
        return self.chosen.reward - self.rejected.reward

    @property
    def stratum(self) -> Stratum:
        """How long the chosen one is beside the rejected one."""
        long, short = len(self.chosen.reply.tokens), len(self.rejected.reply.tokens)
        if abs(long - short) <= _SIMILAR * max(long, short):
            return "similar"
        return "longer" if long > short else "shorter"


def write(traces: Iterable[Trace], options: Options) -> Iterator[Export]:
    """Yield up to `options.pairs` rows a trace."""
    taken: dict[Stratum, int] = {"shorter": 0, "similar": 0, "longer": 0}
    for trace in traces:
        pairs = choose(pairs_of(trace, options.margin), options.pairs, taken)
        if pairs:
            yield rows(trace, [_row(pair, trace) for pair in pairs], warning=loss_of_thought(trace))
        else:
            yield no_rows(trace, "no two replies of which one is better")


def pairs_of(trace: Trace, margin: float) -> list[Pair]:
    """Return all pairs of whole replies of which one is better."""
    candidates = whole_candidates(trace)
    return [
        Pair(chosen=chosen, rejected=rejected, shared=_num_shared(chosen, rejected))
        for chosen in candidates
        for rejected in candidates
        if chosen is not rejected and _is_better(chosen, rejected, trace, margin)
    ]


def choose(pairs: list[Pair], num_pairs: int, taken: dict[Stratum, int]) -> list[Pair]:
    """Return at most `num_pairs` of the pairs, from the strata with the fewest so far; count them in `taken`."""
    left = sorted(pairs, key=lambda pair: (-pair.shared, -pair.margin, pair.chosen.id, pair.rejected.id))
    found: list[Pair] = []
    while left and len(found) < num_pairs:
        best = min(left, key=lambda pair: taken[pair.stratum])  # of equals the first, which is the best
        found.append(best)
        taken[best.stratum] += 1
        left = [pair for pair in left if pair.rejected is not best.rejected]
    return found


def _is_better(one: Candidate, other: Candidate, trace: Trace, margin: float) -> bool:
    if trace.target is not None:
        return matches(one.reply.answer, trace.target) and not matches(other.reply.answer, trace.target)
    if one.reward - other.reward < margin:
        return False
    leader, mine, others = trace.answer, one.reply.answer, other.reply.answer
    if leader is None or mine is None or others is None:
        return one.reward > other.reward and trace.problem.is_free_form
    return equal(mine, leader) and not equal(others, leader)


def _num_shared(one: Candidate, other: Candidate) -> int:
    length = min(len(one.reply.tokens), len(other.reply.tokens))
    differs = one.reply.tokens.ids[:length] != other.reply.tokens.ids[:length]
    return int(np.argmax(differs)) if differs.any() else length


def _num_alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, others) in pairs if mine != others), min(len(one), len(other)))


def _row(pair: Pair, trace: Trace) -> dict[str, object]:
    chosen, rejected = content(trace, pair.chosen.reply), content(trace, pair.rejected.reply)
    return {
        "prompt": messages(trace),
        "chosen": [imitated(trace, pair.chosen.reply)],
        "rejected": [imitated(trace, pair.rejected.reply)],
        "shared_tokens": pair.shared,
        "shared_characters": _num_alike(chosen, rejected),
        "chosen_tokens": len(pair.chosen.reply.tokens),
        "rejected_tokens": len(pair.rejected.reply.tokens),
        "chosen_is": pair.stratum,
        "chosen_reward": float(pair.chosen.reward),
        "rejected_reward": float(pair.rejected.reward),
        "chosen_answer": _answer(pair.chosen),
        "rejected_answer": _answer(pair.rejected),
        "trace": origin(trace),
    }


def _answer(candidate: Candidate) -> str:
    return "" if candidate.reply.answer is None else candidate.reply.answer.canonical

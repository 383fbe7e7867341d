"""The failures that teach most: spoilt by reflection, found but not chosen, sure and wrong, without an answer.

In: outcomes. Out: at most ten, of different items, from each kind in turn, the clearest cases of each first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from marco_cli.evals.outcome import Outcome

Kind = Literal["found, not chosen", "sure and wrong", "spoilt by reflection", "no answer"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instructive:
    """A failure and why it is worth a look."""

    kind: Kind
    outcome: Outcome


def instructive(outcomes: Sequence[Outcome], *, most: int = 10) -> tuple[Instructive, ...]:
    """Return the failures worth a look; searches with a tree come before others."""
    ranked = [
        [
            Instructive(kind=kind, outcome=outcome)
            for strength, outcome in sorted(
                ((strength(outcome), outcome) for outcome in outcomes if outcome.error is None),
                key=lambda entry: (-entry[0], not entry[1].nodes),
            )
            if strength > 0
        ]
        for kind, strength in _KINDS
    ]
    chosen: dict[str, Instructive] = {}
    for row in zip_longest(*ranked):
        for failure in row:
            if failure is not None and len(chosen) < most:
                chosen.setdefault(failure.outcome.item.id, failure)
    return tuple(chosen.values())


def _missed(outcome: Outcome) -> float:
    """Return the share of the paths that were right, of a search that chose a wrong one."""
    if outcome.score.verdict != "wrong" or not outcome.scores:
        return 0.0
    return sum(score.verdict == "right" for score in outcome.scores) / len(outcome.scores)


def _deluded(outcome: Outcome) -> float:
    """Return the confidence of a wrong answer; of a search, the certainty too."""
    chosen = outcome.chosen
    if outcome.score.verdict != "wrong" or chosen is None:
        return 0.0
    return chosen.reply.signals.confidence + (outcome.certainty if len(outcome.candidates) > 1 else 0.0)


def _spoilt(outcome: Outcome) -> float:
    """Return how many right answers a reflection turned into wrong ones, of an outcome that is wrong."""
    if outcome.score.verdict != "wrong":
        return 0.0
    return float(sum(before and not after for before, after in reflection_flips(outcome)))


def _silent(outcome: Outcome) -> float:
    return float(outcome.score.verdict == "no_answer")


_KINDS: tuple[tuple[Kind, Callable[[Outcome], float]], ...] = (
    ("spoilt by reflection", _spoilt),
    ("found, not chosen", _missed),
    ("sure and wrong", _deluded),
    ("no answer", _silent),
)


def reflection_flips(outcome: Outcome) -> list[tuple[bool, bool]]:
    """Return (right before, right after) of each reflection of an outcome."""
    right = {
        candidate.id: score.verdict == "right"
        for candidate, score in zip(outcome.candidates, outcome.scores, strict=True)
    }
    return [
        (right[candidate.reflects], right[candidate.id])
        for candidate in outcome.candidates
        if candidate.reflects is not None and candidate.reflects in right
    ]

"""What is known of an answer's sureness when it is given, signal by signal, and whether it can be trusted.

In: outcomes. Out: a `SignalReport` a signal. Every signal lies in [0, 1] and is higher for surer answers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from marco_cli.evals.calibration import Bin, Pair, Threshold, auroc, calibration_error, curve, threshold_for
from marco_cli.evals.outcome import Outcome
from marco_cli.search.base import Candidate

Signal = Callable[[Outcome, Candidate], float | None]

SIGNALS: Final[Mapping[str, Signal]] = MappingProxyType(
    {
        "certainty": lambda outcome, _: outcome.certainty,
        "vote share": lambda outcome, _: outcome.votes[0].weight,
        "agreement": lambda _, chosen: chosen.agreement,
        "confidence": lambda _, chosen: chosen.reply.signals.confidence,
        "tail confidence": lambda _, chosen: chosen.reply.signals.tail_confidence,
        "lowest group": lambda _, chosen: chosen.reply.signals.lowest_group_confidence,
        "lowest token": lambda _, chosen: chosen.reply.signals.lowest_confidence,
        "probability": lambda _, chosen: math.exp(min(0.0, chosen.reply.signals.mean_logprob)),
        "exp(-entropy)": lambda _, chosen: math.exp(-max(0.0, chosen.reply.signals.entropy)),
        "answer margin": lambda _, chosen: chosen.reply.signals.answer_margin,
    }
)
"""By name: the chosen path's, or the whole vote's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReport:
    """How well one signal tells right from wrong."""

    name: str
    auroc: float | None
    calibration_error: float
    """Of the signal taken as the chance of being right."""
    bins: tuple[Bin, ...]
    threshold: Threshold | None
    """For the wanted precision; None when no cut reaches it."""
    num: int


def signal_reports(outcomes: Sequence[Outcome], *, precision: float) -> tuple[SignalReport, ...]:
    """Return a report on each signal that differs between answers; outcomes without an answer take no part."""
    reports = []
    for name, signal in SIGNALS.items():
        pairs = _pairs(outcomes, signal)
        if len({score for score, _ in pairs}) < 2:
            continue
        bins = curve(pairs)
        reports.append(
            SignalReport(
                name=name,
                auroc=auroc(pairs),
                calibration_error=calibration_error(bins),
                bins=bins,
                threshold=threshold_for(pairs, precision),
                num=len(pairs),
            )
        )
    return tuple(reports)


def _pairs(outcomes: Sequence[Outcome], signal: Signal) -> list[Pair]:
    pairs = []
    for outcome in outcomes:
        chosen = outcome.chosen
        value = None if chosen is None or outcome.score.verdict == "no_answer" else signal(outcome, chosen)
        if value is not None:
            pairs.append((value, outcome.score.verdict == "right"))
    return pairs

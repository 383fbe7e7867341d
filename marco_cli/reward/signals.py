"""Everything that can be said of a reply without knowing the answer, computed once.

In: the `Tokens` of one finished reply, which of them stand for its answer, and its text. Out: `Signals`, plain numbers that
are kept with the reply, so that another reward or vote can be applied later without generating anything. Forced tokens
never count. Knows no trees.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import Tokens
from marco_cli.reward.equations import check_equations

GROUP = 32
"""Tokens of a group in the lowest-group and tail confidence. DeepConf (arXiv 2508.15260) uses 2 048 on traces of 10 000
and more; the replies here have 100 to 1 000."""

UNSOUND: Final = 0.05
"""What a reply with false arithmetic counts beside one without. On marco-nano 2.6 % of such replies were right, of the
others 30 %; anything from 0.2 down did the same (benchmarks/README.md)."""

NINES: Final = 4
"""Of an answer's margin (0.9999) that are as firm as can be: more were right no more often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What the scores of one reply's sampled tokens come to, and its text; without any, confidences are 0."""

    num_tokens: int
    """Tokens that were sampled and scored."""
    confidence: float
    """Mean c_i, in [0, 1]: the value v of the Marco-o1 paper (arXiv 2411.14405)."""
    tail_confidence: float
    """Mean c_i of the last `GROUP` tokens, in [0, 1]."""
    lowest_group_confidence: float
    """Least mean c_i of any `GROUP` neighbouring tokens, in [0, 1] (DeepConf)."""
    lowest_confidence: float
    """Least c_i, in [0, 1]."""
    mean_logprob: float
    """Nats a token."""
    sum_logprob: float
    """Nats: the log-probability of the whole reply."""
    entropy: float
    """Mean entropy of the next-token distribution, nats."""
    answer_margin: float | None
    """Mean p1 - p2 over the answer's tokens, in [0, 1] (CoT-decoding, arXiv 2402.10200); None without an answer."""
    true_equations: int = 0
    """Equations and comparisons of the text that hold (`reward.equations`)."""
    false_equations: int = 0
    """Equations and comparisons of the text that do not."""
    is_plausible: bool = True
    """Whether the answer may be right (`answer.plausibility`): an amount is never negative."""
    process: float | None = None
    """What a process model says of the steps, in [0, 1]; None where none was asked."""

    @property
    def is_sound(self) -> bool:
        """Whether none of its equations and comparisons is false, and its answer may be right."""
        return not self.false_equations and self.is_plausible

    @property
    def firmness(self) -> float:
        """How firmly the model stated its answer, in [`UNSOUND`, 1]: the nines of its margin, of `NINES`; 1 where none was sampled.

        A chain that hesitates at its own conclusion does not follow from itself: of 645 chains of Qwen2.5-Coder-0.5B those
        with less than three nines were right in 7 %, the others in 50 % (benchmarks/README.md).
        """
        if self.answer_margin is None:
            return 1.0
        nines = -math.log10(max(1 - self.answer_margin, 10.0**-NINES))
        return max(UNSOUND, nines / NINES)

    @property
    def soundness(self) -> float:
        """What the reply's arithmetic makes of its worth: 1, or `UNSOUND` when any of it is false."""
        return 1.0 if self.is_sound else UNSOUND


def measure(tokens: Tokens, *, answer: slice | None = None, text: str = "", is_plausible: bool = True) -> Signals:
    """Compute the signals of a reply; `answer` are the rows that hold its answer, if it has one."""
    equations = check_equations(text)
    scored = tokens.is_sampled
    confidence = tokens.confidence[scored].astype(np.float64)
    if not len(confidence):
        return replace(
            _UNSCORED, true_equations=equations.true, false_equations=equations.false, is_plausible=is_plausible
        )
    logprobs = tokens.logprobs[scored].astype(np.float64)
    groups = _sliding_means(confidence, GROUP)
    return Signals(
        num_tokens=len(confidence),
        confidence=float(confidence.mean()),
        tail_confidence=float(confidence[-GROUP:].mean()),
        lowest_group_confidence=float(groups.min()),
        lowest_confidence=float(confidence.min()),
        mean_logprob=float(logprobs.mean()),
        sum_logprob=float(logprobs.sum()),
        entropy=float(tokens.entropy[scored].astype(np.float64).mean()),
        answer_margin=None if answer is None else _mean_margin(tokens[answer]),
        true_equations=equations.true,
        false_equations=equations.false,
        is_plausible=is_plausible,
    )


_UNSCORED = Signals(
    num_tokens=0,
    confidence=0.0,
    tail_confidence=0.0,
    lowest_group_confidence=0.0,
    lowest_confidence=0.0,
    mean_logprob=0.0,
    sum_logprob=0.0,
    entropy=0.0,
    answer_margin=None,
)


def _sliding_means(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the means of all runs of `width` neighbours; of everything where there are fewer."""
    width = min(width, len(values))
    sums = np.concatenate(([0.0], np.cumsum(values)))
    means: NDArray[np.float64] = np.clip((sums[width:] - sums[:-width]) / width, 0, 1)
    return means


def _mean_margin(tokens: Tokens) -> float | None:
    margin = tokens.margin[tokens.is_sampled]
    return float(margin.mean()) if len(margin) else None

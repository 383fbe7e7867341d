"""Scores in, sampled ids out: pure numpy, vectorised over the batch.

`draw` picks one token for each request from the candidates that `score` has found; only where a request's distribution reaches
beyond them does it look at the whole row again. It is exact: no candidate limit changes what is drawn, and a request's token depends
on its row, its parameters and its own random number alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP, SamplingParams
from marco_cli.engine.scores import MASS_ERROR, NUM_CANDIDATES, Floats, Ints, Scores, scratch

MAX_CANDIDATES = 512
"""The largest top-k that is served from candidates; beyond it, sorting the whole row is no slower."""


def num_candidates(params: Sequence[SamplingParams]) -> int:
    """Return how many candidates let `draw` settle nearly every token of such requests without sorting a row."""
    warm = [p.top_k for p in params if p.temperature > 0]
    return max([NUM_CANDIDATES, *(k for k in warm if k <= MAX_CANDIDATES)]) if warm else NUM_TOP


def draw(
    logits: Floats, scores: Scores, rows: Ints, params: Sequence[SamplingParams], uniforms: Sequence[float]
) -> Ints:
    """Draw one token for each of j requests.

    Args:
        logits: [r, V]
        scores: of the same rows
        rows: [j] which row each request reads; several may read the same one
        params: [j]
        uniforms: [j] random numbers in [0, 1); ignored where the temperature is 0

    Returns: [j] token ids.
    """
    drawn: Ints = scores.candidate_ids[rows, 0]
    warm = [j for j, p in enumerate(params) if p.temperature > 0]
    if warm:
        drawn[warm] = _draw_warm(logits, scores, rows[warm], [params[j] for j in warm], [uniforms[j] for j in warm])
    return drawn


def _draw_warm(
    logits: Floats, scores: Scores, rows: Ints, params: Sequence[SamplingParams], uniforms: Sequence[float]
) -> Ints:
    """Draw from the candidates wherever they settle it beyond rounding, else by the definition."""
    filters = _Filters.of(params, logits.shape[1])
    depths = scores.candidate_logits[rows].astype(np.float64) - scores.candidate_logits[rows, :1]
    width = depths.shape[1]
    weights = np.exp(depths / filters.temperature)
    weights[np.arange(width) >= filters.top_k] = 0  # the candidates are in order, the likeliest first
    # The mass of all tokens is not known at every temperature: between these bounds it lies, and mostly that is enough.
    held = weights.cumsum(axis=1)[:, -1:]
    beyond = np.where(filters.top_k > width, _most_beyond(depths, scores.mass[rows, None], filters), 0)
    least, most = held, held + beyond
    chosen, settled = _choose(weights, filters, uniforms, masses=(least, most))
    unsure = np.flatnonzero(
        ~settled & (filters.top_k > width)[:, 0]
    )  # a pass over the whole row makes the bounds tight
    if len(unsure):
        for j in unsure:
            mass = _mass(logits, scores, int(rows[j]), float(filters.temperature[j, 0]))
            least[j], most[j] = mass * (1 - MASS_ERROR), mass * (1 + MASS_ERROR)
        chosen, settled = _choose(weights, filters, uniforms, masses=(least, most))
    ids: Ints = scores.candidate_ids[rows, np.minimum(chosen, width - 1)]
    for j in np.flatnonzero(~settled):  # the token lies beyond the candidates, or at an edge within rounding
        ids[j] = draw_from_row(logits[rows[j]], params[int(j)], uniforms[int(j)])
    return ids


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Filters:
    """The parameters of j requests, each as an array [j, 1]; filters that are off let everything through."""

    num_vocab: int
    temperature: NDArray[np.float64]
    top_k: Ints
    top_p: NDArray[np.float64]
    min_p: NDArray[np.float64]

    @classmethod
    def of(cls, params: Sequence[SamplingParams], num_vocab: int) -> "_Filters":
        """Read them from the parameters."""
        return cls(
            num_vocab=num_vocab,
            temperature=np.asarray([p.temperature for p in params])[:, None],
            top_k=np.asarray([min(p.top_k or num_vocab, num_vocab) for p in params])[:, None],
            top_p=np.asarray([p.top_p if p.top_p < 1 else np.inf for p in params])[:, None],
            min_p=np.asarray([p.min_p for p in params])[:, None],
        )


_DEEP = -1e4
"""A depth at which no weight is left, in place of that of a logit of -inf, which cannot be multiplied by 0."""


def _most_beyond(depths: NDArray[np.float64], mass: Floats, filters: _Filters) -> NDArray[np.float64]:
    """Return [j, 1] how much weight all tokens beyond the candidates can have at most.

    Each lies no higher than the last candidate, at depth d < 0 under the peak, and weighs e^(d/T) at most. At T ≤ 1 its weight
    is besides no more than e^(d(1/T - 1)) of what it weighs at T = 1, where the sum of all is known.
    """
    last = np.maximum(depths[:, -1:], _DEEP)
    each = (filters.num_vocab - depths.shape[1]) * np.exp(last / filters.temperature)
    rest = np.maximum(0, mass * (1 + MASS_ERROR) - np.exp(depths).sum(axis=1, keepdims=True))
    colder = rest * np.exp(np.minimum(0, last * (1 / filters.temperature - 1)))
    most: NDArray[np.float64] = np.where(filters.temperature <= 1, np.minimum(each, colder), each)
    return most


def _choose(
    weights: NDArray[np.float64],
    filters: _Filters,
    uniforms: Sequence[float],
    *,
    masses: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[Ints, NDArray[np.bool_]]:
    """Return [j] which candidate each request draws, and [j] whether that is so wherever between `masses` the mass lies.

    Args:
        weights: [j, k] of the candidates, 0 beyond a request's top-k.
        filters: of the j requests.
        uniforms: [j]
        masses: least and most weight of all tokens, [j, 1] each.
    """
    width = weights.shape[1]
    top_k, bounds = filters.top_k, np.stack(masses)
    cumulative = weights.cumsum(axis=1)
    # The nucleus is the shortest prefix whose mass reaches top_p, so a token stays if the mass before it does not.
    kept = (cumulative - weights < filters.top_p * bounds) & (weights >= filters.min_p) & (weights > 0)
    kept_cumulative = np.where(kept[0], weights, 0).cumsum(axis=1)
    ended = (top_k <= width) | ~kept[0, :, -1:]
    unfiltered = (top_k == filters.num_vocab) & np.isinf(filters.top_p) & (filters.min_p == 0)
    # A nucleus that ends among the candidates has a known mass; one that does not is drawn from by the mass of all.
    targets = np.asarray(uniforms)[:, None] * np.where(ended, kept_cumulative[:, -1:], bounds)
    chosen = (kept_cumulative <= targets).sum(axis=2)
    settled = (ended | unfiltered)[:, 0] & (kept[0] == kept[1]).all(axis=1)
    settled &= (chosen[0] == chosen[1]) & (chosen[1] < width)
    settled &= ((top_k <= width) | (top_k == filters.num_vocab))[:, 0]
    return chosen[0], settled


def _mass(logits: Floats, scores: Scores, row: int, temperature: float) -> float:
    """Return Σ exp((logit - peak) / T) over the whole row, within a relative error of `MASS_ERROR`."""
    if temperature == 1:
        return float(scores.mass[row])
    weights = scratch.array(logits[row].shape)
    np.subtract(logits[row], scores.candidate_logits[row, 0], out=weights)
    np.multiply(weights, np.float32(1 / temperature), out=weights)
    return float(np.exp(weights, out=weights).sum())


def draw_from_row(logits: Floats, params: SamplingParams, uniform: float) -> int:
    """Draw one token from one row by the definition: order everything, filter, invert the cumulative distribution."""
    ordered = np.sort(logits)[::-1]
    index = 0
    if params.temperature > 0:
        weights = np.exp((ordered.astype(np.float64) - ordered[0]) / params.temperature)
        if params.top_k:
            weights[params.top_k :] = 0
        cumulative = weights.cumsum()
        kept = (cumulative - weights < params.top_p * cumulative[-1]) & (weights >= params.min_p) & (weights > 0)
        last = int(np.flatnonzero(kept)[-1])
        index = int(np.searchsorted(cumulative[: last + 1], uniform * cumulative[last], side="right"))
    value = ordered[index]
    # Equal logits are told apart by their ids, the lower one first, as among the candidates.
    nth_equal = index - int(np.searchsorted(-ordered, -value))
    return int(np.flatnonzero(logits == value)[nth_equal])


def penalise(logits: Floats, recent_ids: Sequence[int], penalty: float) -> Floats:
    """Return one row `[V]` with the logits of recent tokens divided (negative ones multiplied) by the penalty.

    Keskar et al., CTRL (arXiv 1909.05858, §4.1).
    """
    row = logits.copy()
    seen = np.unique(np.asarray(recent_ids, dtype=np.int64))
    values = row[seen]
    row[seen] = np.where(values > 0, values / penalty, values * penalty)
    return row

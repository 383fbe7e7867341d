"""Logits in, scores and sampled ids out: pure numpy, vectorised over the batch.

`score` reads each row of logits once: its most likely tokens in order, its log-normaliser and its entropy. `draw` then
picks one token for each request from those candidates; only where a request's distribution reaches beyond them does it
look at the whole row again. Both are exact: no candidate limit changes what is drawn, and a request's token depends on
its row, its parameters and its own random number alone.
"""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP, SamplingParams

NUM_CANDIDATES = 64
"""Most likely tokens kept a row; a nucleus of a language model rarely has more."""

MAX_CANDIDATES = 512
"""The largest top-k that is served from candidates; beyond it, sorting the whole row is no slower."""

_CHUNK = 1 << 17
"""Logits worked on at once: small vocabularies in one go, large ones row by row so that a pass stays in the cache."""

_MASS_ERROR = 1e-5
"""Relative error of a sum of 32-bit exponentials, with room to spare."""

_LAYERS = 64
"""A large row is folded into this many layers to find its largest values."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What is known of r rows of logits."""

    candidate_ids: Ints
    """[r, k] the most likely tokens, in order (equal logits: lower id first)"""
    candidate_logits: Floats
    """[r, k]"""
    mass: Floats
    """[r] Σ exp(logit - largest logit), ≥ 1"""
    log_normaliser: Floats
    """[r] log Σ exp(logit): logprob = logit - log_normaliser, in nats"""
    entropy: Floats
    """[r] nats, ≥ 0"""

    def top_logprobs(self) -> Floats:
        """Return [r, NUM_TOP] log-probabilities of the most likely tokens."""
        return self.candidate_logits[:, :NUM_TOP] - self.log_normaliser[:, None]


def score(logits: Floats, num_candidates: int = NUM_CANDIDATES, pool: Executor | None = None) -> Scores:
    """Score logits `[r, V]`, V > NUM_TOP; at least NUM_TOP candidates are kept. Large inputs use the pool's threads."""
    rows, vocab = logits.shape
    k = min(max(num_candidates, NUM_TOP), vocab)
    step = max(1, _CHUNK // vocab)
    chunks = [logits[start : start + step] for start in range(0, rows, step)]
    scored = list((pool.map if pool is not None and len(chunks) > 1 else map)(_score_chunk, chunks, [k] * len(chunks)))
    if len(scored) == 1:
        return scored[0]
    return Scores(
        candidate_ids=np.concatenate([s.candidate_ids for s in scored]),
        candidate_logits=np.concatenate([s.candidate_logits for s in scored]),
        mass=np.concatenate([s.mass for s in scored]),
        log_normaliser=np.concatenate([s.log_normaliser for s in scored]),
        entropy=np.concatenate([s.entropy for s in scored]),
    )


def _score_chunk(logits: Floats, k: int) -> Scores:
    rows, vocab = logits.shape
    columns = vocab // _LAYERS
    ids, values = _top_of_row(logits[0], k, columns) if rows == 1 and columns > 2 * k else _top_of_rows(logits, k)
    # With d = logit - peak and w = exp(d): log Z = peak + log Σ w, and H = log Σ w - Σ w·d / Σ w, a sum of two terms
    # that are not negative. Sums along one axis add in the same order however many rows there are; einsum does not.
    peak = values[:, 0]
    weights, depths = _scratch.array((2, *logits.shape))
    with np.errstate(invalid="ignore"):
        np.subtract(logits, peak[:, None], out=depths)
        np.exp(depths, out=weights)
        total = weights.sum(axis=1)
        np.multiply(weights, depths, out=weights)
    expected = weights.sum(axis=1)
    if np.isnan(expected).any():  # a logit of -inf has weight 0 and adds nothing
        expected = np.nansum(weights, axis=1)
    return Scores(
        candidate_ids=ids,
        candidate_logits=values,
        mass=total,
        log_normaliser=peak + np.log(total),
        entropy=np.log(total) - expected / total,
    )


class _Scratch(threading.local):
    """One array a thread for intermediate results: fresh megabytes every tick cost more in page faults than the sums."""

    buffer: Floats = np.empty(0, dtype=np.float32)

    def array(self, shape: tuple[int, ...]) -> Floats:
        size = math.prod(shape)
        if self.buffer.size < size:
            self.buffer = np.empty(size, dtype=np.float32)
        return self.buffer[:size].reshape(shape)


_scratch = _Scratch()


def _top_of_rows(logits: Floats, k: int) -> tuple[Ints, Floats]:
    """Return ids and values of the k largest logits of each row, in order."""
    ids = np.argpartition(logits, logits.shape[1] - k, axis=1)[:, logits.shape[1] - k :]
    values = np.take_along_axis(logits, ids, axis=1)
    order = np.lexsort((ids, -values), axis=1)
    ids, values = np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)
    # Of equal logits at the edge the partition takes any; the lower ids belong in.
    for i in np.flatnonzero(np.count_nonzero(logits >= values[:, -1:], axis=1) > k):
        ids[i], values[i] = _largest(logits[i], values[i, -1], k)
    return ids, values


def _top_of_row(row: Floats, k: int, columns: int) -> tuple[Ints, Floats]:
    """Do the same for one long row: fold it into layers, and no more than the k largest columns can hold the top k."""
    maxima = row[: columns * _LAYERS].reshape(_LAYERS, columns).max(axis=0)
    threshold = np.partition(maxima, columns - k)[columns - k]
    ids, values = _largest(row, threshold, k)
    if len(ids) < k:  # NaN compares with nothing; the row is refused where its normaliser is read
        return _top_of_rows(row[None], k)
    return ids[None], values[None]


def _largest(row: Floats, threshold: np.float32, k: int) -> tuple[Ints, Floats]:
    """Return ids and values of the k largest logits of a row, in order, given that k of them reach a threshold."""
    ids = np.flatnonzero(row >= threshold)
    values = row[ids]
    order = np.argsort(-values, kind="stable")[:k]
    return ids[order], values[order]


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
            least[j], most[j] = mass * (1 - _MASS_ERROR), mass * (1 + _MASS_ERROR)
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
    rest = np.maximum(0, mass * (1 + _MASS_ERROR) - np.exp(depths).sum(axis=1, keepdims=True))
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
    """Return Σ exp((logit - peak) / T) over the whole row, within a relative error of `_MASS_ERROR`."""
    if temperature == 1:
        return float(scores.mass[row])
    weights = _scratch.array(logits[row].shape)
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

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

_CHUNK = 1 << 17
"""Logits worked on at once: small vocabularies in one go, large ones row by row so that a pass stays in the cache."""

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
        log_normaliser=np.concatenate([s.log_normaliser for s in scored]),
        entropy=np.concatenate([s.entropy for s in scored]),
    )


def _score_chunk(logits: Floats, k: int) -> Scores:
    rows, vocab = logits.shape
    columns = vocab // _LAYERS
    ids, values = _top_of_row(logits[0], k, columns) if rows == 1 and columns > 2 * k else _top_of_rows(logits, k)
    # Relative to the largest logit, for precision: log Z = peak + log Σ w, and H = log Z - Σ w·logit / Σ w.
    peak = values[:, 0]
    weights = _scratch.take(logits.shape)
    np.subtract(logits, peak[:, None], out=weights)
    np.exp(weights, out=weights)
    total = weights.sum(axis=1)
    normaliser = peak + np.log(total)
    expected = np.einsum("rv,rv->r", weights, logits)
    if np.isnan(expected).any():  # a logit of -inf has weight 0 and adds nothing
        expected = np.einsum("rv,rv->r", weights, np.where(np.isneginf(logits), 0, logits))
    return Scores(
        candidate_ids=ids,
        candidate_logits=values,
        log_normaliser=normaliser,
        entropy=np.maximum(normaliser - expected / total, 0),
    )


class _Scratch(threading.local):
    """One array a thread for intermediate results: fresh megabytes every tick cost more in page faults than the sums."""

    buffer: Floats = np.empty(0, dtype=np.float32)

    def take(self, shape: tuple[int, ...]) -> Floats:
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
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)


def _top_of_row(row: Floats, k: int, columns: int) -> tuple[Ints, Floats]:
    """Do the same for one long row: fold it into layers, and no more than the k largest columns can hold the top k."""
    maxima = row[: columns * _LAYERS].reshape(_LAYERS, columns).max(axis=0)
    threshold = np.partition(maxima, columns - k)[columns - k]
    ids = np.flatnonzero(row >= threshold)
    values = row[ids]
    order = np.lexsort((ids, -values))[:k]
    return ids[None, order], values[None, order]


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
    temperature = np.asarray([p.temperature for p in params])
    top_k = np.asarray([p.top_k for p in params])
    top_p = np.asarray([p.top_p for p in params])
    min_p = np.asarray([p.min_p for p in params])
    peak = scores.candidate_logits[rows, 0].astype(np.float64)
    candidates = (scores.candidate_logits[rows] - peak[:, None]) / temperature[:, None]
    weights = np.exp(candidates)
    width = weights.shape[1]
    rank = np.arange(width)
    limited = (top_k > 0) & (top_k <= width)
    weights[limited[:, None] & (rank >= top_k[:, None])] = 0
    cumulative = weights.cumsum(axis=1)
    total = np.where(limited, cumulative[:, -1], 0)
    for j in np.flatnonzero(~limited):
        total[j] = _mass(logits, scores, int(rows[j]), float(temperature[j]))
    # The nucleus: the shortest prefix whose mass reaches top_p, so a token stays if the mass before it does not.
    before = cumulative - weights
    kept = (before < (top_p * total)[:, None]) & (weights >= min_p[:, None]) & (weights > 0)
    inside = ~kept[:, -1] | limited | (cumulative[:, -1] >= total * (1 - 1e-12))
    kept_cumulative = np.where(kept, weights, 0).cumsum(axis=1)
    target = np.asarray(uniforms) * kept_cumulative[:, -1]
    chosen = (kept_cumulative <= target[:, None]).sum(axis=1)
    ids: Ints = scores.candidate_ids[rows, np.minimum(chosen, width - 1)]
    for j in np.flatnonzero(~inside):
        ids[j] = draw_from_row(logits[rows[j]], params[int(j)], uniforms[int(j)])
    return ids


def _mass(logits: Floats, scores: Scores, row: int, temperature: float) -> float:
    """Return Σ exp((logit - peak) / T) over the whole row."""
    peak = scores.candidate_logits[row, 0]
    if temperature == 1:
        return float(np.exp(np.float64(scores.log_normaliser[row]) - peak))
    weights = _scratch.take(logits[row].shape)
    np.subtract(logits[row], peak, out=weights)
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

"""Logits in, scores out: of each row its most likely tokens in order, its log-normaliser and its entropy.

Pure numpy, vectorised over the batch. Each row is read once, but for what overflows the candidates.
"""

import math
import threading
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP

NUM_CANDIDATES = 64
"""Most likely tokens kept a row; a nucleus of a language model rarely has more."""

MASS_ERROR = 1e-5
"""Relative error of a sum of 32-bit exponentials, with room to spare."""

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
    weights, depths = scratch.array((2, *logits.shape))
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


scratch = _Scratch()


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

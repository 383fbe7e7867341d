"""The self-test of a loaded model: does a forked KV cache give the same logits, and how fast is it.

In: a `Backend` and the ids of some text. Out: a `Measurement`. It decodes by itself, without scheduler and sampling, so
the figures are those of llama.cpp and this machine. All that it put into the KV memory is taken out again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Backend, Row
from marco_cli.errors import EngineError

PROMPT = 128
"""Tokens of the prompt."""
STEPS = 16
"""Decode calls that are timed."""
WIDTH = 8
"""Sequences decoded together, against one alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What came out; speeds in tokens a second."""

    fork_difference: float
    """Largest difference between logits after a fork and after a fresh evaluation; not finite if logits are not."""
    prefill_1: float
    prefill_8: float
    decode_1: float
    decode_8: float


def measure(backend: Backend, text_ids: Sequence[int], clock: Callable[[], float] = time.perf_counter) -> Measurement:
    """Compare and time; needs room for 2 x `PROMPT` + `WIDTH` x `STEPS` cells at most.

    Raises:
        DecodeError: the model refused a batch.
        EngineError: there is no text, or the model was interrupted.
    """
    if not text_ids:
        raise EngineError("the self-test has no tokens to evaluate")
    ids = [text_ids[i % len(text_ids)] for i in range(PROMPT + STEPS)]
    bench = _Bench(backend, ids, clock)
    difference = bench.fork_difference()  # first: it also warms the model up
    prefill_1 = bench.prefill(sequences=1)
    decode_1 = bench.decode(width=1)
    prefill_8 = bench.prefill(sequences=WIDTH)
    decode_8 = bench.decode(width=WIDTH)
    return Measurement(
        fork_difference=difference, prefill_1=prefill_1, prefill_8=prefill_8, decode_1=decode_1, decode_8=decode_8
    )


class _Bench:
    """Runs on one backend; every method leaves the KV memory empty."""

    def __init__(self, backend: Backend, ids: Sequence[int], clock: Callable[[], float]) -> None:
        self._backend = backend
        self._ids = ids
        self._clock = clock

    def fork_difference(self) -> float:
        """Evaluate a prompt and one more token twice, the second time on a copy of the first prompt.

        Both evaluations see the same number of cells in calls of the same shape, so nothing but the fork differs.
        """
        self._evaluate(self._prompt((0,)))
        self._evaluate(self._prompt((1,)))
        fresh = self._evaluate([self._row(PROMPT, (1,))])
        self._backend.remove(1, PROMPT, PROMPT + 1)
        self._backend.copy(0, 2, 0, PROMPT)
        forked = self._evaluate([self._row(PROMPT, (2,))])
        self._empty(3)
        return float(np.abs(forked - fresh).max())

    def prefill(self, *, sequences: int) -> float:
        """Return the speed of evaluating `PROMPT` tokens that belong to so many sequences, side by side."""
        length = PROMPT // sequences
        rows = [self._row(position, (i,), length) for i in range(sequences) for position in range(length)]
        started = self._clock()
        self._evaluate(rows)
        seconds = self._clock() - started
        self._empty(sequences)
        return len(rows) / seconds

    def decode(self, *, width: int) -> float:
        """Return the speed of `STEPS` calls that each decode a token of `width` forks of one prompt."""
        self._evaluate(self._prompt((0,)))
        for sequence in range(1, width + 1):
            self._backend.copy(0, sequence, 0, PROMPT)
        started = self._clock()
        for step in range(STEPS):
            self._evaluate([self._row(PROMPT + step, (sequence,)) for sequence in range(1, width + 1)])
        seconds = self._clock() - started
        self._empty(width + 1)
        return width * STEPS / seconds

    def _prompt(self, sequences: tuple[int, ...]) -> list[Row]:
        return [self._row(position, sequences, PROMPT) for position in range(PROMPT)]

    def _row(self, position: int, sequences: tuple[int, ...], length: int = 1) -> Row:
        """Return one token; the last of a prompt of `length`, and any token alone, wants its logits."""
        wants_logits = length == 1 or position == length - 1
        return Row(token=self._ids[position], position=position, sequences=sequences, wants_logits=wants_logits)

    def _evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Evaluate rows in as few calls as the backend allows; return the logits of the last call."""
        logits: NDArray[np.float32] | None = None
        for start in range(0, len(rows), self._backend.max_rows):
            logits = self._backend.decode(rows[start : start + self._backend.max_rows])
            if logits is None:
                raise EngineError("the self-test was interrupted")
        return np.empty(0, dtype=np.float32) if logits is None else logits.copy()

    def _empty(self, sequences: int) -> None:
        for sequence in range(sequences):
            self._backend.remove(sequence, 0, len(self._ids))

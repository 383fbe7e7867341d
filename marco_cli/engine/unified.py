"""One KV memory for all sequences: a cell is seen by any number of them, and a fork copies nothing.

For GPUs, and for models with sliding windows. On CPUs attention is flash attention, whose calls are divided by `tiles`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import tiles
from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import Fillers
from marco_cli.engine.llama_context import Context


class Shadows:
    """Second sequences that see what the first ones see.

    In layers with a sliding window, llama.cpp gives away cells that lie behind the window of the only sequence that sees them;
    yet a fork may go on from there. Cells that two sequences see are kept.
    """

    def __init__(self, num_ids: int, *, has_window: bool) -> None:
        self.num_ids = num_ids
        """llama.cpp's sequences."""
        self._offsets = (0, num_ids // 2) if has_window else (0,)
        self.num_sequences = num_ids // len(self._offsets)

    def ids(self, sequence: int) -> tuple[int, ...]:
        """Return llama.cpp's sequences that stand for one of ours."""
        return tuple(sequence + offset for offset in self._offsets)

    def seen(self, row: Row) -> Row:
        """Return the row as llama.cpp's sequences see it."""
        if len(self._offsets) == 1:
            return row
        return replace(row, sequences=tuple(id_ for sequence in row.sequences for id_ in self.ids(sequence)))


class Unified:
    """A `Memory`, and decode calls on it; the last sequence is for fillers."""

    is_crowded = False

    def __init__(self, context: Context, shadows: Shadows, fillers: Fillers, *, row_cost: float | None) -> None:
        self._context = context
        self._shadows = shadows
        self.fillers = fillers
        self._spare = shadows.num_sequences - 1
        self.row_cost = row_cost
        """What `tiles.divide` wants to know; None leaves calls whole."""

    def width(self, _length: int) -> int:
        """Return how many sequences can be decoded together."""
        return self._spare

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`."""
        for one, other in zip(self._shadows.ids(source), self._shadows.ids(target), strict=True):
            self._context.copy(one, other, start, end)

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`."""
        for id_ in self._shadows.ids(sequence):
            self._context.remove(id_, start, end)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Backend.decode`."""
        calls = self.divide(rows)
        logits: NDArray[np.float32] | None = None
        try:
            is_one = len(calls) == 1
            logits = self._evaluate(rows, calls[0].num_fillers) if is_one else self._evaluate_apart(rows, calls)
        finally:
            if logits is None:
                # Which of several calls had been made does not matter: what is not there is not missed.
                for row in rows:
                    for sequence in row.sequences:
                        self.remove(sequence, row.position, -1)
        return logits

    def divide(self, rows: Sequence[Row]) -> tuple[tiles.Call, ...]:
        """Return the calls that evaluate the rows."""
        if self.row_cost is None:
            return (tiles.Call(rows=tuple(range(len(rows)))),)
        return tiles.divide(rows, self.row_cost)

    def _evaluate_apart(self, rows: Sequence[Row], calls: Sequence[tiles.Call]) -> NDArray[np.float32] | None:
        """Make several calls; None when one was interrupted."""
        wanted = [number for number, row in enumerate(rows) if row.wants_logits]
        found: list[tuple[NDArray[np.bool_], NDArray[np.float32]]] = []
        for call in calls:
            part = self._evaluate([rows[number] for number in call.rows], call.num_fillers)
            if part is None:
                return None
            found.append((np.isin(wanted, call.rows), part.copy()))  # the next call overwrites it
        logits = np.empty((len(wanted), found[0][1].shape[1]), dtype=np.float32)
        for where, part in found:
            logits[where] = part
        return logits

    def _evaluate(self, rows: Sequence[Row], num_fillers: int) -> NDArray[np.float32] | None:
        """Make one call; None when it was interrupted."""
        num_logits = sum(row.wants_logits for row in rows)
        num_fillers = num_fillers or self.fillers.count(len(rows), num_logits)
        fillers = [
            Row(token=rows[0].token, position=i, sequences=(self._spare,), wants_logits=self.fillers.pairs and i == 0)
            for i in range(num_fillers)
        ]
        try:
            logits = self._context.evaluate([self._shadows.seen(row) for row in (*rows, *fillers)])
        finally:
            if fillers:
                self.remove(self._spare, 0, -1)
        return None if logits is None else logits[:num_logits]

"""A KV memory in streams that keeps the tokens themselves, and refuses what llama.cpp would not do as asked."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.errors import DecodeError


class ExactStore:
    """The logits of a row are the tokens that its stream holds, filled up with -1."""

    def __init__(self, num_streams: int, num_cells: int) -> None:
        self._num_cells = num_cells
        self.num_saved = 0
        self.refuses = False
        self.fails = False
        self.reshape(num_streams)

    @property
    def num_streams(self) -> int:
        """See `Store`."""
        return len(self.held)

    @property
    def stream_cells(self) -> int:
        """See `Store`."""
        return self._num_cells // len(self.held)

    def reshape(self, num_streams: int) -> None:
        """See `Store`."""
        self.held: list[list[int]] = [[] for _ in range(num_streams)]

    def evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Store`."""
        if self.refuses:
            return None
        streams = [row.sequences[0] for row in rows]
        assert streams == sorted(streams)
        assert set(streams) == set(range(streams[0], streams[-1] + 1)), "llama.cpp would divide the call"
        logits = []
        for row in rows:
            assert len(row.sequences) == 1
            held = self.held[row.sequences[0]]
            assert len(held) == row.position < self.stream_cells
            held.append(row.token)
            if row.wants_logits:
                logits.append([*held, *[-1] * (self._num_cells - len(held))])
        if self.fails:
            raise DecodeError("out of order")
        return np.asarray(logits, dtype=np.float32).reshape(-1, self._num_cells)

    def cut(self, stream: int, length: int) -> None:
        """See `Store`."""
        del self.held[stream][length:]

    def save(self, stream: int) -> list[int]:
        """See `Store`."""
        self.num_saved += 1
        return list(self.held[stream])

    def load(self, state: list[int], stream: int) -> None:
        """See `Store`."""
        assert not self.held[stream], "the stream is not empty"
        assert len(state) <= self.stream_cells
        self.held[stream] = list(state)

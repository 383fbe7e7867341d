"""What the streams of a KV memory can do, without a word about llama.cpp."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Row

State = Any
"""What a stream held; only the store looks into it."""

STEP = 256
"""llama.cpp rounds the cells of a stream up to a multiple of this."""


def stream_cells(num_cells: int, num_streams: int) -> int:
    """Return how many tokens each stream holds."""
    return -(-num_cells // (num_streams * STEP)) * STEP


class Store(Protocol):
    """A KV memory in streams; the rows of a call name one stream each."""

    @property
    def num_streams(self) -> int:
        """Streams, from 0."""
        ...

    @property
    def stream_cells(self) -> int:
        """Tokens that each stream holds."""
        ...

    def reshape(self, num_streams: int) -> None:
        """Divide the memory into so many streams; they are empty afterwards."""
        ...

    def evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """Evaluate rows; see `Backend.decode`. The streams of rows must be neighbours, in ascending order."""
        ...

    def cut(self, stream: int, length: int) -> None:
        """Take all positions from `length` on away."""
        ...

    def save(self, stream: int) -> State:
        """Return what the stream holds."""
        ...

    def load(self, state: State, stream: int) -> None:
        """Put into an empty stream what another one held."""
        ...

"""What llama.cpp writes of a stream of its KV memory, and how it is read into a memory with another number of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_HEADER = np.dtype([("magic", "<u4"), ("sequence", "<i4"), ("num_streams", "<u4")])
_COUNT = 4
"""Bytes of the number of cells that llama.cpp writes for each stream."""


def empty_size(num_streams: int) -> int:
    """Return the bytes of a stream without cells in a memory of so many."""
    return _HEADER.itemsize + _COUNT * num_streams


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedStream:
    """What a sequence of a context in streams held, as llama.cpp writes it.

    A header, then for each stream the number of its cells and, where there are any, the cells themselves. All streams but one
    are empty; llama.cpp refuses it in a context with another number of streams.
    """

    data: NDArray[np.uint8]
    sequence: int
    num_streams: int

    def among(self, num_streams: int) -> NDArray[np.uint8]:
        """Return it for a context with so many streams."""
        header = self.data[: _HEADER.itemsize].view(_HEADER).copy()
        header["num_streams"] = num_streams
        # Streams before and behind this one have a count of 0 and nothing else.
        first = _HEADER.itemsize + _COUNT * self.sequence
        end = len(self.data) - _COUNT * (self.num_streams - self.sequence - 1)
        others = np.zeros(_COUNT * (num_streams - 1), dtype=np.uint8)
        return np.concatenate([header.view(np.uint8), self.data[first:end], others])

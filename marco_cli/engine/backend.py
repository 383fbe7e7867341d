"""What the engine asks of a model: rows of tokens in, logits out, and a KV memory that can be forked.

A new backend is a class that does what `Model` says. The scheduler needs no more than `Backend`; the asyncio shell also
needs the vocabulary. Nothing here knows of requests, batches or llama.cpp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import ModelInfo
from marco_cli.engine.prefix_cache import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One token to evaluate: it becomes visible to all of `sequences` at `position`."""

    token: int
    position: int
    sequences: tuple[int, ...]
    wants_logits: bool


class Backend(Memory, Protocol):
    """A model with a KV memory."""

    @property
    def num_cells(self) -> int:
        """Cells of the KV memory."""
        ...

    @property
    def num_sequences(self) -> int:
        """Sequence ids, from 0."""
        ...

    @property
    def max_rows(self) -> int:
        """Rows that one decode call takes."""
        ...

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """Evaluate rows; return the logits `[n, V]` of those that want them, in order, valid until the next call.

        None when it was interrupted. Then, and when it raises `DecodeError`, nothing of the rows stays in memory.
        """
        ...

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; control tokens are empty."""
        ...

    def is_end(self, token: int) -> bool:
        """Say whether the token ends the generation."""
        ...


@runtime_checkable
class Divided(Protocol):
    """A backend whose KV memory is divided, so that not everything fits that there are cells for."""

    def width(self, length: int) -> int:
        """Return how many sequences can be decoded together if the longest has `length` tokens."""
        ...

    @property
    def is_crowded(self) -> bool:
        """Whether idle prefixes take more memory than they may."""
        ...


class Model(Backend, Protocol):
    """A backend that also knows its vocabulary."""

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        ...

    def tokenize(self, text: str, *, special: bool) -> tuple[int, ...]:
        """Return the ids of a text."""
        ...

    def spelling(self, token: int) -> bytes:
        """Return the bytes of a token as its vocabulary spells it, also of a control token."""
        ...

    def interrupt(self) -> None:
        """Make a decode call that is under way return None soon; called from another thread."""
        ...

    def close(self) -> None:
        """Free the memory."""
        ...

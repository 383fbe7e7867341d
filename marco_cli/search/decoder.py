"""The parts of an engine that a rollout needs. Engines have them, and so has a lane."""

from collections.abc import Sequence
from typing import Protocol

from marco_cli.engine.base import Completion, ModelInfo, Request, TokenListener


class Tokenizer(Protocol):
    """What tokens say."""

    def tokenize(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the ids of a text."""
        ...

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of the ids."""
        ...


class Decoder(Tokenizer, Protocol):
    """A tokenizer, and the model that continues its texts."""

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        ...

    @property
    def context_size(self) -> int:
        """Tokens that one request may have."""
        ...

    async def generate(self, request: Request, on_token: TokenListener | None = None) -> Completion:
        """Continue a prefix."""
        ...

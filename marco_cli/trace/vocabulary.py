"""The pieces of a model's vocabulary that a search met, so that its tokens can be read without the model.

In: runs of tokens and an engine's `detokenize`. Out: a `Vocabulary` that says what each of their ids, and of the
alternatives to them, stands for. Traces of before it was kept have an empty one: then no token has a known piece.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from marco_cli.engine.base import Tokens
from marco_cli.errors import InputError, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Ids and their bytes; a piece may be part of a character, that of a control token is empty."""

    pieces: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))

    def piece(self, token: int) -> bytes | None:
        """Return a token's bytes; None when they are not known."""
        return self.pieces.get(token)

    def cut(self, tokens: Tokens, data: bytes) -> tuple[bytes, ...] | None:
        """Return the bytes of each token of a run whose text is `data`; None when they are not known."""
        pieces = [self.pieces.get(token) for token in tokens.ids.tolist()]
        known = tuple(piece for piece in pieces if piece is not None)
        return known if len(known) == len(pieces) and b"".join(known) == data else None


def collect(runs: Iterable[Tokens], detokenize: Callable[[Sequence[int]], bytes]) -> Vocabulary:
    """Look up all tokens of the runs and the alternatives to them, each once."""
    ids: set[int] = set()
    for tokens in runs:
        ids.update(tokens.ids.tolist(), tokens.top_ids.ravel().tolist())
    return Vocabulary(pieces=MappingProxyType({token: detokenize((token,)) for token in sorted(ids) if token >= 0}))


def to_plain(vocabulary: Vocabulary) -> list[list[object]]:
    """Return `[id, text]` of each piece, and `[id, text, hexadecimal]` where its bytes are not whole UTF-8."""
    plain: list[list[object]] = []
    for token, piece in vocabulary.pieces.items():
        text = piece.decode(errors="replace")
        plain.append([token, text] if text.encode() == piece else [token, text, piece.hex()])
    return plain


def from_plain(plain: Any, *, where: str) -> Vocabulary:
    """Return the vocabulary that `to_plain` wrote.

    Raises:
        InputError: it is not one; the message begins with `where`.
    """
    pieces: dict[int, bytes] = {}
    try:
        for token, text, *rest in plain:
            pieces[int(token)] = bytes.fromhex(rest[0]) if rest else text.encode()
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{where}: not the pieces of a vocabulary ({type(error).__name__}: {cut(str(error))})"
        ) from error
    return Vocabulary(pieces=MappingProxyType(pieces))

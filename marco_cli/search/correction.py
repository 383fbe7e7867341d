"""False arithmetic that is put right while a reply is written.

In: the bytes of a reply so far. Out: where it has gone wrong, and the number that belongs there. The reply is cut before the
wrong number and goes on behind the right one, so that one slip costs a few tokens and not the whole chain.
"""

import re
from collections.abc import Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Final, NamedTuple

from marco_cli.engine.base import Tokens
from marco_cli.reward.equations import correction
from marco_cli.search.decoder import Tokenizer

MOST: Final = 8
"""Results of one reply that are put right; a reply with more of them is lost."""
_WINDOW: Final = 1200
"""Bytes that are looked at, whole lines: what is further up was looked at before."""
_PAUSE: Final = re.compile(rb"\n|[.,;:!]\s")
"""Where an equation has ended for sure: `= 8` may become `= 8 million`."""


class Slip(NamedTuple):
    """A wrong result in the reply's bytes."""

    start: int
    """Bytes before it."""
    right: str


def find_slip(data: bytes, *, kept: int = 0, is_recent: bool = False) -> Slip | None:
    """Return the first false result that can be put right.

    Args:
        data: the reply so far.
        kept: bytes that stay as they are.
        is_recent: whether only the last `_WINDOW` bytes are looked at.
    """
    start = data.rfind(b"\n", 0, max(0, len(data) - _WINDOW)) + 1 if is_recent else 0
    if b"=" not in data[start:]:  # most texts have none, and reading equations is dear
        return None
    text = data[start:].decode("utf-8", errors="replace")
    found = correction(text)
    if found is None:
        return None
    # Equations are found in characters, the reply is cut in bytes.
    place = start + len(text[: found.start].encode("utf-8", errors="replace"))
    return Slip(place, found.right) if place >= kept else None


def is_pause(data: bytes | bytearray, *, num_new: int) -> bool:
    """Say whether a line or a part of a sentence ends within the newest bytes."""
    return _PAUSE.search(data, max(0, len(data) - num_new - 1)) is not None


class Cut(NamedTuple):
    """How a reply goes on with the right number."""

    num_tokens: int
    """Tokens that stay."""
    num_bytes: int
    """Their bytes."""
    forced_ids: tuple[int, ...]
    """What comes next: the right number, and what stood before the wrong one in the same token."""


def cut(slip: Slip, *, ids: Sequence[int], data: bytes, tokenizer: Tokenizer) -> Cut:
    """Return where to cut a reply, with these ids and bytes, that has a slip."""
    ends = [0, *accumulate(len(tokenizer.detokenize((token,))) for token in ids)]
    num_tokens = max(place for place, end in enumerate(ends) if end <= slip.start)
    lead = data[ends[num_tokens] : slip.start].decode(
        errors="ignore"
    )  # of the token that the wrong number begins inside
    return Cut(num_tokens, ends[num_tokens], tokenizer.tokenize(lead + slip.right))


def corrected(ids: Sequence[int], data: bytes, tokenizer: Tokenizer) -> Cut | None:
    """Return where a finished reply has its first wrong result; None without one."""
    slip = find_slip(data)
    return None if slip is None else cut(slip, ids=ids, data=data, tokenizer=tokenizer)


_NUMBER: Final = re.compile(rb"\D{0,8}\d[\d,]*(?:\.\d+)?\Z")


def put_right(tokens: Tokens, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the numbers in a reply that the model did not write."""
    forced = (not is_sampled for is_sampled in tokens.is_sampled.tolist())
    runs = groupby(zip(forced, tokens.ids.tolist(), strict=True), key=itemgetter(0))
    texts = [tokenizer.detokenize([token for _, token in run]) for is_forced, run in runs if is_forced]
    return tuple(text.decode(errors="replace").strip() for text in texts if _NUMBER.match(text))

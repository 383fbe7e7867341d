"""A number for each of very many keys, in a few bytes each: which line an id was on, which row of a file has it.

In: texts as keys, whole numbers below 2^32 as values. Keys are kept as 64-bit hashes only, so a table of a million rows
takes some 30 MB whatever their ids look like; that two of a million different keys count as one has a chance of 3e-8.
"""

from array import array
from hashlib import blake2b
from typing import Final

_SMALLEST: Final = 1 << 10
_EMPTY: Final = 0


class KeyTable:
    """Open addressing with linear probing, at most two thirds full."""

    def __init__(self) -> None:
        self._size = 0
        self._hashes = array("Q", bytes(8 * _SMALLEST))
        self._values = array("L" if array("L").itemsize == 4 else "I", bytes(4 * _SMALLEST))

    def __len__(self) -> int:
        return self._size

    def get(self, key: str) -> int | None:
        """Return the value of a key, None without one."""
        slot = self._slot(_hash(key))
        return None if self._hashes[slot] == _EMPTY else self._values[slot]

    def put(self, key: str, value: int) -> int | None:
        """Set the value of a key and return the one that it had before, None without one."""
        number = _hash(key)
        slot = self._slot(number)
        if self._hashes[slot] != _EMPTY:
            before = self._values[slot]
            self._values[slot] = value
            return before
        self._hashes[slot], self._values[slot] = number, value
        self._size += 1
        if 3 * self._size > 2 * len(self._hashes):
            self._grow()
        return None

    def _slot(self, number: int) -> int:
        """Return where a hash stands, or the empty slot where it would."""
        hashes = self._hashes
        mask = len(hashes) - 1
        slot = number & mask
        while hashes[slot] != _EMPTY and hashes[slot] != number:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        hashes, values = self._hashes, self._values
        self._hashes = array("Q", bytes(16 * len(hashes)))
        self._values = array(values.typecode, bytes(8 * len(values)))
        for number, value in zip(hashes, values, strict=True):
            if number != _EMPTY:
                slot = self._slot(number)
                self._hashes[slot], self._values[slot] = number, value


def _hash(key: str) -> int:
    digest = blake2b(key.encode("utf-8", errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) or 1  # 0 marks an empty slot

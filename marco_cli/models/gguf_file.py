"""The parts of a GGUF file's header, read without trusting any of them: a position in the file, and its metadata.

In: an open file. Out: values, or an `EngineError` that says at which byte the file is not what it claims. Nothing is allocated
by a number that the file states before that number was checked against the bytes that are left, and nothing is counted to
that no model has, so a damaged or hostile file costs neither memory nor time.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from marco_cli.errors import EngineError

FETCH_AGAIN: Final = "`marco models verify`, then `marco models rm` and `marco models pull` to fetch it again"
"""The remedy for a file that is damaged."""
MAX_NAME_BYTES: Final = 1024
_MAGIC_BYTES: Final = 4
"""By which a GGUF file is known; what does not begin with them is another file, not a damaged one."""
_MAX_HEADER_BYTES: Final = 128 << 20
"""The largest vocabularies known (some 300 000 tokens with merges) need about 16 MiB."""
_MAX_TEXT_BYTES: Final = 8 << 20
MAX_ENTRIES: Final = 4096
"""Metadata entries; models have about fifty."""
_MAX_TEXTS: Final = 2_000_000
"""Texts in all arrays together: tokens and merges of the largest vocabularies known are 0.8 million. Takes 1.5 s to walk over."""
_KEPT_ITEMS: Final = 512
"""Numbers of an array that are kept: one for each layer, of which llama.cpp knows 512."""
_STRING, _ARRAY = 8, 9

SCALARS: Final[Mapping[int, struct.Struct]] = {
    type_id: struct.Struct("<" + code)
    for type_id, code in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip


class Cursor:
    """A position in a file that refuses to read what is not there."""

    __slots__ = ("_file", "_num_texts", "_path", "position", "size")

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._num_texts = 0
        self.position = 0
        self.size = file.seek(0, 2)
        file.seek(0)

    def damaged(self, what: str) -> EngineError:
        """Return the error that says what is wrong at the position."""
        return EngineError(
            f"{self._path.name} is not a usable GGUF file: {what} at byte {self.position} of {self.size}",
            hint=FETCH_AGAIN
            if self.position > _MAGIC_BYTES
            else "name a model, or the path of a GGUF file: `marco models list`",
        )

    def require(self, length: int, what: str) -> None:
        """Check that `length` more bytes lie in the file and within the limit of a header."""
        if length > self.size - self.position:
            raise self.damaged(f"{what} needs {length} bytes, {self.size - self.position} are left")
        if self.position + length > _MAX_HEADER_BYTES:
            raise self.damaged(f"{what} makes the header larger than {_MAX_HEADER_BYTES >> 20} MiB")

    def read(self, length: int, what: str) -> bytes:
        """Read so many bytes."""
        self.require(length, what)
        data = self._file.read(length)
        if len(data) != length:
            raise self.damaged(f"{what} was cut off while reading")
        self.position += length
        return data

    def skip(self, length: int, what: str) -> None:
        """Pass over so many bytes."""
        self.require(length, what)
        self._file.seek(length, 1)
        self.position += length

    def skip_texts(self, number: int, what: str) -> None:
        """Walk over `number` strings: a vocabulary has several hundred thousand, so this loop is written out."""
        self._num_texts += number
        if self._num_texts > _MAX_TEXTS:
            raise self.damaged(f"{what} is one of {self._num_texts}, expected at most {_MAX_TEXTS} texts")
        read, seek, unpack = self._file.read, self._file.seek, SCALARS[10].unpack
        end = min(self.size, _MAX_HEADER_BYTES)
        for _ in range(number):
            self.position += 8
            if self.position > end:
                raise self.damaged(f"{what} is missing")
            (length,) = unpack(read(8))
            self.position += length
            if self.position > end:
                raise self.damaged(f"{what} of {length} bytes does not fit")
            seek(length, 1)

    def scalar(self, form: struct.Struct, what: str) -> int | float | bool:
        """Read one number."""
        value: int | float | bool = form.unpack(self.read(form.size, what))[0]
        return value

    def u32(self, what: str) -> int:
        """Read a 32-bit number without sign."""
        return int(self.scalar(SCALARS[4], what))

    def u64(self, what: str) -> int:
        """Read a 64-bit number without sign."""
        return int(self.scalar(SCALARS[10], what))

    def count(self, smallest: int, what: str, most: int | None = None) -> int:
        """Read how many items follow, each of at least `smallest` bytes."""
        number = self.u64(what)
        if most is not None and number > most:
            raise self.damaged(f"{number} {what}, expected at most {most}")
        self.require(number * smallest, f"{number} times {what}")
        return number

    def text(self, limit: int, what: str) -> str:
        """Read a text of at most `limit` bytes after its length."""
        length = self.u64(f"the length of {what}")
        if length > limit:
            raise self.damaged(f"{what} of {length} bytes, expected at most {limit}")
        # Vocabularies and templates are shown, never executed: a broken character is not worth refusing a model.
        return self.read(length, what).decode("utf-8", errors="replace")


Value = int | float | bool | str | tuple[int | float | bool, ...] | None
"""None stands for an array that was walked over: `len` of it is kept under the same key in `lengths`."""


class Metadata:
    """The key-value section; long arrays are measured, not kept."""

    __slots__ = ("lengths", "values")

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.lengths: dict[str, int] = {}

    def text(self, key: str) -> str | None:
        """Return the text under a key, None where there is no text."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """Return a non-negative whole number; the largest one of a per-layer array."""
        numbers = self.numbers(key)
        return max(numbers) if numbers else None

    def numbers(self, key: str) -> tuple[int, ...]:
        """Return the non-negative whole numbers under a key: of an array, or the only one."""
        value = self.values.get(key)
        items: Sequence[object] = value if isinstance(value, tuple) else (value,)
        return tuple(item for item in items if type(item) is int and item >= 0)


def read_metadata(cursor: Cursor, count: int) -> Metadata:
    """Read so many entries of metadata."""
    metadata = Metadata()
    for _ in range(count):
        key = cursor.text(MAX_NAME_BYTES, "a metadata key")
        if key in metadata.values:
            raise cursor.damaged(f"metadata {key!r} appears twice")
        type_id = cursor.u32(f"the type of {key!r}")
        if type_id == _STRING:
            metadata.values[key] = cursor.text(_MAX_TEXT_BYTES, repr(key))
        elif type_id == _ARRAY:
            metadata.values[key], metadata.lengths[key] = _read_array(cursor, key)
        elif type_id in SCALARS:
            metadata.values[key] = cursor.scalar(SCALARS[type_id], repr(key))
        else:
            raise cursor.damaged(f"{key!r} has the unknown type {type_id}")
    return metadata


def _read_array(cursor: Cursor, key: str) -> tuple[Value, int]:
    """Return the numbers of a short array (per-layer settings) or None, and how many items it has."""
    type_id = cursor.u32(f"the item type of {key!r}")
    if type_id == _STRING:
        length = cursor.count(8, f"items of {key!r}")
        cursor.skip_texts(length, f"an item of {key!r}")
        return None, length
    form = SCALARS.get(type_id)
    if form is None:
        raise cursor.damaged(f"{key!r} has items of the unsupported type {type_id}")
    length = cursor.count(form.size, f"items of {key!r}")
    if length > _KEPT_ITEMS:
        cursor.skip(length * form.size, f"items of {key!r}")
        return None, length
    return tuple(item for (item,) in form.iter_unpack(cursor.read(length * form.size, repr(key)))), length

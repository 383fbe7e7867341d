"""The header of a GGUF file: what the model is, read without loading it.

In: a path. Out: a `Header`. Nothing is allocated by a number that the file claims before that number was checked
against the bytes that are left, so a damaged or hostile file costs a clean `EngineError`, never memory or time.
It knows no llama.cpp and no network. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, Final

from marco_cli.errors import EngineError, ModelNotFoundError, StorageError

_MAX_HEADER_BYTES: Final = 128 << 20
"""The largest vocabularies known (some 300 000 tokens with merges) need about 16 MiB."""
_MAX_TEXT_BYTES: Final = 8 << 20
_MAX_NAME_BYTES: Final = 1024
_MAX_DIMENSIONS: Final = 4
_STRING, _ARRAY = 8, 9

_SCALARS: Final[Mapping[int, struct.Struct]] = {
    type_id: struct.Struct("<" + code)
    for type_id, code in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip

# ggml type id -> (weights in a block, bytes of a block).
_BLOCKS: Final[Mapping[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip

# general.file_type -> the name that quantisers put into file names.
_FILE_TYPES: Final[Mapping[int, str]] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S",
    27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
    38: "MXFP4_MOE", 39: "NVFP4", 40: "Q1_0",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What one GGUF file says about its model; for a split model, the first part tells all but the tensors."""

    version: int
    architecture: str
    name: str | None
    quantisation: str | None
    """`Q4_K_M`, `F16` …; None when the file does not say or says something unknown."""
    parameters: int
    """Weights in this file's tensors."""
    context_length: int | None
    """Tokens that the model was trained for; None when the file does not say."""
    vocab_size: int | None
    embedding_length: int | None
    feed_forward_length: int | None
    num_layers: int | None
    num_heads: int | None
    num_kv_heads: int | None
    kv_values_per_token: int | None
    """Numbers that the KV cache keeps for one token over all layers; None when the file does not say."""
    chat_template: str | None
    tensor_count: int
    tensor_bytes: int
    file_size: int
    split_count: int
    """Files that the model is split into; 1 when it is whole."""


def read(path: Path) -> Header:
    """Read the header of one GGUF file and check that all of its tensors lie inside the file.

    Raises:
        ModelNotFoundError: There is no such file.
        StorageError: The file cannot be read.
        EngineError: The file is not GGUF, damaged, truncated, or of a kind that this version does not know.

    """
    try:
        with path.open("rb", buffering=1 << 20) as file:
            return _read_header(_Cursor(file, path))
    except FileNotFoundError:
        raise ModelNotFoundError(f"no file at {path}", hint="marco models list") from None
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}", hint="check the path and its permissions"
        ) from error


class _Cursor:
    """A position in a file that refuses to read what is not there."""

    __slots__ = ("_file", "_path", "position", "size")

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.position = 0
        self.size = file.seek(0, 2)
        file.seek(0)

    def damaged(self, what: str) -> EngineError:
        return EngineError(
            f"{self._path.name} is not a usable GGUF file: {what} at byte {self.position} of {self.size}",
            hint="`marco models verify`, then `marco models rm` and `marco models pull` to fetch it again",
        )

    def claim(self, length: int, what: str) -> None:
        """Check that `length` more bytes lie in the file and within the limit of a header."""
        if length > self.size - self.position:
            raise self.damaged(f"{what} needs {length} bytes, {self.size - self.position} are left")
        if self.position + length > _MAX_HEADER_BYTES:
            raise self.damaged(f"{what} makes the header larger than {_MAX_HEADER_BYTES >> 20} MiB")

    def take(self, length: int, what: str) -> bytes:
        self.claim(length, what)
        data = self._file.read(length)
        if len(data) != length:
            raise self.damaged(f"{what} was cut off while reading")
        self.position += length
        return data

    def skip(self, length: int, what: str) -> None:
        self.claim(length, what)
        self._file.seek(length, 1)
        self.position += length

    def skip_texts(self, number: int, what: str) -> None:
        """Walk over `number` strings: a vocabulary has several hundred thousand, so this loop is written out."""
        read, seek, unpack = self._file.read, self._file.seek, _SCALARS[10].unpack
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
        value: int | float | bool = form.unpack(self.take(form.size, what))[0]
        return value

    def u32(self, what: str) -> int:
        return int(self.scalar(_SCALARS[4], what))

    def u64(self, what: str) -> int:
        return int(self.scalar(_SCALARS[10], what))

    def count(self, smallest: int, what: str) -> int:
        """Read how many items follow, each of at least `smallest` bytes."""
        number = self.u64(what)
        self.claim(number * smallest, f"{number} times {what}")
        return number

    def text(self, limit: int, what: str) -> str:
        length = self.u64(f"the length of {what}")
        if length > limit:
            raise self.damaged(f"{what} of {length} bytes, expected at most {limit}")
        # Vocabularies and templates are shown, never executed: a broken character is not worth refusing a model.
        return self.take(length, what).decode("utf-8", errors="replace")


Value = int | float | bool | str | tuple[int | float | bool, ...] | None
"""None stands for an array that was walked over: `len` of it is kept under the same key in `lengths`."""


class _Metadata:
    """The key-value section; long arrays are measured, not kept."""

    __slots__ = ("lengths", "values")

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.lengths: dict[str, int] = {}

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """Return a non-negative whole number; the largest one of a per-layer array."""
        numbers = self.numbers(key)
        return max(numbers) if numbers else None

    def numbers(self, key: str) -> tuple[int, ...]:
        value = self.values.get(key)
        items: Sequence[object] = value if isinstance(value, tuple) else (value,)
        return tuple(item for item in items if type(item) is int and item >= 0)


def _read_header(cursor: _Cursor) -> Header:
    magic = cursor.take(4, "the magic number")
    if magic != b"GGUF":
        raise cursor.damaged(f"it begins with {magic!r}, expected b'GGUF'")
    version = cursor.u32("the version")
    if version not in (2, 3):
        kind = "big-endian files are not supported" if version & 0xFFFF == 0 else "expected 2 or 3"
        raise cursor.damaged(f"GGUF version {version}, {kind}")
    tensor_count = cursor.count(24, "tensor descriptions")
    metadata = _read_metadata(cursor, cursor.count(13, "metadata entries"))
    parameters, tensor_bytes = _read_tensors(cursor, tensor_count, metadata)
    architecture = metadata.text("general.architecture")
    if architecture is None:
        raise cursor.damaged("no general.architecture")
    num_heads = metadata.number(f"{architecture}.attention.head_count")
    return Header(
        version=version,
        architecture=architecture,
        name=metadata.text("general.name"),
        quantisation=_FILE_TYPES.get(metadata.number("general.file_type") or 0)
        if "general.file_type" in metadata.values
        else None,
        parameters=parameters,
        context_length=metadata.number(f"{architecture}.context_length"),
        vocab_size=metadata.lengths.get("tokenizer.ggml.tokens") or metadata.number(f"{architecture}.vocab_size"),
        embedding_length=metadata.number(f"{architecture}.embedding_length"),
        feed_forward_length=metadata.number(f"{architecture}.feed_forward_length"),
        num_layers=metadata.number(f"{architecture}.block_count"),
        num_heads=num_heads,
        num_kv_heads=metadata.number(f"{architecture}.attention.head_count_kv") or num_heads,
        kv_values_per_token=_kv_values_per_token(metadata, architecture),
        chat_template=metadata.text("tokenizer.chat_template"),
        tensor_count=tensor_count,
        tensor_bytes=tensor_bytes,
        file_size=cursor.size,
        split_count=metadata.number("split.count") or 1,
    )


def _read_metadata(cursor: _Cursor, count: int) -> _Metadata:
    metadata = _Metadata()
    for _ in range(count):
        key = cursor.text(_MAX_NAME_BYTES, "a metadata key")
        if key in metadata.values:
            raise cursor.damaged(f"metadata {key!r} appears twice")
        type_id = cursor.u32(f"the type of {key!r}")
        if type_id == _STRING:
            metadata.values[key] = cursor.text(_MAX_TEXT_BYTES, repr(key))
        elif type_id == _ARRAY:
            metadata.values[key], metadata.lengths[key] = _read_array(cursor, key)
        elif type_id in _SCALARS:
            metadata.values[key] = cursor.scalar(_SCALARS[type_id], repr(key))
        else:
            raise cursor.damaged(f"{key!r} has the unknown type {type_id}")
    return metadata


def _read_array(cursor: _Cursor, key: str) -> tuple[Value, int]:
    """Return the numbers of a short array (per-layer settings) or None, and how many items it has."""
    type_id = cursor.u32(f"the item type of {key!r}")
    if type_id == _STRING:
        length = cursor.count(8, f"items of {key!r}")
        cursor.skip_texts(length, f"an item of {key!r}")
        return None, length
    form = _SCALARS.get(type_id)
    if form is None:
        raise cursor.damaged(f"{key!r} has items of the unsupported type {type_id}")
    length = cursor.count(form.size, f"items of {key!r}")
    if length > 1024:
        cursor.skip(length * form.size, f"items of {key!r}")
        return None, length
    items = tuple(
        form.unpack_from(block)[0] for block in _blocks(cursor.take(length * form.size, repr(key)), form.size)
    )
    return items, length


def _blocks(data: bytes, size: int) -> tuple[bytes, ...]:
    return tuple(data[start : start + size] for start in range(0, len(data), size))


def _read_tensors(cursor: _Cursor, count: int, metadata: _Metadata) -> tuple[int, int]:
    """Return weights and bytes of all tensors after checking that the last one ends inside the file."""
    parameters = tensor_bytes = end = 0
    for _ in range(count):
        name = cursor.text(_MAX_NAME_BYTES, "a tensor name")
        num_dimensions = cursor.u32(f"the dimensions of {name!r}")
        if num_dimensions > _MAX_DIMENSIONS:
            raise cursor.damaged(f"tensor {name!r} has {num_dimensions} dimensions, expected at most {_MAX_DIMENSIONS}")
        dimensions = tuple(cursor.u64(f"a dimension of {name!r}") for _ in range(num_dimensions))
        type_id = cursor.u32(f"the type of {name!r}")
        offset = cursor.u64(f"the offset of {name!r}")
        if type_id not in _BLOCKS:
            raise cursor.damaged(f"tensor {name!r} has the unknown type {type_id}")
        block_weights, block_bytes = _BLOCKS[type_id]
        weights = prod(dimensions)
        if weights % block_weights:
            raise cursor.damaged(f"tensor {name!r} has {weights} weights, expected a multiple of {block_weights}")
        length = weights // block_weights * block_bytes
        parameters += weights
        tensor_bytes += length
        end = max(end, offset + length)
    alignment = metadata.number("general.alignment") or 32
    if alignment & (alignment - 1):
        raise cursor.damaged(f"an alignment of {alignment}, expected a power of two")
    start = -(-cursor.position // alignment) * alignment
    if count and start + end > cursor.size:
        raise cursor.damaged(f"the tensors end at byte {start + end}: it is truncated")
    return parameters, tensor_bytes


def _kv_values_per_token(metadata: _Metadata, architecture: str) -> int | None:
    """Return sum over layers of KV heads x (key length + value length), llama.cpp's layout of the cache."""
    num_layers = metadata.number(f"{architecture}.block_count")
    embedding = metadata.number(f"{architecture}.embedding_length")
    num_heads = metadata.number(f"{architecture}.attention.head_count")
    if not num_layers or not embedding or not num_heads:
        return None
    head_length = embedding // num_heads
    key_length = metadata.number(f"{architecture}.attention.key_length") or head_length
    value_length = metadata.number(f"{architecture}.attention.value_length") or head_length
    kv_heads = metadata.numbers(f"{architecture}.attention.head_count_kv") or (num_heads,)
    heads = sum(kv_heads) if len(kv_heads) == num_layers else kv_heads[0] * num_layers
    return heads * (key_length + value_length)

"""Tensors of a safetensors file, read without trusting what the file says of itself.

In: a path. Out: which tensors it holds, and one of them as 32-bit floats. Nothing is allocated by a number of the file before it was
compared with the bytes that are there. Format: https://huggingface.co/docs/safetensors
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marco_cli.errors import InputError, StorageError, os_errors_as, quoted
from marco_cli.jsonl import decode

_LENGTH: Final = struct.Struct("<Q")
_MAX_HEADER: Final = 100_000_000
"""Bytes of JSON; the limit of the reference reader."""
_BYTES: Final[Mapping[str, int]] = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor of a file."""

    path: Path
    kind: str
    """F32, F16, BF16 or another type of the format."""
    shape: tuple[int, ...]
    start: int
    """Byte of the file where its values begin."""
    num_bytes: int


def list_tensors(path: Path) -> dict[str, Stored]:
    """Return what a file holds, by name; its values are not read.

    Raises:
        InputError: it is no safetensors file, or damaged.
        StorageError: it cannot be read.

    """
    with (
        os_errors_as(StorageError, f"cannot read {path}", hint="check the path and its permissions"),
        path.open("rb") as file,
    ):
        size = file.seek(0, 2)
        file.seek(0)
        begun = file.read(_LENGTH.size)
        length = _LENGTH.unpack(begun)[0] if len(begun) == _LENGTH.size else 0
        if not 2 <= length <= min(size - _LENGTH.size, _MAX_HEADER):
            raise _damaged(path, f"its header has {length} of {size} bytes")
        data = file.read(length)
    try:
        header = decode(data)
    except InputError as error:
        raise _damaged(path, f"its header is {error.message}") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no object")
    begin = _LENGTH.size + length
    return {
        name: _stored(path, name, entry, begin=begin, size=size) for name, entry in header.items() if name[:2] != "__"
    }


def read_tensor(stored: Stored) -> NDArray[np.float32]:
    """Return the values of a tensor.

    Raises:
        InputError: they are of a type that is not read.
        StorageError: the file cannot be read.

    """
    if stored.kind not in _BYTES:
        raise InputError(f"{stored.path.name} holds {stored.kind}, expected one of {', '.join(_BYTES)}")
    with (
        os_errors_as(StorageError, f"cannot read {stored.path}", hint="check the disk"),
        stored.path.open("rb") as file,
    ):
        file.seek(stored.start)
        data = file.read(stored.num_bytes)
    if stored.kind == "BF16":  # the upper half of a 32-bit float
        return (np.frombuffer(data, dtype="<u2").astype(np.uint32) << 16).view(np.float32).reshape(stored.shape)
    kind = "<f4" if stored.kind == "F32" else "<f2"
    return np.frombuffer(data, dtype=kind).astype(np.float32).reshape(stored.shape)


def _stored(path: Path, name: str, entry: object, *, begin: int, size: int) -> Stored:
    """Check what a header says of one tensor."""
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(first), int(last)]}:
            num_bytes, sides = last - first, tuple(side for side in shape if type(side) is int and side >= 0)
            is_sound = 0 <= first <= last <= size - begin and len(sides) == len(shape)
            if is_sound and (kind not in _BYTES or math.prod(sides) * _BYTES[kind] == num_bytes):
                return Stored(path=path, kind=kind, shape=sides, start=begin + first, num_bytes=num_bytes)
    raise _damaged(path, f"the place or the shape of {quoted(name)} does not fit its {size} bytes")


def _damaged(path: Path, what: str) -> InputError:
    return InputError(f"{path.name} is not a usable safetensors file: {what}", hint="fetch it again")

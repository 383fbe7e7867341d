"""The header of a GGUF file: what the model is, read without loading it.

In: a path. Out: a `Header`, and for those who check more the whole `Contents`. It knows no llama.cpp and no network.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Final

from marco_cli.errors import ModelNotFoundError, StorageError
from marco_cli.models.gguf_file import MAX_ENTRIES, MAX_NAME_BYTES, Cursor, Metadata, read_metadata

_MAX_DIMENSIONS: Final = 4
_MAX_TENSORS: Final = 1 << 16
"""The largest models, of a thousand experts that lie apart, have some tens of thousands."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What a file says about one tensor."""

    name: str
    type_id: int
    weights: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """All that the header of one file says."""

    header: Header
    metadata: Metadata
    tensors: tuple[Tensor, ...]


def read(path: Path) -> Header:
    """Read the header of one GGUF file and check that all of its tensors lie inside the file.

    Raises:
        ModelNotFoundError: There is no such file.
        StorageError: The file cannot be read.
        EngineError: The file is not GGUF, damaged, truncated, or of a kind that this version does not know.
    """
    return read_contents(path).header


def read_contents(path: Path) -> Contents:
    """Read all that the header of one GGUF file says; raises as `read` does."""
    try:
        with path.open("rb", buffering=1 << 20) as file:
            return _read_contents(Cursor(file, path))
    except FileNotFoundError:
        raise ModelNotFoundError(f"no file at {path}", hint="marco models list") from None
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}", hint="check the path and its permissions"
        ) from error


def _read_contents(cursor: Cursor) -> Contents:
    magic = cursor.read(4, "the magic number")
    if magic != b"GGUF":
        raise cursor.damaged(f"it begins with {magic!r}, expected b'GGUF'")
    version = cursor.u32("the version")
    if version not in (2, 3):
        kind = "big-endian files are not supported" if version & 0xFFFF == 0 else "expected 2 or 3"
        raise cursor.damaged(f"GGUF version {version}, {kind}")
    tensor_count = cursor.count(24, "tensor descriptions", _MAX_TENSORS)
    metadata = read_metadata(cursor, cursor.count(13, "metadata entries", MAX_ENTRIES))
    tensors, tensor_bytes = _read_tensors(cursor, tensor_count, metadata)
    architecture = metadata.text("general.architecture")
    if architecture is None:
        raise cursor.damaged("no general.architecture")
    header = _header(metadata, architecture, tensors, version=version, tensor_bytes=tensor_bytes, file_size=cursor.size)
    return Contents(header=header, metadata=metadata, tensors=tensors)


def _header(
    metadata: Metadata,
    architecture: str,
    tensors: tuple[Tensor, ...],
    *,
    version: int,
    tensor_bytes: int,
    file_size: int,
) -> Header:
    num_heads = metadata.number(f"{architecture}.attention.head_count")
    return Header(
        version=version,
        architecture=architecture,
        name=metadata.text("general.name"),
        quantisation=_FILE_TYPES.get(metadata.number("general.file_type") or 0)
        if "general.file_type" in metadata.values
        else None,
        parameters=sum(tensor.weights for tensor in tensors),
        context_length=metadata.number(f"{architecture}.context_length"),
        vocab_size=metadata.lengths.get("tokenizer.ggml.tokens") or metadata.number(f"{architecture}.vocab_size"),
        embedding_length=metadata.number(f"{architecture}.embedding_length"),
        feed_forward_length=metadata.number(f"{architecture}.feed_forward_length"),
        num_layers=metadata.number(f"{architecture}.block_count"),
        num_heads=num_heads,
        num_kv_heads=metadata.number(f"{architecture}.attention.head_count_kv") or num_heads,
        kv_values_per_token=_kv_values_per_token(metadata, architecture),
        chat_template=metadata.text("tokenizer.chat_template"),
        tensor_count=len(tensors),
        tensor_bytes=tensor_bytes,
        file_size=file_size,
        split_count=metadata.number("split.count") or 1,
    )


def _read_tensors(cursor: Cursor, count: int, metadata: Metadata) -> tuple[tuple[Tensor, ...], int]:
    """Return all tensors and their bytes after checking that the last one ends inside the file."""
    tensors: dict[str, Tensor] = {}
    tensor_bytes = end = 0
    for _ in range(count):
        tensor, offset, length = _read_tensor(cursor)
        if tensor.name in tensors:
            raise cursor.damaged(f"tensor {tensor.name!r} appears twice")
        tensors[tensor.name] = tensor
        tensor_bytes += length
        end = max(end, offset + length)
    alignment = metadata.number("general.alignment")
    alignment = 32 if alignment is None else alignment
    if alignment < 1 or alignment & (alignment - 1):
        raise cursor.damaged(f"an alignment of {alignment}, expected a power of two")
    start = -(-cursor.position // alignment) * alignment
    if count and start + end > cursor.size:
        raise cursor.damaged(f"the tensors end at byte {start + end}: it is truncated")
    return tuple(tensors.values()), tensor_bytes


def _read_tensor(cursor: Cursor) -> tuple[Tensor, int, int]:
    """Return a tensor, where it begins among the tensors, and its bytes."""
    name = cursor.text(MAX_NAME_BYTES, "a tensor name")
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
    return Tensor(name=name, type_id=type_id, weights=weights), offset, weights // block_weights * block_bytes


def _kv_values_per_token(metadata: Metadata, architecture: str) -> int | None:
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

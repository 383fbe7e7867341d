"""A model file of real layer sizes and random weights, to time llama.cpp on: nothing to download, nothing to understand.

In: a path. Out: a GGUF file of two layers in the shape of a 7B model, with the mixture of types that Q4_K_M is, 0.26 GiB: more
than the caches of most processors hold, so that weights come from memory as those of a whole model do. The format is that of
ggml's docs/gguf.md; any bits are a block of weights, as long as its scales are numbers.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

NUM_VOCAB: Final = 512
_ALIGNMENT: Final = 32
_BLOCK: Final = 256
"""Weights that share their scales."""
_NUM_RANDOM: Final = 4096
"""Blocks that are drawn; they are repeated, since llama.cpp computes with each in any case."""
_UINT32, _FLOAT32, _STRING = 4, 6, 8


class Shape(NamedTuple):
    """The dimensions of a model; width and feed-forward are multiples of 256."""

    layers: int = 2
    width: int = 3584
    feed_forward: int = 18_944
    heads: int = 28
    kv_heads: int = 4
    vocab: int = NUM_VOCAB


class _Type(NamedTuple):
    """How ggml stores weights: its number of the type, bytes of a block, where the scales are in it."""

    number: int
    size: int
    scales: slice


_Q4_K: Final = _Type(12, 144, slice(0, 4))
_Q6_K: Final = _Type(14, 210, slice(208, 210))
_F32: Final = _Type(0, 4 * _BLOCK, slice(0, 0))


class _Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    """Columns first."""
    type: _Type

    @property
    def num_bytes(self) -> int:
        count = int(np.prod(self.shape))
        return count // _BLOCK * self.type.size


def write_sample(path: Path, shape: Shape | None = None) -> int:
    """Write the model; return how many weights each token is multiplied with.

    Raises:
        OSError: there is no room for it.
    """
    shape = shape or Shape()
    tensors = tuple(_tensors(shape))
    with path.open("wb") as file:
        file.write(_header(shape, tensors))
        for tensor in tensors:
            _write(file, tensor)
    return sum(tensor.shape[0] * tensor.shape[1] for tensor in tensors if tensor.type is not _F32)


def _tensors(shape: Shape) -> Iterator[_Tensor]:
    """Yield all tensors; the first is both what tokens are embedded by and the output.

    Q4_K_M has the values and the second half of the feed-forward in Q6_K in every other layer, and the output.
    """
    head = shape.width // shape.heads
    yield _Tensor("token_embd.weight", (shape.width, shape.vocab), _Q6_K)
    yield _Tensor("output_norm.weight", (shape.width,), _F32)
    for i in range(shape.layers):
        for name in ("attn_norm", "ffn_norm"):
            yield _Tensor(f"blk.{i}.{name}.weight", (shape.width,), _F32)
        mixed = _Q4_K if i % 2 else _Q6_K
        for name, rows, columns, kind in (
            ("attn_q", shape.width, shape.width, _Q4_K),
            ("attn_k", shape.kv_heads * head, shape.width, _Q4_K),
            ("attn_v", shape.kv_heads * head, shape.width, mixed),
            ("attn_output", shape.width, shape.width, _Q4_K),
            ("ffn_gate", shape.feed_forward, shape.width, _Q4_K),
            ("ffn_up", shape.feed_forward, shape.width, _Q4_K),
            ("ffn_down", shape.width, shape.feed_forward, mixed),
        ):
            yield _Tensor(f"blk.{i}.{name}.weight", (columns, rows), kind)


def _write(file: BinaryIO, tensor: _Tensor) -> None:
    """Write the weights of a tensor: ones, or the same random blocks over and over."""
    if tensor.type is _F32:
        file.write(np.ones(tensor.shape[0], "<f4").tobytes())
    else:
        blocks = np.random.default_rng(0).integers(0, 256, (_NUM_RANDOM, tensor.type.size), np.uint8)
        scales = blocks[:, tensor.type.scales]
        scales[:] = np.frombuffer(np.float16(2.0**-12).tobytes() * (scales.shape[1] // 2), np.uint8)
        data, left = blocks.tobytes(), tensor.num_bytes
        while left > 0:
            file.write(data[:left])
            left -= len(data)
    file.write(bytes(-tensor.num_bytes % _ALIGNMENT))


def _header(shape: Shape, tensors: tuple[_Tensor, ...]) -> bytes:
    """Return all that comes before the weights."""
    values: dict[str, str | int | float] = {
        "general.architecture": "llama",
        "general.alignment": _ALIGNMENT,
        "general.file_type": 15,  # mostly Q4_K_M
        "llama.context_length": 4096,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "llama.vocab_size": shape.vocab,
        "tokenizer.ggml.model": "none",
    }
    parts = [struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))]
    parts += [_text(key) + _value(value) for key, value in values.items()]
    offset = 0
    for tensor in tensors:
        dimensions = len(tensor.shape)
        place = struct.pack(f"<I{dimensions}QIQ", dimensions, *tensor.shape, tensor.type.number, offset)
        parts.append(_text(tensor.name) + place)
        offset += tensor.num_bytes + -tensor.num_bytes % _ALIGNMENT
    head = b"".join(parts)
    return head + bytes(-len(head) % _ALIGNMENT)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: str | float) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    return struct.pack("<If", _FLOAT32, value)

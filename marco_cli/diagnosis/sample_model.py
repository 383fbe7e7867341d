"""A model file of real layer sizes and random weights, to time llama.cpp on: nothing to download, nothing to understand.

In: a path. Out: a GGUF file of two layers in the shape of a 7B model, quantised as Q4_K, 0.25 GiB: more than the caches of a
processor hold, so that its weights come from memory as those of a whole model do. The format is that of ggml's docs/gguf.md;
any bits are a Q4_K block, as long as its two scales are numbers.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_VOCAB: Final = 512
_ALIGNMENT: Final = 32
_BLOCK: Final = np.dtype([("scales", "<f2", 2), ("rest", "u1", 140)])
"""256 weights."""
_WEIGHTS_A_BLOCK: Final = 256
_NUM_RANDOM: Final = 4096
"""Blocks that are drawn; they are repeated, since llama.cpp computes with each in any case."""
_F32, _Q4_K = 0, 12
_UINT32, _FLOAT32, _STRING = 4, 6, 8


class Shape(NamedTuple):
    """The dimensions of a model; all but the numbers of layers and heads are multiples of 256."""

    layers: int = 2
    width: int = 3584
    feed_forward: int = 18_944
    heads: int = 28
    kv_heads: int = 4


class _Tensor(NamedTuple):
    name: str
    shape: tuple[int, ...]
    """Columns first."""
    data: bytes


def write_sample(path: Path, shape: Shape | None = None) -> int:
    """Write the model; return how many weights are multiplied with for each token.

    Raises:
        OSError: there is no room for it.

    """
    shape = shape or Shape()
    tensors = _tensors(shape)
    with path.open("wb") as file:
        file.write(_header(shape, tensors))
        for tensor in tensors:
            file.write(tensor.data)
            file.write(bytes(-file.tell() % _ALIGNMENT))
    return sum(columns * rows for name, (columns, *others), _ in tensors for rows in others)


def _tensors(shape: Shape) -> list[_Tensor]:
    blocks = np.zeros(_NUM_RANDOM, _BLOCK)
    rng = np.random.default_rng(0)
    blocks["rest"] = rng.integers(0, 256, blocks["rest"].shape, np.uint8)
    blocks["scales"] = 2.0**-12
    head = shape.width // shape.heads

    def matrix(name: str, rows: int, columns: int) -> _Tensor:
        return _Tensor(f"{name}.weight", (columns, rows), _filled(blocks, rows * columns // _WEIGHTS_A_BLOCK))

    def norm(name: str) -> _Tensor:
        return _Tensor(f"{name}.weight", (shape.width,), np.ones(shape.width, "<f4").tobytes())

    found = [matrix("token_embd", NUM_VOCAB, shape.width), norm("output_norm")]
    for i in range(shape.layers):
        found += [
            norm(f"blk.{i}.attn_norm"),
            norm(f"blk.{i}.ffn_norm"),
            matrix(f"blk.{i}.attn_q", shape.width, shape.width),
            matrix(f"blk.{i}.attn_k", shape.kv_heads * head, shape.width),
            matrix(f"blk.{i}.attn_v", shape.kv_heads * head, shape.width),
            matrix(f"blk.{i}.attn_output", shape.width, shape.width),
            matrix(f"blk.{i}.ffn_gate", shape.feed_forward, shape.width),
            matrix(f"blk.{i}.ffn_up", shape.feed_forward, shape.width),
            matrix(f"blk.{i}.ffn_down", shape.width, shape.feed_forward),
        ]
    return found


def _filled(blocks: NDArray[np.void], num: int) -> bytes:
    return np.resize(blocks, num).tobytes()


def _header(shape: Shape, tensors: list[_Tensor]) -> bytes:
    """Return all that comes before the weights."""
    values: dict[str, float | str] = {
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
        "llama.vocab_size": NUM_VOCAB,
        "tokenizer.ggml.model": "none",
    }
    parts = [struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))]
    parts += [_text(key) + _value(value) for key, value in values.items()]
    offset = 0
    for name, dimensions, data in tensors:
        kind = _F32 if len(dimensions) == 1 else _Q4_K
        parts.append(_text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset))
        offset += len(data) + -len(data) % _ALIGNMENT
    head = b"".join(parts)
    return head + bytes(-len(head) % _ALIGNMENT)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: float | str) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + _text(value)
    return struct.pack("<II", _UINT32, value) if isinstance(value, int) else struct.pack("<If", _FLOAT32, value)

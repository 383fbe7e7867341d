"""Small GGUF files of the reference writer, and ways to damage one."""

import random
import struct
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import gguf
import numpy as np
from gguf.constants import GGMLQuantizationType, GGUFValueType, LlamaFileType
from numpy.typing import NDArray

TEMPLATE = "{% for message in messages %}<|im_start|>{{ message.content }}{% endfor %}"


def write_model(path: Path, template: str = TEMPLATE, extra: Mapping[str, int] | None = None) -> Path:
    """Write a small but complete model with the format's reference writer."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("Tiny 小")
    writer.add_context_length(32768)
    writer.add_embedding_length(64)
    writer.add_block_count(3)
    writer.add_feed_forward_length(128)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_chat_template(template)
    writer.add_token_list([f"token {number}" for number in range(500)])
    writer.add_token_types([1] * 500)
    for key, value in (extra or {}).items():
        writer.add_key_value(key, value, gguf.GGUFValueType.UINT32)
    writer.add_tensor("token_embd.weight", np.zeros((500, 64), dtype=np.float32))
    quantised = np.zeros((64, 68), dtype=np.uint8)  # 64 rows of 64 weights: two Q8_0 blocks of 34 bytes
    writer.add_tensor("blk.0.attn_q.weight", quantised, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_random(path: Path, architecture: str, *, window: int | None = None, num_vocab: int = 512) -> Path:
    """Write a model of 0.2 M random weights and no vocabulary that llama.cpp can compute with: `cohere2` or `llada`.

    A window is what three of the four layers of a `cohere2` see.
    """
    num_layers, width, feed_forward, num_heads, kv_heads = 4, 64, 128, 4, 2
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_block_count(num_layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(num_heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_eps(1e-5)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_logit_scale(1.0)
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(num_vocab)
    if window is not None:
        writer.add_sliding_window(window)

    def matrix(name: str, rows: int, columns: int) -> None:
        writer.add_tensor(f"{name}.weight", rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(0.05))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(width, dtype=np.float32))

    matrix("token_embd", num_vocab, width)
    norm("output_norm")
    for i in range(num_layers):
        norm(f"blk.{i}.attn_norm")
        if architecture != "cohere2":
            norm(f"blk.{i}.ffn_norm")
        for part, heads in (("q", num_heads), ("k", kv_heads), ("v", kv_heads)):
            matrix(f"blk.{i}.attn_{part}", heads * width // num_heads, width)
        matrix(f"blk.{i}.attn_output", width, width)
        matrix(f"blk.{i}.ffn_gate", feed_forward, width)
        matrix(f"blk.{i}.ffn_up", feed_forward, width)
        matrix(f"blk.{i}.ffn_down", width, feed_forward)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


Value = tuple[object, GGUFValueType, GGUFValueType | None]
"""What stands under a key: the value, its type, and the type of the items where it is an array."""


def number(value: int) -> Value:
    """Return a whole number of 32 bits."""
    return value, GGUFValueType.UINT32, None


def text(value: str) -> Value:
    """Return a text."""
    return value, GGUFValueType.STRING, None


def texts(values: Collection[str]) -> Value:
    """Return an array of texts."""
    return list(values), GGUFValueType.ARRAY, GGUFValueType.STRING


def rewrite(
    source: Path,
    target: Path,
    changes: Mapping[str, Value] | None = None,
    *,
    tensor: Callable[[str, NDArray[np.float32]], NDArray[np.float32]] = lambda _, data: data,
) -> Path:
    """Copy a model with other metadata, and with other weights in its tensors of 32-bit floats."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    left = dict(changes or {})
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key != "general.architecture":
            items = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            value, kind, items = left.pop(key, (field.contents(), field.types[0], items))
            writer.add_key_value(key, value, kind, sub_type=items)
    for key, (value, kind, items) in left.items():
        writer.add_key_value(key, value, kind, sub_type=items)
    for stored in reader.tensors:
        data = tensor(stored.name, stored.data) if stored.tensor_type == GGMLQuantizationType.F32 else stored.data
        writer.add_tensor(stored.name, data, raw_dtype=stored.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def mutate(data: bytes, seed: int) -> bytes:
    """Damage a file in one of the ways that disks, networks and attackers do; mostly in its header."""
    rng = random.Random(seed)
    mutated = bytearray(data)
    header_end = data.index(b"blk.0.attn_q.weight") + 60
    way = seed % 5
    if way == 0:
        for _ in range(rng.randint(1, 8)):
            mutated[rng.randrange(header_end)] ^= 1 << rng.randrange(8)
    elif way == 1:
        at = rng.randrange(header_end - 8)
        mutated[at : at + 8] = struct.pack("<Q", rng.choice([2**64 - 1, 2**63, 2**40, 2**32, len(data), 0]))
    elif way == 2:
        del mutated[rng.randrange(header_end) :]
    elif way == 3:
        at = rng.randrange(header_end)
        mutated[at : at + rng.randint(1, 64)] = rng.randbytes(rng.randint(0, 64))
    else:
        struct.pack_into("<QQ", mutated, 8, rng.choice([2, 2**24, 2**62]), rng.choice([12, 2**24, 2**62]))
    return bytes(mutated)

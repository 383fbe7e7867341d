"""What llama.cpp dies of is found in the header: each case is one line, before anything is loaded."""

import struct
import time
from pathlib import Path

import pytest
from gguf.constants import GGUFValueType
from small_gguf import Value, number, rewrite, text, write_model

import marco_cli
from marco_cli.errors import EngineError
from marco_cli.models.gguf_header import read
from marco_cli.models.soundness import examine

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"
HUGE = 2**32 - 1

CHANGES: dict[str, tuple[str, Value]] = {
    "no layer": ("qwen2.block_count", number(0)),
    "more layers than llama.cpp has room for": ("qwen2.block_count", number(513)),
    "no head": ("qwen2.attention.head_count", number(0)),
    "heads without number": ("qwen2.attention.head_count", number(HUGE)),
    "more heads for keys than heads": ("qwen2.attention.head_count_kv", number(7)),
    "no width": ("qwen2.embedding_length", number(0)),
    "no context": ("qwen2.context_length", number(0)),
    "a context that is negative in 32 bits": ("qwen2.context_length", number(2**31)),
    "keys of no length": ("qwen2.attention.key_length", number(0)),
    "keys of huge length": ("qwen2.attention.key_length", number(HUGE)),
    "values of huge length": ("qwen2.attention.value_length", number(HUGE)),
    "a huge feed-forward": ("qwen2.feed_forward_length", number(HUGE)),
    "a huge rotation": ("qwen2.rope.dimension_count", number(HUGE)),
    "experts that nothing uses": ("qwen2.expert_count", number(8)),
    "used experts that are not there": ("qwen2.expert_used_count", number(2)),
    "experts beyond llama.cpp's room": ("qwen2.expert_count", number(2000)),
    "a scaling that does not exist": ("qwen2.rope.scaling.type", text("spiral")),
    "no vocabulary": ("tokenizer.ggml.model", text("none")),
    "parts that are not there": ("split.count", (3, GGUFValueType.UINT16, None)),
    "one layer of a list that is wrong": (
        "qwen2.attention.head_count_kv",
        ([2, 2, 2, HUGE, 2, 2], GGUFValueType.ARRAY, GGUFValueType.UINT32),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_llamacpp_dies_of_is_refused(what: str, tmp_path: Path) -> None:
    """Numbers that it asserts, divides by, or allocates by."""
    key, value = CHANGES[what]
    model = rewrite(NANO, tmp_path / "m.gguf", {key: value})

    with pytest.raises(EngineError, match=r"m\.gguf cannot be loaded: ") as caught:
        examine((model,))

    assert "\n" not in caught.value.message


def with_type(type_id: int) -> bytes:
    """Return the bundled model with another type of its first tensor of keys."""
    data, name = bytearray(NANO.read_bytes()), b"blk.0.attn_k.weight"
    at = data.index(name) + len(name)
    (num_dimensions,) = struct.unpack_from("<I", data, at)
    struct.pack_into("<I", data, at + 4 + 8 * num_dimensions, type_id)
    return bytes(data)


@pytest.mark.parametrize("type_id", [4, 5, 9, 15, 24, 25, 26, 27, 28, 31, 36, 42, 43, 255, HUGE])
def test_a_type_that_no_weight_can_have_is_refused(type_id: int, tmp_path: Path) -> None:
    """llama.cpp jumps to where it would multiply such weights, and nothing is there (25: SIGSEGV)."""
    model = tmp_path / "m.gguf"
    model.write_bytes(with_type(type_id))

    with pytest.raises(EngineError):
        examine((model,))


def test_sound_models_are_let_through(tmp_path: Path) -> None:
    """The bundled model is one, and so is the same model written anew."""
    assert examine((NANO,)).architecture == "qwen2"
    assert examine((rewrite(NANO, tmp_path / "same.gguf"),)).num_layers == 6


def head(num_tensors: int, num_entries: int) -> bytes:
    """Return the beginning of a file."""
    return struct.pack("<4sIQQ", b"GGUF", 3, num_tensors, num_entries)


def array(key: bytes, type_id: int, items: int) -> bytes:
    """Return the beginning of an array."""
    return struct.pack("<Q", len(key)) + key + struct.pack("<IIQ", 9, type_id, items)


LARGE = 100 << 20


@pytest.mark.parametrize("start", [
    head(LARGE // 24 - 10, 0),
    head(0, LARGE // 13 - 10),
    head(0, 1) + array(b"a", 8, LARGE // 8 - 10),
    head(0, 1) + array(b"a", 0, LARGE - 100),
    head(0, 4000) + array(b"a", 7, 500),
])  # fmt: skip
def test_a_header_of_a_hundred_megabytes_takes_no_time(start: bytes, tmp_path: Path) -> None:
    """However many things it counts; the processor's time is bounded, whatever else the machine does."""
    model = tmp_path / "m.gguf"
    with model.open("wb") as file:
        file.write(start)
        file.truncate(LARGE)
    started = time.thread_time()

    with pytest.raises(EngineError):
        read(model)

    assert time.thread_time() - started < 5


def test_a_tensor_that_appears_twice_is_refused(tmp_path: Path) -> None:
    """Nothing says which of the two is meant."""
    data = write_model(tmp_path / "m.gguf").read_bytes()
    twice = tmp_path / "twice.gguf"
    twice.write_bytes(data.replace(b"blk.0.attn_q.weight", b"token_embd.weight##").replace(b"##", b""))

    with pytest.raises(EngineError):
        read(twice)

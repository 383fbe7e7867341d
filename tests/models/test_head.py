"""Heads out of safetensors files: sound ones in each type, and damaged ones, each with one line."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from marco_cli.engine.head import read_head
from marco_cli.errors import ConfigError, InputError, MarcoError, StorageError
from marco_cli.models.head import convert, extract

Floats = NDArray[np.float32]
WIDTH = 8
RNG = np.random.default_rng(0)


def some(*shape: int) -> Floats:
    """Return values that BF16 holds exactly."""
    values = RNG.standard_normal(shape).astype(np.float32)
    return (values.view(np.uint32) & 0xFFFF0000).view(np.float32)


QWEN = {
    "score.0.weight": some(WIDTH, WIDTH),
    "score.0.bias": some(WIDTH),
    "score.2.weight": some(2, WIDTH),
    "score.2.bias": some(2),
}
SKYWORK = {"v_head.summary.weight": some(1, WIDTH), "v_head.summary.bias": some(1)}
REST = {"model.norm.weight": some(WIDTH)}


def values_of(data: Floats, kind: str) -> bytes:
    """Return the bytes of values in a type of the format."""
    if kind == "BF16":
        return (data.view(np.uint32) >> 16).astype("<u2").tobytes()
    return data.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[kind]).tobytes()


def document(tensors: Mapping[str, Floats], kind: str = "F32") -> tuple[dict[str, dict[str, object]], bytes]:
    """Return the header and the values of a file."""
    header: dict[str, dict[str, object]] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        part = values_of(values, kind)
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    return header, data


def packed(header: object, data: bytes) -> bytes:
    """Return a file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def store(tensors: Mapping[str, Floats], kind: str = "F32") -> bytes:
    """Return a file that holds tensors."""
    return packed(*document(tensors, kind))


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
@pytest.mark.parametrize(("head", "num_outputs"), [(QWEN, 2), (SKYWORK, 1)])
def test_a_head_comes_out_as_it_went_in(head: dict[str, Floats], num_outputs: int, kind: str, tmp_path: Path) -> None:
    """From any of three types, beside the GGUF file that it goes with, whatever other tensors there are."""
    source, model = tmp_path / "model.safetensors", tmp_path / "prm.gguf"
    source.write_bytes(store({**REST, **head}, kind))

    _, path = convert(source, model)
    found = read_head(path)

    assert path == tmp_path / "prm.head.npz"
    assert (found.width, found.num_outputs) == (WIDTH, num_outputs)
    arrays = [array for layer in found.layers for array in (layer.weight, layer.bias)]
    for array, expected in zip(arrays, head.values(), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-3 if kind == "F16" else 0)


def test_a_head_may_be_spread_over_the_files_of_a_folder(tmp_path: Path) -> None:
    """As large models are published; other files in the folder are not touched."""
    for at, (name, values) in enumerate(QWEN.items()):
        (tmp_path / f"model-{at}.safetensors").write_bytes(store({name: values, f"layer.{at}": some(2)}))
    (tmp_path / "config.json").write_text("{")

    head, path = convert(tmp_path, tmp_path / "own.npz")

    assert path == tmp_path / "own.npz"
    np.testing.assert_array_equal(head.layers[1].weight, QWEN["score.2.weight"])


HEADER, DATA = document(SKYWORK)
NAME = "v_head.summary.weight"


def changed(**entry: object) -> bytes:
    """Return the file with another description of its first tensor."""
    return packed({**HEADER, NAME: {**HEADER[NAME], **entry}}, DATA)


DAMAGED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "its header has 0 of 0 bytes"),
    "a few bytes": (b"\x01\x02\x03", "its header has"),
    "another file": (b"GGUF" * 100, "its header has"),
    "a header without measure": (struct.pack("<Q", 1 << 63) + b"{}", "its header has"),
    "a header that is cut off": (packed(HEADER, DATA)[:60], "its header has"),
    "no JSON": (packed(b"{]", b""), "its header is not JSON"),
    "no UTF-8": (packed(b"\xff\xfe", b""), "its header is not UTF-8"),
    "JSON without bottom": (packed(b"[" * 100_000, b""), "its header is nested too deep"),
    "a list": (packed([], b""), "its header is no object"),
    "no tensors": (packed({}, b""), "holds no head"),
    "tensors of another model": (store(REST), "holds no head"),
    "values that are cut off": (packed(HEADER, DATA)[:-1], "does not fit"),
    "an end before the beginning": (changed(data_offsets=[32, 0]), "does not fit"),
    "a beginning before the values": (changed(data_offsets=[-32, 0]), "does not fit"),
    "an end behind the file": (changed(data_offsets=[0, 1 << 60]), "does not fit"),
    "three offsets": (changed(data_offsets=[0, 32, 32]), "does not fit"),
    "offsets that are texts": (changed(data_offsets=["0", "32"]), "does not fit"),
    "a shape that is larger than its values": (changed(shape=[1, 1 << 40]), "does not fit"),
    "a shape with a negative side": (changed(shape=[-1, -8]), "does not fit"),
    "a shape of fractions": (changed(shape=[1.0, 8.0]), "does not fit"),
    "a shape that is a text": (changed(shape="18"), "does not fit"),
    "a type that is a number": (changed(dtype=4), "does not fit"),
    "a tensor that is a number": (packed({**HEADER, NAME: 5}, DATA), "does not fit"),
    "a type that is not read": (store(SKYWORK, "F64"), "holds F64, expected one of F32, F16, BF16"),
    "half of a head": (store({name: QWEN[name] for name in list(QWEN)[:3]}), "lacks score.2.bias of its head"),
    "a head of three labels": (store({"v_head.summary.weight": some(3, 4), "v_head.summary.bias": some(3)}), "3 values"),
    "a head without numbers": (store({**SKYWORK, NAME: np.full((1, WIDTH), np.nan, np.float32)}), "not numbers"),
    "a flat weight": (store({**SKYWORK, NAME: some(WIDTH)}), "shape"),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_is_one_line(what: str, tmp_path: Path) -> None:
    """Unusable input (exit code 6); nothing is written."""
    data, said = DAMAGED[what]
    source, target = tmp_path / "model.safetensors", tmp_path / "m.npz"
    source.write_bytes(data)

    with pytest.raises(InputError) as caught:
        convert(source, target)

    assert said in caught.value.message
    assert "model.safetensors" in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 250 + len(str(tmp_path))
    assert not target.exists()


@pytest.mark.parametrize(
    ("source", "target", "error", "said"),
    [
        ("gone.safetensors", "m.gguf", StorageError, "cannot read"),
        ("empty", "m.gguf", InputError, "holds no .safetensors file"),
        ("pickled", "m.gguf", InputError, "holds no .safetensors file"),
        ("good.safetensors", "m.head", ConfigError, "is no place for a head"),
        ("good.safetensors", "gone/m.gguf", StorageError, "cannot write"),
        ("good.safetensors", "taken.npz", StorageError, "cannot write"),
    ],
)
def test_a_place_that_cannot_be_used_is_one_line(
    source: str, target: str, error: type[MarcoError], said: str, tmp_path: Path
) -> None:
    """Each with the exit code of its kind."""
    for folder in ("empty", "pickled", "taken.npz"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    (tmp_path / "good.safetensors").write_bytes(store(SKYWORK))

    with pytest.raises(error, match=said) as caught:
        convert(tmp_path / source, tmp_path / target)

    assert "\n" not in caught.value.message
    assert ("pickle" in (caught.value.hint or "")) == (source == "pickled")


def test_a_name_of_a_tensor_reaches_no_terminal_as_it_is(tmp_path: Path) -> None:
    """Names are whatever the file says, and are quoted and cut."""
    source = tmp_path / "m.safetensors"
    source.write_bytes(packed({"\x1b[2J" * 1000: 1}, b""))

    with pytest.raises(InputError) as caught:
        extract(source)

    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 200

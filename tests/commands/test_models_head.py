"""`marco models head`, and a search that asks a model with a head."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from commands.program import Marco

import marco_cli
from marco_cli.models.gguf_header import read

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"


def publish(folder: Path, width: int) -> Path:
    """Write what makers of a process model publish: a head with one output, in a safetensors file."""
    values = {"v_head.summary.weight": np.full((1, width), 0.1, "<f4"), "v_head.summary.bias": np.zeros(1, "<f4")}
    header, data = {}, b""
    for name, value in values.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


@pytest.mark.weights
def test_a_head_that_was_made_scores_the_steps_of_a_search(marco: Marco, tmp_path: Path) -> None:
    """From the published files to an answer that the process model chose; the head is found beside the model."""
    model, width = tmp_path / "prm.gguf", read(NANO).embedding_length or 0
    model.write_bytes(NANO.read_bytes())
    made = marco("models", "head", publish(tmp_path / "published", width), model, "--json")
    search = ("--strategy", "best-of-n", "--simulations", "2", "--json")
    asked = marco("ask", "3 + 4 = ?", "-m", "marco-nano", "--prm", model, *search)

    document = json.loads(made.out)
    assert (document["width"], document["outputs"]) == (width, 1)
    assert document["path"] == str(tmp_path / "prm.head.npz")
    assert asked.code == 0, asked.err
    values = [candidate["signals"]["process"] for candidate in json.loads(asked.out)["candidates"]]
    assert all(0 < value < 1 for value in values)


@pytest.mark.weights
def test_a_head_of_another_model_is_one_line(marco: Marco, tmp_path: Path) -> None:
    """The model will not load with it (exit code 5); with a damaged one neither."""
    model = tmp_path / "prm.gguf"
    model.write_bytes(NANO.read_bytes())
    marco("models", "head", publish(tmp_path / "published", 32), model)
    outcome = marco("ask", "3 + 4 = ?", "-m", "marco-nano", "--prm", model)

    assert outcome.code == 5
    assert "reads hidden states of 32 numbers" in outcome.err

    (tmp_path / "prm.head.npz").write_bytes(b"PK")
    outcome = marco("ask", "3 + 4 = ?", "-m", "marco-nano", "--prm", model)

    assert outcome.code == 5
    assert "prm.head.npz is not a usable head" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_folder_without_a_head_is_one_line(marco: Marco, tmp_path: Path) -> None:
    """Unusable input (exit code 6), with what was looked for."""
    outcome = marco("models", "head", tmp_path, tmp_path / "m.gguf")

    assert outcome.code == 6
    assert "holds no .safetensors file" in outcome.err


def test_a_format_without_its_head_is_told(marco: Marco) -> None:
    """A part of the model is missing (exit code 4), before any is loaded."""
    outcome = marco("ask", "3 + 4 = ?", "-m", "marco-nano", "--prm", "marco-nano:skywork")

    assert outcome.code == 4
    assert "marco models head" in outcome.err

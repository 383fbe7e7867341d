"""Damaged models, through the real llama.cpp: it aborts its process on some of them, so each is loaded in its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import marco_cli

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"
LOADING = Path(__file__).with_name("loading.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="loads each file in a forked process")


def outcomes(model: Path, folder: Path, first: int, last: int) -> dict[str, str]:
    """Return what became of each seed."""
    paths = os.pathsep.join([str(LOADING.parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(LOADING), str(model), str(folder), str(first), str(last)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_loading_a_damaged_model_never_crashes_or_hangs(tmp_path: Path) -> None:
    """200 mutated headers: each is refused, or harmless enough to answer; nothing else ends the program."""
    seen = outcomes(NANO, tmp_path, 0, 200)

    assert len(seen) == 200
    assert set(seen.values()) <= {"refused", "loaded"}, seen
    assert sum(outcome == "refused" for outcome in seen.values()) > 100


def test_an_assertion_of_llamacpp_ends_in_one_line_and_an_exit_code(tmp_path: Path) -> None:
    """A vocabulary with the same token twice makes llama.cpp abort: the user reads why, and the code is 5."""
    letter_a, letter_b = ((1).to_bytes(8, "little") + letter for letter in (b"A", b"B"))
    model = tmp_path / "twice.gguf"
    model.write_bytes(NANO.read_bytes().replace(letter_b, letter_a, 1))

    (said,) = outcomes(model, tmp_path, -1, 0).values()

    assert said.startswith("exit 5:")
    assert "marco: llama.cpp gave up: llama-vocab.cpp:" in said
    assert "hint: check the file with `marco models verify`; with a GPU, try --gpu-layers 0" in said
    assert "#0" not in said, "no trace of a stack"

"""Odd model files and odd sizes through the whole program: one line and the exit code of the table."""

import os
from pathlib import Path

import pytest
from commands.program import Marco

import marco_cli

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"


@pytest.mark.parametrize(("flags", "code", "said"), [
    (["--ctx", "1000000000000"], 2, "--ctx"),
    (["--ctx", "4294967808"], 2, "--ctx"),
    (["--ctx", "99999999"], 2, "of memory with this model"),
    (["--ctx", "-1"], 2, "--ctx"),
    (["--threads", "100000"], 2, "--threads"),
    (["--gpu-layers", "99999999999"], 2, "gpu_layers"),
    (["--parallel", "100000"], 2, "--parallel"),
])  # fmt: skip
def test_sizes_without_measure_are_refused_before_anything_is_allocated(
    marco: Marco, flags: list[str], code: int, said: str
) -> None:
    """One line with the flag; numbers beyond 32 bits are not taken for others."""
    outcome = marco("ask", "1 + 1 = ?", "-m", "marco-nano", *flags)

    assert outcome.code == code
    assert said in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("batch", ["99999999999", "-1", "0"])
def test_a_batch_without_measure_is_refused(marco: Marco, monkeypatch: pytest.MonkeyPatch, batch: str) -> None:
    """It has no flag, but a variable."""
    monkeypatch.setenv("MARCO_BATCH", batch)

    assert marco("ask", "1 + 1 = ?", "-m", "marco-nano").code == 2


def test_a_path_that_is_not_utf8_is_a_path(marco: Marco, tmp_path: Path) -> None:
    """Asked, described and refused like any other; its trace can be written."""
    model = tmp_path / os.fsdecode(b"caf\xe9.gguf")
    model.write_bytes(NANO.read_bytes())

    assert marco("ask", "1 + 1 = ?", "-m", model, "--effort", "none").code == 0
    assert marco("ask", "1 + 1 = ?", "-m", model, "--effort", "none", "--json").code == 0
    for command in ("path", "info"):
        assert marco("models", command, model).code == 0
        assert marco("models", command, model, "--json").code == 0
    assert marco("models", "verify", model).code == 7
    assert marco("traces", "show").code == 0

"""Odd model files and odd sizes through the whole program: one line and the exit code of the table."""

import os
from pathlib import Path

import fake_hub
import pytest
from commands.program import Marco
from small_gguf import rewrite, text

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


@pytest.mark.parametrize(
    "form", ["user/repo:Q8_0", "user/repo", "https://huggingface.co/user/repo/blob/main/m-Q8_0.gguf"]
)
def test_a_model_of_the_hub_answers_by_every_name(
    marco: Marco, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    """As `--model`, in a preset, and as a setting; before it is pulled, the hint is the command that brings it."""
    preset = tmp_path / "mine.yaml"
    preset.write_text(f'model: "{form}"\n')
    ask = ("ask", "1 + 1 = ?", "--effort", "none", "--no-trace")
    missing = marco(*ask, "-m", form)
    assert missing.code == 4
    assert "marco models pull hf:user/repo" in missing.err
    with fake_hub.running() as hub:
        hub.repos["user/repo"] = {"m-Q8_0.gguf": NANO.read_bytes()}
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_HUB_OFFLINE")
        assert marco("models", "pull", form).code == 0

    assert marco(*ask, "-m", form).code == 0
    assert marco(*ask, "--preset", preset).code == 0
    monkeypatch.setenv("MARCO_MODEL", form)
    assert marco(*ask).code == 0


def test_doctor_tells_a_deadly_model_and_goes_on(marco: Marco, tmp_path: Path) -> None:
    """It is what people run when a model makes the program fail."""
    model = rewrite(NANO, tmp_path / "m.gguf", {"tokenizer.ggml.model": text("llama")})

    outcome = marco("doctor", "-m", model)

    assert "SIGABRT" in outcome.out + outcome.err
    assert outcome.code == 3

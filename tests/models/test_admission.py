"""Unknown models are tried in a process of their own, and what came of it is remembered."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from gguf.constants import GGUFValueType
from numpy.typing import NDArray
from small_gguf import Value, number, rewrite, text, texts

import marco_cli
from marco_cli.errors import EngineError
from marco_cli.models import LocatedModel, admission, locate
from marco_cli.models.store import Origin

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"
Floats = NDArray[np.float32]


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    """Return an environment in which nothing was tried."""
    return {"MARCO_STATE_DIR": str(tmp_path / "state"), "MARCO_MODELS_DIR": str(tmp_path / "models")}


def tried(env: Mapping[str, str]) -> list[str]:
    """Return the verdicts that are remembered."""
    records = (Path(env["MARCO_STATE_DIR"]) / "tried").glob("*")
    return [json.loads(record.read_text())["verdict"] for record in records]


def broken(_name: str, data: Floats) -> Floats:
    """Make every weight something that is not a number."""
    return np.full_like(data, np.nan)


DEADLY: dict[str, tuple[Mapping[str, Value], str]] = {
    "a vocabulary of another kind": ({"tokenizer.ggml.model": text("llama")}, "dies of m.gguf (SIGABRT)"),
    "one token a thousand times": (
        {"tokenizer.ggml.tokens": texts(["a"] * 1057)},
        "llama.cpp gave up: llama-vocab.cpp",
    ),
    "a rotation that fits no head": ({"qwen2.rope.dimension_count": number(7)}, "llama.cpp gave up: qwen2.cpp"),
    "a norm that is not a number": (
        {"qwen2.attention.layer_norm_rms_epsilon": (float("nan"), GGUFValueType.FLOAT32, None)},
        "llama.cpp gave up: ops.cpp",
    ),
    "tokens without letters": ({"tokenizer.ggml.tokens": texts([""] * 1057)}, "can read no text"),
    "another kind of file behind the header": ({"tokenizer.ggml.model": text("xyz")}, "unknown tokenizer"),
}


@pytest.mark.parametrize("what", DEADLY)
def test_a_model_that_llamacpp_dies_of_ends_in_one_line(what: str, tmp_path: Path, env: Mapping[str, str]) -> None:
    """Exit 5 with llama.cpp's own reason where it gives one; the process that asked goes on."""
    changes, reason = DEADLY[what]
    model = rewrite(NANO, tmp_path / "m.gguf", changes)

    with pytest.raises(EngineError) as caught:
        admission.admit(locate(str(model)), env)

    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 5


def test_a_death_is_remembered_and_another_file_is_tried_anew(
    tmp_path: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file costs no second trial; a file that was replaced does."""
    model = rewrite(NANO, tmp_path / "m.gguf", {"tokenizer.ggml.model": text("llama")})
    for _ in range(2):
        with pytest.raises(EngineError, match="SIGABRT"):
            admission.admit(locate(str(model)), env)
        monkeypatch.setattr(admission, "_try", lambda _: "loads")

    model.write_bytes(NANO.read_bytes())

    assert admission.admit(locate(str(model)), env).num_layers == 6
    assert sorted(tried(env))[1:] == ["loads"]


def test_weights_that_are_no_numbers_are_one_line(tmp_path: Path, env: Mapping[str, str]) -> None:
    """Found on trial, before anything is asked."""
    model = rewrite(NANO, tmp_path / "m.gguf", tensor=broken)

    with pytest.raises(EngineError, match=r"m\.gguf computes values that are not numbers"):
        admission.admit(locate(str(model)), env)

    assert tried(env) == [], "what llama.cpp survives is looked at again"


def test_a_sound_model_is_tried_once(tmp_path: Path, env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also under a name that is not UTF-8."""
    model = tmp_path / os.fsdecode(b"caf\xe9.gguf")
    model.write_bytes(NANO.read_bytes())

    admission.admit(locate(str(model)), env)
    monkeypatch.setattr(admission, "_try", lambda _: pytest.fail("tried twice"))
    admission.admit(locate(str(model)), env)

    assert tried(env) == ["loads"]


def test_a_state_directory_that_takes_nothing_costs_only_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is tried each time."""
    blocked = tmp_path / "state"
    blocked.write_bytes(b"")
    model = rewrite(NANO, tmp_path / "m.gguf")
    monkeypatch.setattr(admission, "_try", lambda _: "loads")

    assert admission.admit(locate(str(model)), {"MARCO_STATE_DIR": str(blocked)}).num_layers == 6


def located(source: Origin, name: str, *, sha256: str | None, size: int | None) -> LocatedModel:
    """Return a model that is not looked at."""
    return LocatedModel(name=name, path=NANO, source=source, files=(NANO,), hashes=(sha256,), stated_sizes=(size,))


@pytest.mark.parametrize(("source", "name", "sha256", "size", "is_known"), [
    ("bundled", "marco-nano", "0" * 64, 1, True),
    ("catalogue", "marco-o1:q4_k_m", "0" * 64, 1, True),
    ("hub-cache", "marco-o1:q4_k_m", "0" * 64, 1, True),
    ("catalogue", "marco-o1:q4_k_m", None, 1, False),
    ("hub-cache", "marco-o1:q4_k_m", "0" * 64, None, False),
    ("catalogue", "hf:user/repo/x.gguf", "0" * 64, 1, False),
    ("path", "marco-o1", "0" * 64, 1, False),
])  # fmt: skip
def test_what_the_catalogue_vouches_for_needs_no_trial(
    source: Origin, name: str, sha256: str | None, size: int | None, is_known: bool
) -> None:
    """Anyone may put a file on the hub: a hash says that it is the one, not that it is good."""
    assert admission.is_known(located(source, name, sha256=sha256, size=size)) is is_known

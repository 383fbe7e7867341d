"""What all tests share: a plain terminal, and the two models that need no download.

Asynchronous tests are plain functions that call `asyncio.run`.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is not a failure: how long an example takes says nothing about what it shows.
settings.register_profile("marco", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("marco")

# Before anything imports rich or typer, which look at these once: every test sees the same terminal.
os.environ.update(_TYPER_FORCE_DISABLE_TERMINAL="1", COLUMNS="80", TERM="xterm-256color")
# Answers leave traces; those of programs that tests start must not go to the user's own.
os.environ["MARCO_STATE_DIR"] = tempfile.mkdtemp(prefix="marco-tests-")
# The programs that tests start, and the tests, are compiled once and not each time, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Tests run side by side, with more threads than cores: one that waits for another sleeps, and burns no time.
os.environ["GOMP_SPINCOUNT"] = "0"
for _name in ("CI", "FORCE_COLOR", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)

ROOT = Path(__file__).parents[1]

GPU_LAYERS = int(os.environ.get("MARCO_TEST_GPU_LAYERS", "0"))
"""Layers on a GPU in the tests of the engine; -1 = all. See benchmarks/gpu.sh."""

CLOSE = 1e-2 if GPU_LAYERS else 1e-4
"""How far logits of one model may lie apart that are the same by right: GPUs multiply F32 with fewer digits."""


def pytest_sessionstart() -> None:
    """Refuse to test a GPU without one: all would pass on the processor."""
    if GPU_LAYERS:
        from marco_cli.engine import llama_library

        llama_library.begin()
        if not llama_library.can_offload():
            pytest.exit("MARCO_TEST_GPU_LAYERS is set, and llama.cpp finds no GPU", returncode=3)


def load_script(name: str) -> ModuleType:
    """Import a script of `benchmarks/`, which is not a package and not installed."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Qwen2-shaped model of 0.1 M random weights: 512 tokens of vocabulary, 4096 of context.

    F32, where rounding stays small: in F16 and Q8_0 a last bit that differs may move an activation by a whole step.
    """
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    random_gguf = load_script("random_gguf")
    random_gguf.write(path, random_gguf.SHAPES["tiny"], "f32", scale=0.05)
    return path


@pytest.fixture(scope="session")
def nano_gguf() -> Path:
    """Return the bundled model."""
    path = ROOT / "marco_cli" / "nano" / "marco-nano.gguf"
    if not path.exists():
        pytest.skip("the bundled model is not built: see training/README.md")
    return path

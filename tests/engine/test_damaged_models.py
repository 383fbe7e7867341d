"""Damaged models, through the real llama.cpp: it ends its process on some of them, so each is loaded in its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import marco_cli

NANO = Path(marco_cli.__file__).parent / "nano" / "marco-nano.gguf"
FIRST = int(os.environ.get("MARCO_TEST_FIRST_MUTATION", "0"))
MUTATIONS = int(os.environ.get("MARCO_TEST_MUTATIONS", "100"))
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
        timeout=3000,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_loading_a_damaged_model_never_crashes_or_hangs(tmp_path: Path) -> None:
    """Mutated headers: each is refused, or harmless enough to answer; nothing that passed its trial ends the program."""
    seen = outcomes(NANO, tmp_path, FIRST, FIRST + MUTATIONS)

    assert len(seen) == MUTATIONS
    assert set(seen.values()) <= {"refused", "loaded"}, seen
    assert sum(outcome == "refused" for outcome in seen.values()) > MUTATIONS // 2

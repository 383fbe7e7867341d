"""Threads that wait spin shortly, unless the user has said how they wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marco_cli.engine.waiting import set_short_spins

OURS = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}


@pytest.mark.parametrize(
    ("said", "set_by_us"),
    [
        ({}, {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}),
        ({"GOMP_SPINCOUNT": "300000"}, {"KMP_BLOCKTIME"}),
        ({"GOMP_SPINCOUNT": ""}, {"KMP_BLOCKTIME"}),
        ({"KMP_BLOCKTIME": "infinite"}, {"GOMP_SPINCOUNT"}),
        ({"KMP_LIBRARY": "turnaround"}, {"GOMP_SPINCOUNT"}),
        ({"OMP_WAIT_POLICY": "active"}, set()),
        ({"OMP_NUM_THREADS": "3"}, {"GOMP_SPINCOUNT", "KMP_BLOCKTIME"}),
    ],
)
def test_what_the_user_has_said_stays(said: dict[str, str], set_by_us: set[str]) -> None:
    """A variable is set only for a runtime to which the user has not said how its threads wait."""
    environment = dict(said)

    set_short_spins(environment)

    assert environment == {name: OURS[name] for name in set_by_us} | said


@pytest.mark.parametrize("module", ["llamacpp", "llama_library", "llama_weights"])
@pytest.mark.parametrize(("said", "count"), [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77")])
def test_the_runtime_reads_it_when_it_is_loaded(module: str, said: dict[str, str], count: str) -> None:
    """Whichever module loads llama.cpp first, its OpenMP runtime reports our count, or the user's own."""
    unsaid = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP", "KMP", "OMP"))}
    program = f"import marco_cli.engine.{module}; print(open('/proc/self/maps').read())"
    done = run([sys.executable, "-c", program], unsaid | said | {"OMP_DISPLAY_ENV": "verbose"})
    if "libgomp" not in done.stdout:
        pytest.skip("this llama.cpp is not built with libgomp")

    assert f"GOMP_SPINCOUNT = '{count}'" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc here")
def test_nothing_loads_the_runtime_before(tmp_path: Path) -> None:
    """What a command imports before the engine, numpy above all, leaves OpenMP alone, so that our count is read."""
    program = "import numpy, marco_cli.commands.app; print('gomp' in open('/proc/self/maps').read())"
    done = run([sys.executable, "-c", program], dict(os.environ) | {"HOME": str(tmp_path)})

    assert done.stdout.strip() == "False", done.stderr


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it printed."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

"""`marco chat` in the background: it takes no processor while nothing is typed."""

import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE
from view.replay import CONTROLLED, Replay

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here"),
]

SECONDS = 2.0
SHARE = 0.05
"""Of a core, at most."""


@pytest.mark.parametrize("typed", ["", "What is 12 + 3"])
def test_a_prompt_that_waits_takes_no_processor(tmp_path: Path, typed: str) -> None:
    """Neither before anything is typed, nor once a line that was begun has been evaluated."""
    home = str(tmp_path)
    command = [sys.executable, "-c", CONTROLLED, sys.executable, "-m", "marco_cli", "chat", "--no-trace"]
    with Replay(command, PROMPT_TOOLKIT_NO_CPR="1", HOME=home, MARCO_STATE_DIR=home, XDG_CONFIG_HOME=home) as chat:
        chat.wait_for_text(">")
        chat.press(typed)
        settle(chat)
        before = processor_seconds(chat.process.pid)
        time.sleep(SECONDS)

        assert processor_seconds(chat.process.pid) - before < SHARE * SECONDS


def settle(chat: Replay) -> None:
    """Wait until half a second has gone by without work: what was typed is evaluated then."""
    deadline = time.monotonic() + PATIENCE
    used = -1.0
    while used != (used := processor_seconds(chat.process.pid)) and time.monotonic() < deadline:
        time.sleep(0.5)


def processor_seconds(pid: int) -> float:
    """Return what a process and its threads have taken of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100

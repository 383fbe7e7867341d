"""What Ctrl-C does to the asyncio part of a command."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from patience import PATIENCE

from marco_cli.commands._signals import run, run_unless_terminated


def test_ctrl_c_asks_for_an_answer_when_nobody_can_be_told() -> None:
    """What says so may fail; the work hears of the first Ctrl-C first, and ends with what it has."""
    stop = asyncio.Event()

    async def work() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(stop.wait(), PATIENCE)
        return "what there is"

    def say(_: str) -> None:
        raise OSError("nobody is there")

    assert run(work(), on_interrupt=stop.set, say=say) == "what there is"


def test_a_storm_of_ctrl_c_lets_the_end_run() -> None:
    """The second Ctrl-C cancels; those behind it do not cut what has to be cleared away."""
    ended = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(100)
        finally:
            for _ in range(20):
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        run(work(), on_interrupt=lambda: None, say=lambda _: None)
    assert ended == [True]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
    ids=["term", "hup", "quit"],
)
def test_other_signals_cancel_the_work(number: signal.Signals, code: int) -> None:
    """Every `finally` runs to its end, however often the signal comes; the exit code is the signal's."""
    ended = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(100)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(SystemExit) as left:
        run_unless_terminated(work())
    assert left.value.code == code
    assert ended == [True]


@pytest.mark.parametrize("when", ["imports", "command", "end"])
def test_ctrl_c_is_silent_from_the_first_line_to_the_last(when: str) -> None:
    """While modules are imported, in a command, and at the end of the program: exit code 130, and no traceback."""
    strike = "import os, signal; [os.kill(os.getpid(), signal.SIGINT) for _ in range(20)]"
    code = {
        "imports": "class Finder:\n def find_spec(self, name, path=None, target=None):\n"
        f"  if name == 'marco_cli.commands.app': {strike}\nimport sys; sys.meta_path.insert(0, Finder())\n",
        "command": f"from marco_cli.commands import doctor, app\ndef strike(): {strike}\n"
        "app.app.command('strike')(strike)\n",
        "end": f"import atexit\ndef strike(): {strike}\natexit.register(strike)\n",
    }[when]
    words = "strike" if when == "command" else "--version"
    program = f"{code}import sys\nfrom marco_cli.__main__ import main\nsys.argv = ['marco', {words!r}]\nmain()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert ran.returncode == 130
    assert ran.stderr == ""


def test_nohup_keeps_the_program_alive() -> None:
    """A signal that is ignored when the program starts stays ignored."""
    program = (
        "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from marco_cli.commands._exit_signals import install\ninstall()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\nprint('alive')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert ran.stdout == "alive\n"

"""What Ctrl-C does to the asyncio part of a command."""

import asyncio
import os
import signal

from marco_cli.commands._signals import run


def test_ctrl_c_asks_for_an_answer_when_nobody_can_be_told() -> None:
    """What says so may fail; the work hears of the first Ctrl-C first, and ends with what it has."""
    stop = asyncio.Event()

    async def work() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(stop.wait(), 5)
        return "what there is"

    def say(_: str) -> None:
        raise OSError("nobody is there")

    assert run(work(), on_interrupt=stop.set, say=say) == "what there is"

"""Run the asyncio part of a command so that Ctrl-C first asks for an answer and then quits."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(
    work: Coroutine[Any, Any, T],
    *,
    on_interrupt: Callable[[], None],
    say: Callable[[str], None],
    notice: str = "answering from what there is",
) -> T:
    """Run `work` to its end and return its result.

    The first Ctrl-C says `notice` and calls `on_interrupt`, which must make the work end soon with what it has; the second
    cancels it, which raises KeyboardInterrupt here.
    """
    num_interrupts = 0

    async def supervised() -> T:
        task = asyncio.ensure_future(work)

        def interrupt() -> None:
            nonlocal num_interrupts
            num_interrupts += 1
            if num_interrupts > 1:
                task.cancel()
                return
            say(f"marco: {notice} (Ctrl-C again to quit)")
            on_interrupt()

        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
        except NotImplementedError:  # Windows: Ctrl-C ends the work at once
            return await task
        try:
            return await task
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

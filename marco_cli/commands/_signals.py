"""Run the asyncio part of a command so that Ctrl-C first asks for an answer and then quits, and SIGTERM quits."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from marco_cli.commands._output import fitted
from marco_cli.errors import EXIT_TERMINATED

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
    cancels it, which raises KeyboardInterrupt here. SIGTERM cancels it too, so that every `finally` runs, and raises SystemExit.
    """
    num_interrupts = 0
    is_terminated = False

    async def supervised() -> T:
        task = asyncio.ensure_future(work)

        def interrupt() -> None:
            nonlocal num_interrupts
            num_interrupts += 1
            if num_interrupts > 1:
                task.cancel()
                return
            say(fitted(f"marco: {notice} (Ctrl-C again to quit)"))
            on_interrupt()

        def terminate() -> None:
            nonlocal is_terminated
            is_terminated = True
            task.cancel()

        with _handlers({signal.SIGINT: interrupt, signal.SIGTERM: terminate}):
            return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        if is_terminated:
            raise SystemExit(EXIT_TERMINATED) from None
        raise KeyboardInterrupt from None


@contextmanager
def _handlers(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Let the running loop handle signals, between two callbacks and never inside one; then put things back."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in handlers}
    try:
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    except NotImplementedError:  # Windows: a signal ends the work at once
        yield
        return
    try:
        yield
    finally:
        for number, earlier in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, earlier)

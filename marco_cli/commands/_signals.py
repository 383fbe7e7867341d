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

    The first Ctrl-C calls `on_interrupt`, which must make the work end soon with what it has, and says `notice`; the second
    cancels it, which raises KeyboardInterrupt here. SIGTERM is as in `run_unless_terminated`.
    """
    num_interrupts = 0

    async def interruptible() -> T:
        task = asyncio.current_task()

        def interrupt() -> None:
            nonlocal num_interrupts
            num_interrupts += 1
            if num_interrupts > 1 and task is not None:
                task.cancel()
                return
            on_interrupt()
            say(fitted(f"marco: {notice} (Ctrl-C again to quit)"))

        with _handlers({signal.SIGINT: interrupt}):
            return await work

    try:
        return run_unless_terminated(interruptible())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def run_unless_terminated(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end and return its result; SIGTERM cancels it, so that every `finally` runs, and raises SystemExit."""
    is_terminated = False

    async def terminable() -> T:
        task = asyncio.current_task()

        def terminate() -> None:
            nonlocal is_terminated
            is_terminated = True
            if task is not None:
                task.cancel()

        with _handlers({signal.SIGTERM: terminate}):
            return await work

    try:
        result = asyncio.run(terminable())
    except asyncio.CancelledError:
        if not is_terminated:
            raise
    if is_terminated:
        raise SystemExit(EXIT_TERMINATED)
    return result


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

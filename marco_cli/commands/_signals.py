"""Run the asyncio part of a command so that Ctrl-C first asks for an answer and then quits, and other signals quit."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from marco_cli.commands._output import fitted
from marco_cli.errors import EXIT_OF_SIGNAL, EXIT_QUIT

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
    cancels it, which raises KeyboardInterrupt here. Other signals are as in `run_unless_terminated`.
    """
    num_interrupts = 0

    async def interruptible() -> T:
        task = asyncio.current_task()

        def interrupt() -> None:
            nonlocal num_interrupts
            num_interrupts += 1
            if num_interrupts == 2 and task is not None:  # once: a cancel in a `finally` would end that
                task.cancel()
            if num_interrupts > 1:
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
    """Run `work` to its end and return its result; SIGTERM, SIGHUP and SIGQUIT cancel it and raise SystemExit here."""
    code: int | None = None
    interrupted = signal.getsignal(signal.SIGINT)

    async def terminable() -> T:
        task = asyncio.current_task()

        def terminate(number: signal.Signals) -> None:
            nonlocal code
            if code is None and task is not None:
                task.cancel()
            elif number == getattr(signal, "SIGQUIT", None):
                os._exit(EXIT_QUIT)
            code = code or EXIT_OF_SIGNAL[number]

        wanted = [number for number in EXIT_OF_SIGNAL if signal.getsignal(number) is not signal.SIG_IGN]
        with _handlers({number: partial(terminate, number) for number in wanted}):
            try:
                return await work
            finally:
                _take_back(interrupted)

    try:
        result = asyncio.run(terminable())
    except asyncio.CancelledError:
        if code is None:
            raise
    if code is not None:
        raise SystemExit(code)
    return result


def _take_back(handler: Any) -> None:
    """Let SIGINT be handled as before the loop: a loop that is closed while it handles it would leave Python's own way."""
    with suppress(NotImplementedError):
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, handler)


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

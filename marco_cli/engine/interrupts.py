"""Signals that come while C code runs: kept, so that none is lost, and raised when the C code is left.

Python raises from a signal's handler at its next instruction. While llama.cpp loads a model, that is often inside one of
our callbacks, e.g. for its log; ctypes prints an exception there and drops it, and the Ctrl-C is lost.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))
_EXIT_OF_SIGNALS = 128


@contextmanager
def kept_signals() -> Iterator[Callable[[], bool]]:
    """Keep signals that would end the program, and raise for the first of them when the block is left.

    Yields:
        A function that says whether one has come, for work that can be given up.

    Raises:
        KeyboardInterrupt: SIGINT came.
        SystemExit: another one came; the code is 128 and its number.
    """
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    # Handlers run in the main thread only; what is ignored, or handled by C, stays as it is.
    is_main = threading.current_thread() is threading.main_thread()
    replaced = [number for number, handler in handlers.items() if is_main and callable(handler)]
    try:
        for number in replaced:
            signal.signal(number, lambda number, _frame: came.append(number))
        yield lambda: bool(came)
    finally:
        for number in replaced:
            signal.signal(number, handlers[number])
        if came:
            raise KeyboardInterrupt if came[0] == signal.SIGINT else SystemExit(_EXIT_OF_SIGNALS + came[0])

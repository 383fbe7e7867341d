"""Enter, pressed while something runs, as an event of the loop.

In: a terminal at stdin from which no lines are read. Out: a call for each Enter. Meanwhile keys are neither echoed, which would
break the display of a search, nor held back for a line. The terminal is put back however the work ends.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

if sys.platform != "win32":
    import termios

_BLOCK = 1024


def can_listen() -> bool:
    """Say whether stdin is a terminal of which this process may read keys: not from the background of a shell."""
    if sys.platform == "win32" or not sys.stdin.isatty():  # on Windows there is Ctrl-C
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal without job control, as in a container: no other process reads from it
        return True


@contextmanager
def on_enter(call: Callable[[], None]) -> Iterator[None]:
    """Call `call` on the running loop whenever Enter is pressed inside the block; does nothing unless `can_listen()`."""
    if sys.platform == "win32" or not can_listen():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    quiet = termios.tcgetattr(terminal)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)  # local modes; ISIG stays, so that Ctrl-C is Ctrl-C
    loop = asyncio.get_running_loop()

    def read() -> None:
        keys = os.read(terminal, _BLOCK)
        if not keys:  # the terminal is gone
            loop.remove_reader(terminal)
        elif b"\n" in keys or b"\r" in keys:
            call()

    try:
        termios.tcsetattr(terminal, termios.TCSADRAIN, quiet)
        loop.add_reader(terminal, read)
        yield
    finally:
        loop.remove_reader(terminal)
        with suppress(termios.error):  # the terminal is gone, and its modes with it
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

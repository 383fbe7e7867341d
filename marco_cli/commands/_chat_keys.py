"""The keyboard while a model loads or a turn is taken: what is typed waits for the next prompt, and is not shown before."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec


def can_edit() -> bool:
    """Say whether a person sits at a terminal on which a line can be edited."""
    return sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


@contextmanager
def unechoed() -> Iterator[None]:
    """Keep keys off stdin's terminal, Ctrl-C and its like in force; the next prompt reads them as they were pressed."""
    if find_spec("termios") is None:
        yield
        return
    import termios

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = termios.tcgetattr(descriptor)
    quiet[0] &= ~termios.ICRNL
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal has hung up
            termios.tcsetattr(descriptor, termios.TCSANOW, before)

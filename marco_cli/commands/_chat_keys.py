"""The keyboard while a turn is taken: what is typed waits for the next prompt and does not show on the screen."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


@contextmanager
def unechoed() -> Iterator[None]:
    """Keep keys off the screen, Ctrl-C and its like in force; the next prompt reads them as they were pressed."""
    if not sys.stdin.isatty() or find_spec("termios") is None:
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
        termios.tcsetattr(descriptor, termios.TCSANOW, before)

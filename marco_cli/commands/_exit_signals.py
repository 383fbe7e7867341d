"""The signals that end the program: Ctrl-C, SIGTERM, SIGHUP and SIGQUIT.

Each lets every `finally` run, so that the cursor and the modes of the terminal come back, and while that goes on no other
is heard. A second SIGQUIT ends the program on the spot.
"""

import os
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Final

from marco_cli.errors import EXIT_HUNG_UP, EXIT_QUIT, EXIT_TERMINATED

# Windows has neither SIGHUP nor SIGQUIT.
QUITTING: Final[Mapping[signal.Signals, int]] = {
    getattr(signal, name): code
    for name, code in (("SIGTERM", EXIT_TERMINATED), ("SIGHUP", EXIT_HUNG_UP), ("SIGQUIT", EXIT_QUIT))
    if hasattr(signal, name)
}
"""Signal → exit code."""


def install() -> None:
    """Have signals end the program the way that lets every `finally` run; one that is ignored, as by nohup, stays so."""
    for number in (signal.SIGINT, *QUITTING):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGINT, *QUITTING):
        signal.signal(other, signal.SIG_IGN)
    if hasattr(signal, "SIGQUIT"):
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(EXIT_QUIT))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(QUITTING[signal.Signals(number)])

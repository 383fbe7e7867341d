"""The signals that end the program: Ctrl-C, SIGTERM, SIGHUP and SIGQUIT.

Each lets every `finally` run, so that the cursor and the modes of the terminal come back, and while that goes on no other
is heard. A second SIGQUIT ends the program on the spot.
"""

import os
import signal
from types import FrameType

from marco_cli.errors import EXIT_OF_SIGNAL, EXIT_QUIT


def install() -> None:
    """Have signals end the program the way that lets every `finally` run; one that is ignored, as by nohup, stays so."""
    for number in (signal.SIGINT, *EXIT_OF_SIGNAL):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGINT, *EXIT_OF_SIGNAL):
        signal.signal(other, signal.SIG_IGN)
    if hasattr(signal, "SIGQUIT"):
        signal.signal(signal.SIGQUIT, lambda *_: os._exit(EXIT_QUIT))
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(EXIT_OF_SIGNAL[signal.Signals(number)])

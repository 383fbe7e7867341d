"""The program as it is started: `marco`, or `python -m marco_cli`.

Imports take a while, and so may the end of Python. Ctrl-C then ends the program at once and in silence.
"""

import os
import signal


def main() -> None:
    """Run the command line."""
    _be_silent()
    from marco_cli.commands.app import main as run  # noqa: PLC0415 (takes a while)

    try:
        run()
    finally:
        _be_silent()


def _be_silent() -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))


if __name__ == "__main__":
    main()

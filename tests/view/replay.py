"""A program on a pseudo-terminal, replayed through pyte: what a person would have on the screen, and above it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import pyte
from patience import PATIENCE
from warm_program import WarmProcess

_READ = 65_536

CONTROLLED = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""A program that starts another in a session of its own, so that Ctrl-C on its terminal interrupts it."""


class Replay:
    """Runs a program whose stdin, stdout and stderr are one terminal; waiting never takes longer than `timeout`."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, rows: int = 24, timeout: float = PATIENCE, **environ: str
    ) -> None:
        self._terminal, program_end = pty.openpty()
        self._resize(columns, rows)
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self._timeout = timeout
        self.data = b""
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = self.start(
            command, program_end, {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ}
        )
        os.close(program_end)

    def start(
        self, command: Sequence[str], terminal: int, environ: dict[str, str]
    ) -> "subprocess.Popen[bytes] | WarmProcess":
        """Start the program on its end of the terminal."""
        return subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without blanks at the ends."""
        return [line.rstrip() for line in self.screen.display]

    def hides_cursor(self) -> bool:
        """Say whether the cursor is hidden."""
        return bool(self.screen.cursor.hidden)

    @property
    def history(self) -> list[str]:
        """What has scrolled off the screen."""
        columns = range(self.screen.columns)
        return ["".join(line[column].data for column in columns).rstrip() for line in self.screen.history.top]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Feed the screen until `condition` holds."""
        deadline = time.monotonic() + self._timeout
        while not condition():
            assert time.monotonic() < deadline, "\n".join(self.lines)
            if not self._feed():
                assert condition(), "\n".join(self.lines)
                return

    def wait_for_text(self, text: str) -> None:
        """Feed the screen until `text` is on it."""
        self.wait_for(lambda: any(text in line for line in self.lines))

    def end(self) -> int:
        """Feed the screen until the program ends; return its exit code."""
        deadline = time.monotonic() + self._timeout
        while self._feed():
            assert time.monotonic() < deadline, "\n".join(self.lines)
        return self.process.wait(self._timeout)

    def local_modes(self) -> int:
        """Return the terminal's local modes, such as `termios.ECHO`."""
        modes: int = termios.tcgetattr(self._terminal)[3]
        return modes

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._terminal, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, as dragging its corner does."""
        self._resize(columns, rows)
        self.screen.resize(rows, columns)

    def _resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _feed(self) -> bool:
        """Pass on what the program wrote; False when it has ended."""
        ready, _, _ = select.select([self._terminal], [], [], 0.05)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self._terminal, _READ)
        except OSError:  # Linux says so when the last program has closed the other end
            return False
        self.data += data
        self._stream.feed(data)
        return bool(data)

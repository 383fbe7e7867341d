"""Lines of a conversation from a pipe, a file or a plain terminal.

In: bytes of stdin, read by a thread of its own, so that the program does not wait for it: a pipe that stays open can be left at any
moment. Out: texts, one a turn; a line that ends in a backslash goes on in the next.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Final

from marco_cli.commands._output import say
from marco_cli.errors import InputError
from marco_cli.jsonl import MAX_LINE, RawLine, read_lines

_PROMPT: Final = "> "
_END: Final = RawLine(b"", 0, is_too_long=False)
_MOST_AHEAD: Final = 64
"""Lines that are read before they are asked for; what writes into the pipe then waits."""


class PlainLines:
    """Reads lines; on a terminal it asks for them with a prompt on stderr."""

    can_draft: Final = False
    """Whether a text can be offered for changing."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdin.isatty()
        """Whether a person types the lines, who may make mistakes."""
        self._lines: asyncio.Queue[RawLine] = asyncio.Queue()
        self._room = threading.Semaphore(_MOST_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._num_lines = 0
        self._is_over = False
        self._interrupted: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._fill, args=(_raw_stdin(),), name="stdin", daemon=True).start()

    async def read(
        self,
        draft: str = "",  # noqa: ARG002 (the signature of `LineReader`)
        *,
        on_change: Callable[[str], None],  # noqa: ARG002 (the signature of `LineReader`)
    ) -> str | None:
        """Return the next line that is not blank; None at the end.

        Raises:
            InputError: it is not UTF-8 text.
            KeyboardInterrupt: Ctrl-C came while nothing but a pipe was waited for.
        """
        parts: list[str] = []
        while (line := await self._line()) is not None:
            parts.append(line.removesuffix("\\"))
            if line.endswith("\\"):
                continue
            text = "\n".join(parts)
            if text.strip():
                return text
            parts.clear()
        return "\n".join(parts) if parts else None

    def interrupt(self) -> None:
        """Take a Ctrl-C that came while waiting for a line."""
        if self.is_terminal:
            say("\nmarco: Ctrl-D leaves")
            _ask()
        elif not self._interrupted.done():
            self._interrupted.set_result(None)

    async def _line(self) -> str | None:
        if self._is_over:
            return None
        if self.is_terminal:
            _ask()
        getting = asyncio.ensure_future(self._lines.get())
        await asyncio.wait((getting, self._interrupted), return_when=asyncio.FIRST_COMPLETED)
        if self._interrupted.done():
            getting.cancel()
            raise KeyboardInterrupt
        line = getting.result()
        if line is _END:
            self._is_over = True
            return None
        self._room.release()
        self._num_lines += 1
        if line.is_too_long:
            raise InputError(f"line {self._num_lines} is longer than {MAX_LINE // 1_000_000} MB")
        data = line.data
        try:
            return data.decode("utf-8-sig" if self._num_lines == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"line {self._num_lines} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}",
                hint="convert it first, e.g. with iconv -t UTF-8",
            ) from error

    def _fill(self, stream: BinaryIO) -> None:
        # The loop is closed once lines are not wanted any more; a terminal that hangs up is an end like any other.
        with suppress(RuntimeError):
            with suppress(OSError):
                for line in read_lines(stream):
                    self._room.acquire()
                    self._put(line)
            self._put(_END)

    def _put(self, line: RawLine) -> None:
        self._loop.call_soon_threadsafe(self._lines.put_nowait, line)


def _raw_stdin() -> BinaryIO:
    """Return stdin without the lock of its buffer, which a thread that still reads would hold when the program ends."""
    try:
        descriptor = sys.stdin.fileno()
    except OSError:  # a stand-in without a file
        return sys.stdin.buffer
    return os.fdopen(os.dup(descriptor), "rb", buffering=0)


def _ask() -> None:
    sys.stderr.write(_PROMPT)
    sys.stderr.flush()

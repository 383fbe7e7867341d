"""Where rows come from: a file that can be read twice, or a stream that is read once, as its lines arrive.

In: a name, or an open binary stream; gzip is recognised by its first bytes. Out: (line number, bytes) of every line that is
not blank, without its line end. What a line says is `rows`' business.
"""

import asyncio
import gzip
import io
import os
import stat
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from marco_cli.errors import InputError
from marco_cli.jsonl import read_lines

STDIN: Final = "-"
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line of the input."""

    number: int
    """From 1, blank lines counted."""
    data: bytes
    """Without its line end; of a line that is too long, its SHA-256."""
    is_too_long: bool = False


def is_stream(name: str) -> bool:
    """Say whether an input can be read only once: stdin, a pipe, anything that is not a regular file.

    Raises:
        InputError: there is no such file.
    """
    if name == STDIN:
        return True
    try:
        mode = Path(name).stat().st_mode
    except OSError as error:
        raise _unreadable(name, error) from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{name} is a directory, expected a file of JSON lines", hint="name the file, or - for stdin")
    return not stat.S_ISREG(mode)


def file_lines(name: str) -> Iterator[Line]:
    """Read a file from its beginning.

    Raises:
        InputError: it cannot be read, or its compression is damaged.
    """
    try:
        with Path(name).open("rb") as file:
            yield from _lines(file, name)
    except OSError as error:
        raise _unreadable(name, error) from error


async def stream_lines(name: str, stdin: BinaryIO) -> AsyncIterator[Line]:
    """Read a stream line by line, each as soon as it is asked for.

    A thread of its own waits for the next line, which may never come; it does not keep the program from ending.

    Raises:
        InputError: it cannot be read, or its compression is damaged.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Line | InputError | None] = asyncio.Queue()
    wanted = threading.Semaphore(0)

    def send(item: Line | InputError | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: no caller waits any more
            loop.call_soon_threadsafe(arrived.put_nowait, item)

    def read() -> None:
        try:
            with _open_stream(name, stdin) as file:
                lines = _lines(file, name)
                wanted.acquire()
                for line in lines:
                    send(line)
                    wanted.acquire()
            send(None)
        except InputError as error:
            send(error)
        except OSError as error:
            send(_unreadable(name, error))

    threading.Thread(target=read, name="input", daemon=True).start()
    while True:
        wanted.release()
        item = await arrived.get()
        if item is None:
            return
        if isinstance(item, InputError):
            raise item
        yield item


def _open_stream(name: str, stdin: BinaryIO) -> BinaryIO:
    """Open a stream on a descriptor of its own: at its end Python would wait for the lock of the one it knows."""
    if name != STDIN:
        return Path(name).open("rb")
    try:
        descriptor = os.dup(stdin.fileno())
    except io.UnsupportedOperation:  # no file behind it: a test
        return stdin
    return os.fdopen(descriptor, "rb")


def _lines(file: BinaryIO, name: str) -> Iterator[Line]:
    buffered = file if hasattr(file, "peek") else io.BufferedReader(cast("io.RawIOBase", file))
    is_packed = buffered.peek(2)[:2] == _GZIP
    reader = cast("BinaryIO", gzip.GzipFile(fileobj=buffered)) if is_packed else buffered
    number = 0
    try:
        for number, line in enumerate(read_lines(reader), 1):
            if line.is_too_long:
                yield Line(number, line.data, is_too_long=True)
                continue
            data = line.data.rstrip(b"\r\n")
            if data.removeprefix(_BOM).strip():
                yield Line(number, data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{_label(name)} is damaged after line {number}: {error}", hint="check it with gzip -t, or fetch it again"
        ) from error


def _label(name: str) -> str:
    return "stdin" if name == STDIN else name


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(f"cannot read {_label(name)}: {error.strerror}", hint="check the path and its permissions")

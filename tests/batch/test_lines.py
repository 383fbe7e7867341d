"""Lines of files and streams."""

import asyncio
import gzip
import os
import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from marco_cli.batch.lines import Line, file_lines, is_stream, stream_lines
from marco_cli.errors import InputError

CONTENT = b"\xef\xbb\xbf{1}\r\n\n  \t\r\n{2}\n\xef\xbb\xbf\n{3}"
EXPECTED = [Line(1, b"\xef\xbb\xbf{1}"), Line(4, b"{2}"), Line(6, b"{3}")]


async def collected(name: str, stdin: int) -> list[Line]:
    """Return all lines of a stream."""
    with os.fdopen(stdin, "rb") as file:
        return [line async for line in stream_lines(name, file)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_gives_its_lines_with_their_numbers(tmp_path: Path, packed: bool) -> None:
    """Blank lines are counted and left out, line ends of either kind taken off, gzip recognised by its content."""
    path = tmp_path / "q"
    path.write_bytes(gzip.compress(CONTENT) if packed else CONTENT)

    assert list(file_lines(str(path))) == EXPECTED
    assert not is_stream(str(path))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["stdin", "fifo"])
def test_a_stream_gives_the_same_lines(tmp_path: Path, packed: bool, kind: str) -> None:
    """Named pipes as well as stdin, packed or not."""
    data = gzip.compress(CONTENT) if packed else CONTENT
    reader, writer = os.pipe()
    os.write(writer, data if kind == "stdin" else b"")
    os.close(writer)
    name = "-"
    if kind == "fifo":
        name = str(tmp_path / "fifo")
        os.mkfifo(name)
        assert is_stream(name)
        threading.Thread(target=Path(name).write_bytes, args=(data,)).start()

    assert asyncio.run(collected(name, reader)) == EXPECTED


def test_each_line_comes_as_soon_as_it_is_written() -> None:
    """Nothing waits for a block to fill."""

    async def main() -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as file:
            lines = stream_lines("-", file)
            for number in range(1, 4):
                os.write(writer, b"x\n")
                assert await asyncio.wait_for(anext(lines), PATIENCE) == Line(number, b"x")
            os.close(writer)
            with pytest.raises(StopAsyncIteration):
                await anext(lines)

    asyncio.run(main())


def test_a_stream_that_says_nothing_keeps_nobody() -> None:
    """Waiting for the next line can be cancelled, and the program can end."""

    async def main() -> None:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as file, pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream_lines("-", file)), 0.05)
        os.close(writer)

    started = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("cut", [9, 30, -9])
def test_damaged_compression_is_named_with_the_line_it_reached(tmp_path: Path, cut: int) -> None:
    """Half a download is not a short input."""
    data = gzip.compress(os.urandom(200_000).hex(" ", 8).replace(" ", "\n").encode())
    path = tmp_path / "q.gz"
    path.write_bytes(data[:cut] if cut < 0 else data[: len(data) // cut])

    with pytest.raises(InputError, match="damaged after line"):
        list(file_lines(str(path)))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a directory: exit code 6 and the path."""
    for name in ("missing.jsonl", "."):
        with pytest.raises(InputError) as caught:
            is_stream(str(tmp_path / name))
        assert str(tmp_path) in caught.value.message
        assert caught.value.hint


def test_a_small_file_that_unpacks_into_a_huge_line_costs_that_line(tmp_path: Path) -> None:
    """65 MB of zeros are 65 kB packed; the lines around them are read."""
    path = tmp_path / "q.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"{1}\n" + bytes(65_000_000) + b"\n{3}\n")

    first, huge, third = file_lines(str(path))

    assert (first, third) == (Line(1, b"{1}"), Line(3, b"{3}"))
    assert huge.is_too_long
    assert len(huge.data) == 32

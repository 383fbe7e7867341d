"""JSON on the wire: one object a line, UTF-8, every number finite. The only door to orjson.

Out (`encode`): plain values (dicts, lists, strings, numbers, None), dataclasses of them and numpy arrays become bytes. Numbers
that JSON has no word for (NaN, infinities) become null, integers beyond 64 bits become strings, and lone surrogates, which UTF-8
cannot hold, become U+FFFD: a row is never lost to a strange value. All characters that steer a terminal are written as
escapes, not only those that JSON forbids: a text does no harm on the way, and is the same again when it is read.

In (`read_lines`, `decode`): lines of bounded length, and what other programs write, with a byte order mark, NaN or integers of any length. Read by the standard
library, because orjson turns long integers into floats and refuses NaN.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import BinaryIO, NamedTuple

import orjson

from marco_cli.errors import InputError

MAX_DEPTH = 200
"""Arrays and objects inside one another; orjson writes 254."""

MAX_LINE = 64_000_000
"""Bytes of a line, and of a text that is read whole: a gzip file of 5 MB can hold a line of 5 GB."""

_CHUNK = 1 << 20
_STEERING = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2(?:\x80[\x8e\x8f\xa8-\xae]|\x81[\xa6-\xa9])")
"""DEL, C1 codes, line separators, marks and overrides of direction, in UTF-8."""
_INTEGER_LIMIT = 1 << 63
_MOST_DIGITS = 600
"""Python itself refuses to read integers of several thousand digits, where its limit is set lowest of 640."""


class RawLine(NamedTuple):
    """A line of a file."""

    data: bytes
    """With its line end; of a line that is too long, its SHA-256."""
    size: int
    """Bytes of the line, its end included."""
    is_too_long: bool


def read_lines(file: BinaryIO, *, most: int = MAX_LINE) -> Iterator[RawLine]:
    """Yield the lines of a file; of one with more than `most` bytes only a chunk is held at a time."""
    while line := file.readline(most + 1):
        if len(line) <= most:
            yield RawLine(line, len(line), is_too_long=False)
        else:
            yield _passed_over(file, line)


def _passed_over(file: BinaryIO, begun: bytes) -> RawLine:
    """Read a line to its end and keep its hash alone."""
    digest, size, chunk = sha256(begun), len(begun), begun
    while not chunk.endswith(b"\n") and (chunk := file.readline(_CHUNK)):
        digest.update(chunk)
        size += len(chunk)
    return RawLine(digest.digest(), size, is_too_long=True)


def encode(document: object, *, indent: bool = False, sort_keys: bool = False) -> bytes:
    """Return one JSON document with a line feed at its end; on one line unless `indent`."""
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    options |= orjson.OPT_INDENT_2 if indent else 0
    options |= orjson.OPT_SORT_KEYS if sort_keys else 0
    return _STEERING.sub(_escape, orjson.dumps(_writable(document), option=options))


def decode(line: bytes | str) -> object:
    """Return the value of one JSON document, with or without a line end.

    A byte order mark is dropped, NaN and Infinity are floats, lone surrogates stay as they are, of repeated keys the last
    counts, and an integer of more than 600 digits stays text. Whatever this returns, `encode` can write.

    Raises:
        InputError: no UTF-8, no JSON, or nested deeper than `MAX_DEPTH`; the message is one line.
    """
    try:
        text = line.decode("utf-8-sig") if isinstance(line, bytes) else line.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: byte {error.start + 1} is 0x{line[error.start]:02x}") from error
    try:
        value: object = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        found = error.msg[0].lower() + error.msg[1:].removesuffix(" at")
        raise InputError(f"not JSON: {found} at character {error.pos + 1}") from error
    except RecursionError:
        raise _too_deep() from None
    # Every level costs a bracket: few brackets need no look at the levels.
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_deep(value):
        raise _too_deep()
    return value


def _escape(match: re.Match[bytes]) -> bytes:
    return f"\\u{ord(match[0].decode()):04x}".encode()


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _is_deep(value: object) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        inside = (item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer))
        level = [item for item in inside if isinstance(item, (dict, list))]
    return bool(level)


def _too_deep() -> InputError:
    return InputError(f"nested too deep, expected at most {MAX_DEPTH} levels")


def _writable(value: object) -> object:
    if isinstance(value, dict):
        return {str(_writable(key)): _writable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in value]
    if is_dataclass(value):
        return {field.name: _writable(getattr(value, field.name)) for field in fields(value)}
    return _writable_scalar(value)


def _writable_scalar(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else str(value)
    return value

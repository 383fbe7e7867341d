"""JSON on the wire: one object a line, UTF-8, every number finite. The only door to orjson.

In: plain values (dicts, lists, strings, numbers, None) and dataclasses of them. Out: bytes. Numbers that JSON has no
word for (NaN, infinities) become null, integers beyond 64 bits become strings, and lone surrogates, which UTF-8 cannot
hold, become U+FFFD: a row is never lost to a strange value.
"""

import math
from dataclasses import fields, is_dataclass

import orjson

_INTEGER_LIMIT = 1 << 63


def encode(document: object, *, indent: bool = False) -> bytes:
    """Return one JSON document with a line feed at its end; on one line unless `indent`."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(_writable(document), option=options)


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

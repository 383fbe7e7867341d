"""Conversations from a file: a JSON array of messages, an object that holds one, or JSON lines of either."""

import json
from collections.abc import Mapping

from marco_cli.batch.lines import Line
from marco_cli.batch.rows import BadRow, BatchRow, Layout, read_row
from marco_cli.commands._question import STDIN, read_text
from marco_cli.errors import InputError
from marco_cli.jsonl import encode


def read_conversations(name: str) -> list[BatchRow]:
    """Return the conversations of a file (`-`: stdin), as `marco batch` reads rows.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    label = "stdin" if name == STDIN else name
    values = _values(read_text(name), label)
    if all(isinstance(value, Mapping) and "role" in value for value in values):
        values = [values]
    rows = [
        read_row(Line(number, encode({"messages": value} if isinstance(value, list) else value)), Layout())
        for number, value in enumerate(values, start=1)
    ]
    for row in rows:
        if isinstance(row, BadRow):
            place = f"{label}, conversation {row.line}" if len(rows) > 1 else label
            raise InputError(f"{place}: {row.error.message}", hint=row.error.hint)
    return [row for row in rows if isinstance(row, BatchRow)]


def _values(text: str, label: str) -> list[object]:
    """Return the JSON values of a text: one over all lines, or one a line."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        lines = [line for line in text.split("\n") if line.strip()]
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        hint = 'e.g. [{"role": "user", "content": "What is 12 + 30?"}]'
        raise InputError(f"{label} is neither JSON nor JSON lines", hint=hint) from error

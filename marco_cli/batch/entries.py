"""The rows of an output file as a run that goes on sees them: key, hash of the input, status.

In: lines, and a function that reads a row. Out: a `JournalEntry` a row. The last line of a file may be incomplete, whatever ended
the program that wrote it; any other line that is not a row is an error, for the file may be of another program.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marco_cli import jsonl
from marco_cli.errors import InputError, StorageError, os_errors_as

MAX_ROW: Final = 8 * jsonl.MAX_LINE
"""Bytes of an output row: it repeats the meta of its input row, where a character may become an escape of six."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """What a journal must know of a row."""

    key: str
    """What the row is the answer to; each key has one row."""
    input_hash: str
    status: str
    is_verified: bool = False
    """Whether a check found the answer right."""


ReadEntry = Callable[[object], JournalEntry]
"""Reads the entry off a decoded row; raises InputError when it is not one."""


Done = dict[str, JournalEntry]
"""The rows of a file by key. Of several rows with one key the last counts."""


def read_done(path: Path, read_entry: ReadEntry) -> Done:
    """Return what a file holds without opening it for writing; an incomplete last row is left out.

    Raises:
        StorageError: it cannot be read, or a whole line is not a row.
    """
    done: Done = {}
    with (
        os_errors_as(StorageError, f"cannot read {path}", hint="check the path, or name another"),
        path.open("rb") as file,
    ):
        size, end = os.fstat(file.fileno()).st_size, 0
        for number, line in enumerate(jsonl.read_lines(file, most=MAX_ROW), 1):
            end += line.size
            entry = entry_of(path, line, number, read_entry, is_last=end >= size)
            if entry is None:
                break
            done[entry.key] = entry
    return done


def entry_of(
    path: Path, raw: jsonl.RawLine, number: int, read_entry: ReadEntry, *, is_last: bool
) -> JournalEntry | None:
    """Return a line's entry; None when it is the last line and incomplete. A whole line of another kind is an error."""
    if raw.is_too_long:
        raise _no_row(path, number, InputError(f"it is longer than {MAX_ROW // 1_000_000} MB"))
    line = raw.data
    try:
        document = jsonl.decode(line)
    except InputError as error:
        if is_last and (number > 1 or not line.endswith(b"\n")):
            return None
        raise _no_row(path, number, error) from error
    try:
        return read_entry(document)
    except InputError as error:
        if is_last and not line.endswith(b"\n"):
            return None
        raise _no_row(path, number, error) from error


def _no_row(path: Path, number: int, error: InputError) -> StorageError:
    return StorageError(
        f"line {number} of {path} is not a row of this program: {error.message}",
        hint="take that line out, or begin anew with --overwrite",
    )

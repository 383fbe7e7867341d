"""Where a question comes from: the command line, stdin, and context files."""

import sys
from collections.abc import Sequence
from pathlib import Path

from marco_cli.errors import InputError, os_errors_as
from marco_cli.jsonl import MAX_LINE

STDIN = "-"


def read_question(argument: str | None, files: Sequence[str]) -> str:
    """Put context files before the question; `-`, or no question at all, reads stdin.

    stdin is never read beside a question: a pipe that stays open must not hang the command.

    Raises:
        InputError: a file cannot be read or is not UTF-8 text, or there is no question.
    """
    wants_stdin = argument == STDIN or (argument is None and STDIN not in files and not sys.stdin.isatty())
    parts = [read_text(name) for name in files]
    if wants_stdin:
        parts.append(read_text(STDIN))
    elif argument is not None and argument != STDIN:
        parts.append(argument)
    question = "\n\n".join(part.strip("\n") for part in parts)
    if not question.strip():
        raise InputError("the question is empty", hint='try: marco ask "What is 12 + 30?"')
    return question


def read_text(name: str) -> str:
    """Return a file's text (`-`: stdin) without a byte order mark.

    Raises:
        InputError: it cannot be read, or is not UTF-8 text.
    """
    label = "stdin" if name == STDIN else name
    with os_errors_as(InputError, f"cannot read {label}", hint="check the path and its permissions"):
        data = _bytes(name)
    if len(data) > MAX_LINE:
        raise InputError(f"{label} is larger than {MAX_LINE // 1_000_000} MB", hint="give a part of it")
    if b"\0" in data:
        raise InputError(f"{label} is a binary file, expected text", hint="give a text file in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{label} is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}",
            hint="convert it first, e.g. with iconv -t UTF-8",
        ) from error


def _bytes(name: str) -> bytes:
    """Return what a file holds, and of a larger one than may be read a byte too many."""
    if name == STDIN:
        return sys.stdin.buffer.read(MAX_LINE + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_LINE + 1)

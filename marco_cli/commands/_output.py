"""The two streams: stdout carries the result and nothing else, stderr is for the person."""

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress

import typer

from marco_cli.errors import EXIT_STDOUT_CLOSED, MarcoError, StorageError
from marco_cli.view.printable import printable

_LONGEST_ANSWER = 1000


def occupy_closed_streams() -> None:
    """Put the null device in the place of standard streams that are closed, as a daemon's may be.

    Their numbers must not go to files, which libraries that write to stdout or stderr would then write into. What reads
    finds an end, what is said is lost; a result that is written to a stdout that was closed is an error.
    """
    for name in ("stdin", "stdout", "stderr"):  # in the order of their numbers: the lowest free one is given away
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w", encoding="utf-8"))


def write(data: bytes) -> None:
    """Write a result to stdout at once, the same bytes on a screen and in a pipe.

    Raises:
        typer.Exit: the reader of stdout has gone (`| head -1`); nothing is said about it.
        StorageError: stdout is a file and the disk is full.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        # Python flushes stdout once more at exit; into nothing, that cannot fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(EXIT_STDOUT_CLOSED) from None
        raise StorageError(
            f"cannot write to stdout: {error.strerror}", hint="free some space, or write elsewhere"
        ) from error


def write_rows(text: str) -> None:
    """Write a list to stdout, broken between words where a terminal is too narrow for it."""
    from marco_cli.view.terminal import columns

    width = columns(sys.stdout)
    if width is not None:
        from marco_cli.view.line import fold_row

        text = "\n".join(fold_row(row, width) for row in text.split("\n"))
    write(f"{text}\n".encode(sys.stdout.encoding or "utf-8", errors="replace"))


def write_result(text: object, document: Mapping[str, object], *, as_json: bool) -> None:
    """Write a result to stdout: as one JSON object, or as a list, of which an empty one is not written."""
    from marco_cli.jsonl import encode

    if as_json:
        write(encode({"v": 1, **document}))
    elif str(text):
        write_rows(printable(str(text)))


def say(text: str) -> None:
    """Write a line to stderr; one of our own, which begins with `marco: `, is fitted to a terminal."""
    show(f"{fitted(text) if text.startswith('marco: ') else text}\n")


def say_all(notices: Iterable[str]) -> None:
    """Say what the program has to say of its own, a line each."""
    for notice in notices:
        say(f"marco: {printable(notice)}")


def show(text: str) -> None:
    """Write text to stderr as it is; that it cannot be taken (a full disk, a closed pipe) is no reason to end the work."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def fitted(text: str) -> str:
    """Return text for a person, broken between words where stderr is a terminal that is too narrow for it."""
    width = stderr_width()
    if width is None:
        return text
    from marco_cli.view.line import fold

    return "\n".join(fold(line, width - 1) for line in text.split("\n"))


def stderr_width() -> int | None:
    """Return the columns of stderr's terminal; None when it is not one, so that lines are not broken in a file, or has none."""
    from marco_cli.view.terminal import columns

    return columns(sys.stderr)


def confirm(question: str, *, default: bool) -> bool:
    """Ask the person at the terminal, on stderr; an empty line is the default.

    Raises:
        KeyboardInterrupt: Ctrl-C, or Ctrl-D, in place of an answer.
    """
    answers = {"": default, "y": True, "yes": True, "n": False, "no": False}
    choices = "Y/n" if default else "y/N"
    while True:
        show(f"{printable(question)} [{choices}]: ")
        try:
            line = sys.stdin.buffer.readline(_LONGEST_ANSWER)
        except KeyboardInterrupt:
            show("\n")
            raise
        if not line:
            show("\n")
            raise KeyboardInterrupt
        answer = answers.get(line.decode(errors="replace").strip().lower())
        if answer is not None:
            return answer


def report(error: MarcoError, *, as_json: bool) -> int:
    """Tell the person, and with `as_json` the machine, what went wrong; return the exit code."""
    say(f"marco: {printable(error.message)}")
    if error.hint:
        say(fitted(f"  hint: {printable(error.hint)}"))
    if as_json:
        from marco_cli.jsonl import encode

        problem = {"code": error.code, "exit": error.exit_code, "message": error.message, "hint": error.hint}
        with suppress(StorageError, typer.Exit):  # that it is not read changes nothing about what went wrong
            write(encode({"v": 1, "error": problem}))
    return error.exit_code

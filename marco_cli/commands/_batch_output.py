"""The output file of a batch: opened, cleared of what is to be answered again, and the command that goes on with it."""

import os
import shlex
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from marco_cli.batch.entries import JournalEntry
from marco_cli.batch.journal import Journal
from marco_cli.batch.lines import STDIN
from marco_cli.batch.meta import meta_path
from marco_cli.batch.record import FAILED
from marco_cli.batch.survey import Survey
from marco_cli.errors import ConfigError


def refuse_input_as_output(source: str, output: Path) -> None:
    """Refuse to write over what is being read, under whatever name.

    Raises:
        ConfigError: both are one file.
    """
    with suppress(OSError):  # stdin is not a file, or one of them is not there: they are not one
        if output.is_dir():
            return
        read = os.fstat(sys.stdin.fileno()) if source == STDIN else Path(source).stat()
        for path in (output, meta_path(output)):
            if path.exists() and os.path.samestat(read, path.stat()):
                raise ConfigError(f"{path} is the input, expected another file", hint="name another file with -o")


def refuse_as_traces(traces: Path | None, others: Iterable[Path]) -> None:
    """Refuse to add traces to a file that is something else, under whatever name.

    Raises:
        ConfigError: it is one of the others.
    """
    for other in others if traces is not None else ():
        if traces is not None and _is_same(traces, other):
            raise ConfigError(
                f"--traces is {other}, expected a file of its own", hint="name another file with --traces"
            )


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is yet to be made
        return os.path.realpath(path) == os.path.realpath(other)


def remove_rows(journal: Journal, survey: Survey, *, is_retrying: bool) -> None:
    """Take rows out that are to be answered again: those that were changed, and with `is_retrying` those that failed.

    Rows that the input does not have stay: they would not be answered again.
    """
    places = count()

    def position(entry: JournalEntry) -> int | None:
        is_failed = is_retrying and entry.status in FAILED and entry.key in survey.lines
        return None if is_failed or entry.key in survey.stale else next(places)

    if survey.stale or is_retrying:
        journal.arrange(position)


def resume_command(*, is_retrying: bool = False) -> str:
    """Return what to type to go on with this run."""
    words = [word for word in sys.argv[1:] if word not in ("--overwrite", "--resume", "--retry-errors")]
    return shlex.join(["marco", *words, "--retry-errors" if is_retrying else "--resume"])

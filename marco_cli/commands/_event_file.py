"""The file that `--events` names: gets each event of a search as it happens; an event is never a reason to lose the answer."""

from pathlib import Path
from typing import Self

from marco_cli.commands._output import write
from marco_cli.errors import StorageError, os_errors_as
from marco_cli.jsonl import encode
from marco_cli.search.events import SearchEvent
from marco_cli.search.events_json import event_document


class EventFile:
    """A file of events, one JSON object a line; `-` is stdout, whose errors are those of a result."""

    def __init__(self, name: str) -> None:
        """Make the file, or empty it.

        Raises:
            StorageError: it cannot be written.
        """
        self.problem: str | None = None
        """Why events are missing, for a person; None while none are."""
        self._name = name
        with os_errors_as(StorageError, f"cannot write events to {name}", hint="name another file"):
            self._file = None if name == "-" else Path(name).open("wb")  # noqa: SIM115 (`__exit__` closes it)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; some file systems say only then that there is no room."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as problem:
                self._lose(problem)

    def record(self, event: SearchEvent) -> None:
        """Write an event at once; after one that cannot be written there are no more."""
        line = encode(event_document(event))
        if self._file is None:
            write(line)
        elif self.problem is None:
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.problem = self.problem or f"not all events are in {self._name}: {error.strerror}"

"""The file that `--traces` names: gets the trace of each row, after the row; a trace is never a reason to lose one."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from marco_cli.commands._output import fitted
from marco_cli.errors import MarcoError
from marco_cli.trace.record import Trace
from marco_cli.trace.store import append, check_appendable
from marco_cli.view.printable import printable


class TraceFile:
    """A file of traces that a run adds to."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        """Make the file if need be; `say` shows a line that stays, also with --quiet: traces were asked for.

        Raises:
            StorageError: it cannot be written.
        """
        check_appendable(path)
        self._path = path
        self._say = say
        self._is_lost = False

    async def save(self, trace: Trace) -> None:
        """Add a trace; if it cannot be written, that is said, and there are no more."""
        if self._is_lost:
            return
        try:
            await asyncio.to_thread(append, trace, self._path)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told, and the rows go on)
            self.lose(error)

    def lose(self, error: Exception) -> None:
        """Give up on traces and say so, once."""
        if not self._is_lost:
            self._is_lost = True
            reason = error.message if isinstance(error, MarcoError) else repr(error)
            self._say(fitted(printable(f"marco: no more traces are kept: {reason}")))

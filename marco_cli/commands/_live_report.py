"""The report of an evaluation that is under way: written anew while rows come in, so that an open page follows it.

A page is made in a thread of its own, so that the engine need not wait for it. One that cannot be made is told, and the run goes
on without.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from marco_cli.draft import put
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.report import About, build_report

_PAUSES: Final = (3.0, 60.0)
"""Seconds between two pages: at least, and at most."""
_SHARE: Final = 0.05
"""Share of a processor that pages may take."""


class LiveReport:
    """Keeps the page up to date."""

    def __init__(
        self, path: Path, about: About, rows: Iterable[Outcome], *, state: Callable[[], str], say: Callable[[str], None]
    ) -> None:
        """Write a first page; `state` says how far the run has come, `say` shows a line that stays."""
        self._path = path
        self._about = about
        self._rows = list(rows)
        self._state = state
        self._say = say
        self._is_lost = False
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="live-report")
        self._under_way: Future[None] | None = None
        self._due = 0.0
        self._write(self._rows, f"running: {state()}", is_live=True)

    def on_outcome(self, row: Outcome) -> None:
        """Take a finished row, and begin a page when one is due."""
        self._rows.append(row)
        is_free = self._under_way is None or self._under_way.done()
        if is_free and not self._is_lost and time.monotonic() >= self._due:
            rows, state = tuple(self._rows), f"running: {self._state()}"
            self._under_way = self._writer.submit(self._write, rows, state, is_live=True)

    def close(self, *, is_whole: bool) -> None:
        """Wait for the page under way; of a run that was not finished, leave one that waits for no more rows."""
        self._writer.shutdown()
        if not is_whole:
            self._write(self._rows, f"not finished: {self._state()}", is_live=False)

    def _write(self, rows: Sequence[Outcome], state: str, *, is_live: bool) -> None:
        from marco_cli.view.eval_page import page

        began = time.monotonic()
        try:
            text = page(build_report(rows, self._about), state=state, is_live=is_live)
            put(self._path, text.encode(errors="replace"))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told, and the rows go on)
            self._is_lost = True
            self._say(f"marco: the live report stays as it is: {error}")
        self._due = time.monotonic() + min(max(_PAUSES[0], (time.monotonic() - began) / _SHARE), _PAUSES[1])

import errno
import io
import os

import pytest
from evals.examples import ITEMS, outcome

from marco_cli.view.eval_progress import EvalProgress


class Clock:
    """A clock that moves when told."""

    now = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True

    def fileno(self) -> int:
        """Have none."""
        raise OSError


def test_rows_that_were_there_play_no_part_in_the_rate() -> None:
    """Of ten rows six were done before: two new ones in four seconds leave four seconds for the last two."""
    clock = Clock()
    done = [outcome(item, [item.target]) for item in ITEMS[:6]]
    progress = EvalProgress(io.StringIO(), total=10, done=done, clock=clock)
    clock.now = 4.0
    for item in ITEMS[6:8]:
        progress.on_outcome(outcome(item, ["99"]))

    assert progress.line() == "8/10 rows  vote 75 %  5 tokens/s  4 s left"


def test_a_pipe_gets_a_line_every_ten_seconds() -> None:
    """No control characters, no line a row."""
    stream, clock = io.StringIO(), Clock()
    progress = EvalProgress(stream, total=8, clock=clock)
    for number, item in enumerate(ITEMS, 1):
        clock.now = 4.0 * number
        progress.on_outcome(outcome(item, ["3"]))
    progress.close()

    assert stream.getvalue().count("\n") == 2
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_terminal_gets_one_line_that_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never wraps, and nothing of it is left behind."""
    monkeypatch.setattr("marco_cli.view.status_line.columns", lambda _: 20)
    stream, clock = Terminal(), Clock()
    progress = EvalProgress(stream, total=8, clock=clock)
    for number, item in enumerate(ITEMS, 1):
        clock.now = float(number)
        progress.on_outcome(outcome(item, ["3"], variant="a rather long label"))
    progress.close()

    shown = stream.getvalue().split("\r\x1b[K")
    assert all(len(line) <= 19 for line in shown)
    assert "\n" not in stream.getvalue()
    assert shown[-1] == ""


class Full(Terminal):
    """A stream that takes nothing."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_nobody_who_listens_ends_no_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stderr on a full disk, or one that is gone, costs what would have been said, and nothing else."""
    monkeypatch.setattr("marco_cli.view.status_line.columns", lambda _: None)
    clock = Clock()
    progress = EvalProgress(Full(), total=8, clock=clock)
    for number, item in enumerate(ITEMS, 1):
        clock.now = 20.0 * number
        progress.on_outcome(outcome(item, ["3"]))
        progress.say("answering from what there is")
    progress.close()

    assert progress.line().startswith("8/8 rows")


def test_a_terminal_without_a_size_is_as_wide_as_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pseudo-terminals say that they have no columns: the line is shown all the same."""
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((0, 0)))
    monkeypatch.setattr(Terminal, "fileno", lambda _: 2)
    stream, clock = Terminal(), Clock()
    progress = EvalProgress(stream, total=8, clock=clock)
    clock.now = 1.0
    progress.on_outcome(outcome(ITEMS[0], ["3"]))

    assert "1/8 rows" in stream.getvalue()


def test_quiet_shows_nothing() -> None:
    """`-q` leaves stderr empty."""
    stream, clock = io.StringIO(), Clock()
    progress = EvalProgress(stream, total=8, is_quiet=True, clock=clock)
    clock.now = 60.0
    progress.on_outcome(outcome(ITEMS[0], ["3"]))

    assert stream.getvalue() == ""

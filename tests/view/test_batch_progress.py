import io
import os
import sys
import time

import pytest
from patience import PATIENCE

from marco_cli.batch.tally import Tally
from marco_cli.engine.base import Usage
from marco_cli.view.batch_progress import open_view, progress_text, take_snapshot


def test_rows_that_wait_for_an_earlier_one_count_as_answered() -> None:
    """One slow row at the front holds the output back, but neither the count nor the time left."""
    tally = Tally(total=40, num_answered=10)
    tally.statuses["ok"] += 1
    snapshot = take_snapshot(tally, Usage(), 5.0)

    assert snapshot.num_finished == 10
    assert snapshot.seconds_left == pytest.approx(15.0)
    assert "10 of 40 rows" in progress_text(snapshot)


def test_rows_of_an_earlier_run_do_not_make_this_one_look_fast() -> None:
    """The time left goes by the rows that this run answered."""
    tally = Tally(total=40, num_answered=10)
    tally.earlier["ok"] += 20
    snapshot = take_snapshot(tally, Usage(), 5.0)

    assert snapshot.num_finished == 30
    assert snapshot.seconds_left == pytest.approx(5.0)


def test_nothing_is_foretold_before_the_first_row() -> None:
    """Without an answered row there is no time left to tell."""
    assert take_snapshot(Tally(total=40), Usage(), 5.0).seconds_left is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_has_one_line_that_is_written_over_and_gone_at_the_end() -> None:
    """Lines that are said stay above it."""
    ours, theirs = os.openpty()
    seen = b""
    with open(theirs, "w", encoding="utf-8") as stream:  # noqa: PTH123 (a descriptor)
        with open_view(stream, Tally(total=40), Usage, environ={"TERM": "xterm"}) as view:
            until = time.monotonic() + PATIENCE
            while b"0 of 40 rows" not in seen and time.monotonic() < until:
                seen += os.read(ours, 4096)
            view.say("row 3 failed\x1b[2J")
        while not seen.endswith(b"\\x1b[2J\r\n"):
            seen += os.read(ours, 4096)
    os.close(ours)

    assert b"\r\x1b[K0 of 40 rows" in seen
    assert seen.endswith(b"\r\x1b[Krow 3 failed\\x1b[2J\r\n")


def test_a_pipe_gets_what_is_said_and_no_control_characters() -> None:
    """Elsewhere a line comes every ten seconds; quiet, none but those that are said."""
    for is_quiet in (True, False):
        stream = io.StringIO()
        with open_view(stream, Tally(total=40), Usage, is_quiet=is_quiet, environ={"TERM": "xterm"}) as view:
            view.say("row 3 failed")
        assert stream.getvalue() == "row 3 failed\n"

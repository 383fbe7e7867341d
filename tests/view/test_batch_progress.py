import pytest

from marco_cli.batch.tally import Tally
from marco_cli.engine.base import Usage
from marco_cli.view.batch_progress import progress_text, take_snapshot


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

"""What `marco batch` says of rows without an answer, and of how long a run will take."""

import json
from pathlib import Path

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco

from marco_cli.batch.failures import Failures
from marco_cli.batch.lines import Line
from marco_cli.batch.rows import Layout, read_row
from marco_cli.batch.runner import Measured
from marco_cli.batch.survey import Survey
from marco_cli.view.batch_report import dry_run_report

GOOD = {"prompt": "one plus 1?"}
MUTE = {"prompt": "MUTE"}
LONG = {"prompt": "word " * 20_000}


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Answer by a script, in an empty directory."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", open_scripted)
    monkeypatch.setenv("MARCO_MODEL", "marco-nano")
    monkeypatch.chdir(tmp_path)


def write(*rows: object) -> None:
    """Write q.jsonl: bytes as they are, everything else as JSON."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    Path("q.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def test_failed_rows_say_why_once_a_reason(marco: Marco) -> None:
    """A broken line, silent replies and a wrong preset: each reason with its lines and its remedy, most frequent first."""
    write(GOOD, MUTE, b"{", MUTE, LONG, GOOD)
    run = marco("batch", "q.jsonl")

    assert run.code == 3
    assert "marco: 2 rows failed: the reply ended without an output (lines 2 and 4)\n  hint: " in run.err
    assert "marco: 1 row failed: not JSON" in run.err
    assert "row failed: the prompt has " in run.err
    assert run.err.index("without an output") < run.err.rindex("not JSON")


@pytest.mark.parametrize("flag", ["--fail-fast", "--max-errors=0"])
def test_a_run_that_gives_up_says_why(marco: Marco, flag: str) -> None:
    """The row that ended it is named, also where there is nothing on stderr but the error."""
    write(GOOD, LONG, GOOD)

    assert "1 row failed" in marco("batch", "q.jsonl", flag).err
    quiet = marco("batch", "q.jsonl", flag, "-q").err
    assert quiet.startswith("marco: stopped: 1 of 2 rows failed; 1 row failed: ")
    assert "the prompt has " in quiet


def test_a_reason_cannot_steer_a_terminal(marco: Marco) -> None:
    """A reason that quotes a row shows control characters."""
    write(GOOD, {"prompt": "x", "preset": "\x1b[31m"})
    run = marco("batch", "q.jsonl")

    assert "row failed" in run.err
    assert "\x1b" not in run.err


def test_a_dry_run_whose_sample_fails_makes_no_estimate(marco: Marco) -> None:
    """Rows that fail take no time, which says nothing of the others: it says so, and why they failed."""
    write(LONG, LONG)
    run = marco("batch", "q.jsonl", "--dry-run")

    assert "time      cannot be estimated: all 2 rows of the sample failed" in run.out
    assert "2 rows failed" in run.err


def test_a_dry_run_with_nothing_left_says_so(marco: Marco) -> None:
    """A finished run takes no time."""
    write(GOOD)
    marco("batch", "q.jsonl", "-o", "a.jsonl")

    assert (
        "time      none: every row is done" in marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume", "--dry-run").out
    )


def measured(num_rows: int, *, seconds: float = 30.0, num_errors: int = 0, is_whole: bool = True) -> Measured:
    """Return what a sample took."""
    return Measured(
        num_rows=num_rows,
        num_errors=num_errors,
        seconds=seconds,
        num_tokens=900,
        is_whole=is_whole,
        failures=Failures(),
    )


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (measured(4), "time      about 5 min 0 s for 40 rows (4 rows took 30.0 s, 900 tokens)"),
        (measured(3, is_whole=False), "time      more than 6 min 40 s for 40 rows (3 rows took 30.0 s, 900 tokens)"),
        (measured(0, is_whole=False), "time      more than 5 min 0 s; no closer estimate: no row was finished in 30 s"),
        (measured(4, num_errors=4), "time      cannot be estimated: all 4 rows of the sample failed"),
    ],
)
def test_an_estimate_is_of_what_was_measured(sample: Measured, said: str) -> None:
    """Forty rows, four at once; where nothing was finished the time that passed is a lower bound."""
    survey = Survey(num_samples=4)
    for number in range(1, 41):
        survey.add(read_row(Line(number, b'{"prompt": "x"}'), Layout()))

    assert dry_run_report(survey, sample, parallel=4).splitlines()[-1] == said

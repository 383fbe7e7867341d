"""`--require-check` of many questions: all rows are written, and the exit code says whether each was found right."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco

MATH = "math:(x - 1) * (x - 3) = 0"
"""What the scripted model answers is the last number of the question: 1 and 3 are right, all else is wrong."""


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Answer by a script, in an empty directory, with a model named."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", open_scripted)
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", open_scripted)
    monkeypatch.setenv("MARCO_MODEL", "marco-nano")
    monkeypatch.chdir(tmp_path)


def write(name: str, questions: Sequence[str], **fields: object) -> Path:
    """Write a row for each question."""
    path = Path(name)
    path.write_text("".join(f"{json.dumps({'id': text, 'question': text, **fields})}\n" for text in questions))
    return path


def rows_of(path: str) -> list[dict[str, object]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize(
    ("questions", "code", "counted"),
    [
        (["a 1", "b 3"], 0, "checks: 2 verified"),
        (["a 1", "b 2", "c 4"], 3, "checks: 1 verified, 2 refuted"),
        (["a 2"], 3, "checks: 1 refuted"),
    ],
)
def test_a_batch_counts_and_keeps_the_rows_that_no_check_found_right(
    marco: Marco, questions: list[str], code: int, counted: str
) -> None:
    """A row keeps its status and its answer, whatever the check said; without the option the exit code is 0."""
    write("in.jsonl", questions)
    plain = marco("batch", "in.jsonl", "-o", "plain.jsonl", "--check", MATH)
    strict = marco("batch", "in.jsonl", "-o", "out.jsonl", "--check", MATH, "--require-check")

    assert (plain.code, strict.code) == (0, code)
    assert counted in strict.err
    assert counted in plain.err
    rows = rows_of("out.jsonl")
    assert [row["id"] for row in rows] == questions
    assert {row["status"] for row in rows} == {"ok"}
    if code:
        wrong = sum(row["check"]["judgement"] != "right" for row in rows)  # type: ignore[index]
        assert f"{wrong} of {len(rows)} rows have no answer that a check found right" in strict.err


def test_rows_of_an_earlier_run_count(marco: Marco) -> None:
    """When a batch goes on, it is the whole file that is complete or not."""
    write("in.jsonl", ["a 1", "b 2"])
    first = marco("batch", "in.jsonl", "-o", "out.jsonl", "--check", MATH, "--require-check")
    again = marco("batch", "in.jsonl", "-o", "out.jsonl", "--check", MATH, "--require-check", "--resume")
    write("in.jsonl", ["a 1", "b 2", "c 3"])
    longer = marco("batch", "in.jsonl", "-o", "out.jsonl", "--check", MATH, "--require-check", "--resume")

    assert (first.code, again.code, longer.code) == (3, 3, 3)
    assert "1 of 2 rows" in again.err
    assert "1 of 3 rows" in longer.err


def test_a_row_that_failed_was_not_found_right(marco: Marco) -> None:
    """It is told as what it is, a failure, which can be tried again."""
    write("in.jsonl", ["a 1", ""])
    run = marco("batch", "in.jsonl", "-o", "out.jsonl", "--check", MATH, "--require-check")

    assert run.code == 3
    assert "1 of 2 rows failed" in run.err
    assert len(rows_of("out.jsonl")) == 2


@pytest.mark.parametrize(("check", "code"), [(MATH, 0), ("math:x = 7", 3)])
def test_rows_may_bring_their_own_checks(marco: Marco, check: str, code: int) -> None:
    """Of a file and of a stream; there is none for the run."""
    path = write("in.jsonl", ["a 1"], check=check)
    run = marco("batch", path, "-o", "out.jsonl", "--require-check")
    piped = marco("batch", "-", "--require-check", stdin=path.read_bytes())

    assert (run.code, piped.code) == (code, code)
    assert json.loads(piped.out)["status"] == "ok"


def test_a_batch_without_any_check_is_refused(marco: Marco) -> None:
    """Before anything is answered, not after hours."""
    write("in.jsonl", ["a 1"])
    run = marco("batch", "in.jsonl", "-o", "out.jsonl", "--require-check")

    assert run.code == 2
    assert "has no check to wait for" in run.err
    assert not Path("out.jsonl").exists()


@pytest.mark.parametrize(("questions", "code"), [(["a 1", "b 3"], 0), (["a 1", "b 2"], 3)])
def test_an_evaluation_reports_and_then_says_what_was_not_verified(
    marco: Marco, questions: list[str], code: int
) -> None:
    """The report is printed and kept either way."""
    write("set.jsonl", questions, target="1")
    arguments = ("eval", "jsonl", "--data", "set.jsonl", "--strategy", "cot,vote@2", "--check", MATH)
    plain = marco(*arguments)
    strict = marco(*arguments, "--require-check", "-o", "run")

    assert (plain.code, strict.code) == (0, code)
    assert all(label in strict.out and label in plain.out for label in ("cot", "vote@2"))
    assert len(rows_of("run/rows.jsonl")) == 4
    assert Path("run/report.html").exists()
    if code:
        assert "2 of 4 rows have no answer that a check found right" in strict.err


@pytest.mark.parametrize("more", [(), ("--strategy", f"cot,vote@2+check={MATH}")])
def test_an_evaluation_without_a_check_in_every_variant_is_refused(marco: Marco, more: tuple[str, ...]) -> None:
    """It could not come out complete."""
    write("set.jsonl", ["a 1"], target="1")
    run = marco("eval", "jsonl", "--data", "set.jsonl", "--require-check", *more)

    assert run.code == 2
    assert "has no check to wait for" in run.err

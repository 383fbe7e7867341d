"""What `marco eval` does to the files it is given, and when."""

from pathlib import Path

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco

from marco_cli.trace.record import Trace

SMALL = ("eval", "nano", "--limit", "3", "--strategy", "cot")


@pytest.fixture
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer by a script."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", open_scripted)


@pytest.mark.parametrize(
    "name",
    [
        "run/rows.jsonl", "run/rows.jsonl.meta.json", "run/summary.json", "run/table.md", "run/../run/report.html",
        "own.jsonl",
    ],
)  # fmt: skip
def test_traces_go_to_a_file_of_their_own(marco: Marco, tmp_path: Path, name: str) -> None:
    """A file of traces that is one of the run's own or the data set is refused before a model is sought."""
    options = ("-o", tmp_path / "run", "--data", tmp_path / "own.jsonl", "--model", "no-such-model")
    run = marco("eval", "nano", *options, "--traces", tmp_path / name)

    assert run.code == 2
    assert "--traces" in run.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["absent/traces.jsonl", "folder"])
def test_traces_without_a_place_are_refused_before_a_row(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A file of traces that cannot be added to ends the run before the model is loaded; old rows stay as they are."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", None)
    (tmp_path / "folder").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rows.jsonl").write_text("old")
    run = marco(*SMALL, "-o", tmp_path / "run", "--overwrite", "--traces", tmp_path / name)

    assert run.code == 7
    assert "--traces" in run.err
    assert (tmp_path / "run" / "rows.jsonl").read_text() == "old"


@pytest.mark.usefixtures("_scripted")
def test_a_trace_that_cannot_be_kept_costs_no_row(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows and reports are there, and the loss is said once, also with --quiet."""

    def fail(_trace: Trace, _path: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr("marco_cli.commands._trace_file.append", fail)
    run = marco(*SMALL, "-o", tmp_path / "run", "--traces", tmp_path / "traces.jsonl", "-q")

    assert run.code == 0, run.err
    assert (tmp_path / "run" / "rows.jsonl").read_bytes().count(b"\n") == 3
    assert (tmp_path / "run" / "report.html").exists()
    assert run.err.count("no more traces are kept") == 1

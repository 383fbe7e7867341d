"""The evidence of an evaluation, as data to train on: kept after its row, once, and never at a row's cost."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from evals.examples import ITEMS, ask_all
from exported import exported, read

from marco_cli.batch.journal import Journal
from marco_cli.commands._trace_file import TraceFile
from marco_cli.errors import StorageError
from marco_cli.evals import runner
from marco_cli.evals.runner import ROWS_FILE, read_outcomes
from marco_cli.trace.filter import parse
from marco_cli.trace.record import Trace
from marco_cli.trace.store import append, entries, load

FEW = ITEMS[:4]


class Keeper:
    """Keeps traces in a file and notes which rows were on the disk when each came."""

    def __init__(self, directory: Path, *, dies_at: int | None = None) -> None:
        self.file = directory / "traces.jsonl"
        self.rows_before: list[list[str]] = []
        self.errors: list[Exception] = []
        self._directory = directory
        self._dies_at = dies_at

    async def save(self, trace: Trace) -> None:
        """Keep a trace, or die of it."""
        if len(self.rows_before) == self._dies_at:
            raise asyncio.CancelledError
        self.rows_before.append([row.item.id for row in read_outcomes(self._directory / ROWS_FILE)])
        append(trace, self.file)

    def lose(self, error: Exception) -> None:
        """Note an error."""
        self.errors.append(error)


def kept(file: Path) -> list[Trace]:
    """Return the traces of a file, the first one first."""
    skipped: list[object] = []
    traces = [load(entry) for entry in entries(file, skipped.append)]
    assert not skipped
    return traces[::-1]


def test_an_evaluation_is_something_one_could_fine_tune_on(tmp_path: Path) -> None:
    """Each answer can leave a trace with its item and target; the right ones, filtered, become chats."""
    keeper = Keeper(tmp_path)
    ask_all(tmp_path, "vote@4", items=FEW, traces=keeper)
    traces = kept(keeper.file)
    right = [trace for trace in traces if parse("source == 'eval' and answer == target").fits(trace)]
    rows = [row for export in exported("sft", right) for row in read(export)]

    assert {trace.item for trace in traces} == {item.id for item in FEW}
    assert {trace.target for trace in traces} == {item.target for item in FEW}
    assert len(rows) == len(right) > 0
    assert all(row["trace"]["correct"] == "yes" for row in rows)
    assert all(row["messages"][-1]["content"].endswith("</Output>") for row in rows)


def test_a_trace_comes_after_its_row(tmp_path: Path) -> None:
    """When a trace is handed over, its row is on the disk, and the row of the next trace is not."""
    keeper = Keeper(tmp_path)
    ask_all(tmp_path, "cot", items=FEW, traces=keeper)
    ids = [item.id for item in FEW]

    assert [trace.item for trace in kept(keeper.file)] == ids
    assert keeper.rows_before == [ids[: count + 1] for count in range(len(ids))]


def test_going_on_after_a_crash_keeps_no_trace_twice(tmp_path: Path) -> None:
    """Between a row and its trace, the crash costs that trace; the other rows have one each."""
    first, second = Keeper(tmp_path, dies_at=2), Keeper(tmp_path)
    with pytest.raises(asyncio.CancelledError):
        ask_all(tmp_path, "cot", items=FEW, traces=first)
    ask_all(tmp_path, "cot", items=FEW, traces=second)
    rows = [json.loads(line)["item"]["id"] for line in (tmp_path / ROWS_FILE).read_text().splitlines()]

    assert rows == [item.id for item in FEW]
    assert [trace.item for trace in kept(first.file)] == ["sum-1", "sum-2", "sum-4"]


def test_a_row_that_is_not_written_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a full disk and going on, each row has one trace."""
    journal_append, count, keeper = Journal.append, iter(range(4)), Keeper(tmp_path)

    def fill(self: Journal, row: bytes) -> None:
        if next(count) == 2:
            raise StorageError("the disk is full")
        journal_append(self, row)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", fill)
        with pytest.raises(StorageError):
            ask_all(tmp_path, "cot", items=FEW, traces=keeper)
    ask_all(tmp_path, "cot", items=FEW, traces=keeper)

    assert Counter(trace.item for trace in kept(keeper.file)) == {item.id: 1 for item in FEW}


def test_a_trace_that_cannot_be_made_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keeper hears why, and every row is there."""
    error = ValueError("broken")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(runner, "from_result", fail)
    keeper = Keeper(tmp_path)

    assert len(ask_all(tmp_path, "cot", items=FEW, traces=keeper)) == len(FEW)
    assert keeper.errors == [error] * len(FEW)
    assert not keeper.file.exists()


def test_a_trace_that_cannot_be_written_costs_no_row(tmp_path: Path) -> None:
    """The file of traces becomes a directory in the middle: that is said once, and every row is there."""
    said: list[str] = []
    traces = TraceFile(tmp_path / "traces.jsonl", said.append)
    (tmp_path / "traces.jsonl").unlink()
    (tmp_path / "traces.jsonl").mkdir()

    assert len(ask_all(tmp_path, "cot", items=FEW, traces=traces)) == len(FEW)
    assert len(said) == 1
    assert said[0].startswith("marco: no more traces are kept: cannot write to ")


def test_traces_are_made_only_where_they_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for them, nothing is spent on traces."""
    made: list[object] = []
    monkeypatch.setattr(runner, "from_result", lambda *_, **__: made.append(1))
    ask_all(tmp_path, "cot", items=FEW)

    assert not made

"""The evidence of an evaluation, as data to train on."""

import asyncio
from pathlib import Path

from evals.examples import ITEMS, adding_script, variants
from exported import exported, read
from traced import scripted_solver

from marco_cli.evals.runner import ask, jobs
from marco_cli.trace.filter import parse
from marco_cli.trace.record import Trace
from marco_cli.trace.store import append, entries, load


def test_an_evaluation_is_something_one_could_fine_tune_on(tmp_path: Path) -> None:
    """Each answer can leave a trace with its item and target; the right ones, filtered, become chats."""
    file = tmp_path / "traces.jsonl"

    async def work() -> None:
        solver = scripted_solver(adding_script)
        try:
            for job in jobs(ITEMS[:3], variants("vote@4")):
                await ask(job, solver, lambda trace: append(trace, file))
        finally:
            await solver.close()

    asyncio.run(work())
    skipped: list[object] = []
    traces: list[Trace] = [load(entry) for entry in entries(file, skipped.append)]
    right = [trace for trace in traces if parse("source == 'eval' and answer == target").fits(trace)]
    rows = [row for export in exported("sft", right) for row in read(export)]

    assert not skipped
    assert {trace.item for trace in traces} == {item.id for item in ITEMS[:3]}
    assert {trace.target for trace in traces} == {item.target for item in ITEMS[:3]}
    assert len(rows) == len(right) > 0
    assert all(row["trace"]["correct"] == "yes" for row in rows)
    assert all(row["messages"][-1]["content"].endswith("</Output>") for row in rows)

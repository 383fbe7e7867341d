"""Any lines at all: nothing but rows comes out, and every good row is answered.

MARCO_TEST_FUZZ_LINES=10000 makes it long.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from batch.any_lines import LINES_AN_EXAMPLE, inputs
from batch.scripted_solver import script
from hypothesis import HealthCheck, given, settings

from marco_cli.batch.answering import Answerer, RowSettings
from marco_cli.batch.lines import Line
from marco_cli.batch.record import read_entry
from marco_cli.batch.rows import Layout
from marco_cli.batch.runner import run_rows, stream_rows
from marco_cli.batch.tally import Tally
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import scripted_engine
from marco_cli.models import locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

LINES = int(os.environ.get("MARCO_TEST_FUZZ_LINES", "400"))


def answered(lines: list[bytes]) -> tuple[list[dict[str, Any]], Tally]:
    """Put lines through a run and return its output."""
    out: list[bytes] = []
    tally = Tally()

    async def stream() -> AsyncIterator[Line]:
        for number, line in enumerate(lines, 1):
            data = line.rstrip(b"\r\n")
            if data.removeprefix(b"\xef\xbb\xbf").strip():
                yield Line(number, data)

    async def main() -> None:
        base = Settings(preset="generic", max_tokens=32)
        model = locate("marco-nano")
        solver = Solver(engine=scripted_engine(script, context_size=512), plan=search_plan(base), model=model)
        answerer = Answerer(solver, RowSettings(base, lambda name: Settings(preset=name, max_tokens=32)))
        try:
            rows = stream_rows(stream(), Layout(), {}, tally, {})
            assert await run_rows(rows, answerer=answerer, write=out.append, tally=tally, parallel=8)
        finally:
            await solver.close()

    asyncio.run(main())
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in out)
    return [json.loads(line) for line in out], tally


@settings(
    max_examples=max(1, 2 * LINES // LINES_AN_EXAMPLE),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(inputs)
def test_any_input_gives_a_row_a_line_and_no_good_row_is_lost(lines: list[tuple[bool, bytes]]) -> None:
    """In order, each id once, good rows answered, the others told what is wrong, never as a bug of ours."""
    rows, tally = answered([line for _, line in lines])
    numbers = [n for n, (_, line) in enumerate(lines, 1) if line.removeprefix(b"\xef\xbb\xbf").strip()]
    by_line = {row["line"]: row for row in rows}

    assert [row["line"] for row in rows] == numbers
    assert len({read_entry(row).key for row in rows}) == len(rows)
    assert {row["status"] for row in rows} <= {"ok", "error", "no_output"}
    assert not [row["error"] for row in rows if row["error"] and row["error"]["type"] == "internal"]
    assert tally.num_failed == sum(row["status"] != "ok" for row in rows)
    for number, (is_good, line) in enumerate(lines, 1):
        if is_good and b"MUTE" not in line:
            assert by_line[number]["status"] == "ok", by_line[number]["error"]
            assert by_line[number]["id"] == f"line-{number}"

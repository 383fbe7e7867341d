"""Checks that rows of a batch ask for: a row is from anyone, and runs nothing that the user has not named."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from batch.scripted_solver import script

from marco_cli.batch.answering import Answerer, RowSettings
from marco_cli.batch.lines import Line
from marco_cli.batch.rows import BadRow, BatchRow, Layout, read_row
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, Script, scripted_engine
from marco_cli.models import locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver


def read(fields: dict[str, Any]) -> BatchRow | BadRow:
    """Read a row as it stands in a file."""
    return read_row(Line(number=1, data=json.dumps(fields).encode()), Layout())


def answered(fields: dict[str, Any], *, named: tuple[str, ...] = (), model: Script = script) -> dict[str, Any]:
    """Return the output row of an input row, in a run with these checks."""
    settings = Settings(preset="generic", effort="none", max_tokens=64, check=named)

    async def work() -> bytes:
        engine = scripted_engine(model)
        solver = Solver(engine=engine, plan=search_plan(settings), model=locate("marco-nano"))
        try:
            return (await Answerer(solver, RowSettings(settings, lambda _: settings)).answer(read(fields))).data
        finally:
            await solver.close()

    document: dict[str, Any] = json.loads(asyncio.run(work()))
    return document


@pytest.mark.parametrize(
    ("check", "judgement"),
    [("math:42", "right"), ("math:x - 2 = 40", "right"), ("math:43", "wrong"), (["math:42"], "right")],
)
def test_a_row_may_ask_for_mathematics(check: Any, judgement: str) -> None:
    """A formula is worked out within the program: anyone may ask for it. The output row says what came of it."""
    row = answered({"question": "What is 42?", "check": check})

    assert (row["status"], row["check"]["judgement"]) == ("ok", judgement)
    assert row["search"]["stop_reason"] == ("verified" if judgement == "right" else "finished")


CODE = "def f(x):\n    return x + 1\n"


def coder(text: str) -> dict[str, float]:
    """Return a model that answers with code."""
    prompt, _, reply = text.rpartition("<|im_start|>assistant\n")
    return {f"```python\n{CODE}```{END}": 1.0} if prompt and not reply else {}


@pytest.mark.parametrize(
    ("tests", "judgement"),
    [
        ("assert f(1) == 2", "right"),
        (["assert f(1) == 2", "assert f(2) == 9"], "wrong"),
        (None, "unknown"),
        ("f(", "unknown"),
    ],
)
def test_a_row_may_bring_tests(tests: Any, judgement: str) -> None:
    """`tests` of a row are run in the interpreter without a way out; without tests there is nothing to judge by."""
    pytest.importorskip("pydantic_monty")
    row = answered({"question": "Write f.", "check": "python", "tests": tests}, model=coder)

    assert (row["status"], row["check"]["judgement"]) == ("ok", judgement)


@pytest.mark.parametrize(
    "check",
    ["command:touch {mark}", "command:/bin/true", "python3", "python3:{mark}", "python:{mark}", ["math:1", "command:touch {mark}"], "COMMAND:x",
     "command", "shell:rm", "", "math:", "math:(((", "python:assert True"],
)  # fmt: skip
def test_a_row_runs_nothing_that_was_not_named(check: Any, tmp_path: Path) -> None:
    """A row that asks for a program, or for a file, is an error row, and nothing was run or read."""
    mark = tmp_path / "mark"
    texts = [check] if isinstance(check, str) else check
    row = answered({"question": "What is 1?", "check": [text.format(mark=mark) for text in texts], "tests": "x = 1"})

    assert row["status"] == "error"
    assert row["error"]["type"] == "config"
    assert "\n" not in row["error"]["message"]
    assert not mark.exists()


def test_what_the_user_has_named_is_run(tmp_path: Path) -> None:
    """A check of the command line judges all rows, those that name it and those that do not."""
    program = tmp_path / "check.sh"
    program.write_text('#!/bin/sh\ngrep -q \'"tests":"T"\'\n')
    program.chmod(0o755)
    named = (f"command:{program}",)

    for fields in ({}, {"check": named[0]}, {"check": ["math:42", named[0]]}):
        row = answered({"question": "What is 42?", "tests": "T", **fields}, named=named)
        assert (row["status"], row["check"]["judgement"]) == ("ok", "right")
    assert answered({"question": "What is 42?"}, named=named)["check"]["judgement"] == "wrong"


@pytest.mark.parametrize("tests", [7, {"a": 1}, [1], True])
def test_tests_are_texts(tests: Any) -> None:
    """Anything else is a row that cannot be used."""
    assert isinstance(read({"question": "?", "tests": tests}), BadRow)


def test_tests_are_no_unused_field() -> None:
    """`check` and `tests` are honoured, so nothing is said of them."""
    row = read({"question": "?", "tests": "x", "check": "math:1"})

    assert isinstance(row, BatchRow)
    assert row.unused == ()

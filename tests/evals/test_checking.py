"""The scorer `check` and the data sets of code."""

import json
from pathlib import Path

import pytest
from conftest import load_script

from marco_cli.errors import InputError
from marco_cli.evals.base import Item, Selection
from marco_cli.evals.scoring import check_target, grade
from marco_cli.evals.selection import load_items

pytest.importorskip("pydantic_monty")

problems = load_script("code_problems")
SETS = {"code": problems.NUMBERS, "code-text": problems.TEXTS}


@pytest.mark.parametrize("name", SETS)
def test_the_files_are_what_the_script_writes(name: str) -> None:
    """A change of a problem comes with `python benchmarks/code_problems.py` in the same commit."""
    group = "numbers and lists" if name == "code" else "texts"
    rows = [json.loads(line) for line in (problems.SETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]

    assert rows == list(problems.rows(SETS[name], group))


@pytest.mark.parametrize("name", SETS)
def test_solutions_are_right_and_other_functions_are_not(name: str) -> None:
    """Each of the 26 solutions passes its tests, seen and hidden; the function that returns nothing passes none."""
    items = load_items(name, Selection()).items
    sources = {problem.signature.partition("(")[0]: problem for problem in SETS[name]}

    assert len(items) == 26
    for item in items:
        function = item.id.replace("-", "_")
        source = _source(sources[function].solution, function)
        assert grade(f"```python\n{source}```", item).verdict == "right", item.id
        assert grade(f"```python\ndef {function}(*args):\n    return None\n```", item).verdict == "wrong", item.id
        assert item.tests
        assert item.tests in item.target
        assert item.target != f"python:{item.tests}"


def _source(solution: object, name: str) -> str:
    import inspect

    assert inspect.isfunction(solution)
    return f"from typing import Any\n{inspect.getsource(solution)}\n{name} = {solution.__name__}\n"


@pytest.mark.parametrize(
    ("text", "target", "verdict"),
    [
        ("```python\ndef f(x):\n    return x\n```", "python:assert f(1) == 1", "right"),
        ("```python\ndef f(x):\n    return 2\n```", "python:assert f(1) == 1", "wrong"),
        ("I cannot.", "python:assert f(1) == 1", "wrong"),
        ("", "python:assert f(1) == 1", "no_answer"),
        ("The answer is 2.", "math:x**2 = 4", "right"),
        ("The answer is 3.", "math:x**2 = 4", "wrong"),
        ("It is blue.", "math:x**2 = 4", "no_answer"),
    ],
)
def test_texts_are_scored_by_the_check(text: str, target: str, verdict: str) -> None:
    """Right and wrong are the check's; what it cannot judge counts as no answer."""
    assert grade(text, Item(id="1", question="?", target=target, scorer="check")).verdict == verdict


@pytest.mark.parametrize(
    "target", ["", "42", "command:/bin/true", "python3:x", "python:", "math:", "math:((", "perl:x"]
)
def test_a_target_that_checks_nothing_is_refused(target: str) -> None:
    """A file from anywhere names no programs, and a typing error is told before anything is asked."""
    with pytest.raises(InputError):
        check_target(Item(id="1", question="?", target=target, scorer="check"), where="line 1")


def test_rows_of_your_own(tmp_path: Path) -> None:
    """A row with `tests` is scored by them and by `hidden` ones, and a search's check sees the first alone."""
    path = tmp_path / "mine.jsonl"
    rows = [
        {"question": "Write f.", "tests": ["assert f(1) == 1"], "hidden": "assert f(2) == 2"},
        {"question": "Solve x^2 = 4.", "scorer": "check", "check": "math:x^2 = 4"},
        {"question": "What is 6 * 7?", "target": "42"},
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    code, equation, plain = load_items("jsonl", Selection(data=path)).items

    assert (code.scorer, code.tests, code.target) == (
        "check",
        "assert f(1) == 1",
        "python:assert f(1) == 1\nassert f(2) == 2",
    )
    assert (equation.scorer, equation.tests, equation.target) == ("check", "", "math:x^2 = 4")
    assert (plain.scorer, plain.tests) == ("exact", "")

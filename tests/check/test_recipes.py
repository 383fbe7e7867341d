"""The recipes of docs/checks.md, run as they stand there: what they find right, wrong, and beyond them."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from marco_cli.answer import extract
from marco_cli.check.base import Submission
from marco_cli.check.command import open_command

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
RECIPES = re.findall(r"^```sh\n(#!/bin/sh\n.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
CONSTRAINTS = "(declare-const x Real)\n(assert (> x 0))\n(assert (= (* 4 x x) 1))\n"
Z3 = """#!/bin/sh
case $(tail -n 1) in
"(assert (= x 0.5))(check-sat)" | "(assert (= x (/ 1 2)))(check-sat)") echo sat ;;
"(assert (= x "[0-9.-]*"))(check-sat)") echo unsat ;;
*) echo '(error "line 4: unknown constant")'; echo sat ;;
esac
"""
LEAN = """#!/bin/sh
grep -q "^example" "$1" && grep -q "by decide" "$1"
"""

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="the recipes read JSON with jq")


def judged(number: int, output: str, argument: str, folder: Path) -> str:
    """Return what a recipe says of a reply."""
    script = folder / "recipe.sh"
    script.write_text(RECIPES[number])
    script.chmod(0o755)
    check = open_command(f"{script} {argument}")
    submission = Submission(
        question="q", output=output, thought="", answer=extract(output, question="q"), number=0, tests=""
    )
    return asyncio.run(check.check(submission)).judgement


def provide(folder: Path, name: str, script: str) -> str:
    """Put a program on a path of its own, before all others."""
    program = folder / "bin" / name
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    return os.pathsep.join([str(program.parent), os.environ["PATH"]])


def test_the_page_has_three_recipes() -> None:
    """A prime, z3 and Lean: another one needs a test here."""
    assert [re.findall(r"factor|z3|lean", recipe)[0] for recipe in RECIPES] == ["factor", "z3", "lean"]


@pytest.mark.parametrize(
    ("output", "judgement"),
    [("The answer is 31.", "right"), ("The answer is 33.", "wrong"), ("It depends on many things", "unknown")],
)
def test_a_prime(output: str, judgement: str, tmp_path: Path) -> None:
    """What is no number is beyond it."""
    assert judged(0, output, "", tmp_path) == judgement


@pytest.mark.parametrize("is_real", [False, True])
@pytest.mark.parametrize(
    ("output", "judgement"),
    [
        ("The answer is 0.5.", "right"),
        ("The answer is 1/2.", "right"),
        ("The answer is -0.5.", "wrong"),
        ("The answer is 31.", "wrong"),
        ("It depends on many things", "unknown"),
    ],
)
def test_constraints(
    is_real: bool, output: str, judgement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that z3 cannot read is not called right, although z3 says sat behind its error."""
    if is_real and shutil.which("z3") is None:
        pytest.skip("z3 is not installed")
    if not is_real:
        monkeypatch.setenv("PATH", provide(tmp_path, "z3", Z3))
    (tmp_path / "constraints.smt2").write_text(CONSTRAINTS)

    assert judged(1, output, str(tmp_path / "constraints.smt2"), tmp_path) == judgement


@pytest.mark.parametrize(
    ("proof", "judgement"),
    [
        ("theorem solution : 2 + 2 = 4 := by decide", "right"),
        ("theorem solution : 2 + 2 = 4 := by simp", "wrong"),
        ("theorem solution : 2 + 2 = 4 := by decide\n  sorry", "wrong"),
        ("axiom solution : 2 + 2 = 4 -- by decide", "wrong"),
    ],
)
def test_a_proof(proof: str, judgement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for lean, which finds the proof and the goal in one file."""
    monkeypatch.setenv("PATH", provide(tmp_path, "lean", LEAN))
    (tmp_path / "goal.lean").write_text("example : 2 + 2 = 4 := solution\n")

    assert judged(2, f"So:\n```lean\n{proof}\n```\nDone.", str(tmp_path / "goal.lean"), tmp_path) == judgement


@pytest.mark.parametrize(("number", "tool"), [(0, "factor"), (1, "z3"), (2, "lean")])
def test_a_tool_that_is_missing_refutes_nothing(
    number: int, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot judge."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "cat", "jq", "sed", "grep"):
        (tools / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tools))
    (tmp_path / "argument").write_text("x")

    assert shutil.which(tool) is None
    assert judged(number, "The answer is 31.", str(tmp_path / "argument"), tmp_path) == "unknown"

"""`--check equations`: false arithmetic refutes a reply, and true arithmetic proves no answer."""

import asyncio

import pytest

from marco_cli.check.base import Submission
from marco_cli.check.panel import allowed, open_check
from marco_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("thought", "output", "judgement"),
    [
        ("12 + 30 = 42", "The answer is 42.", "unknown"),
        ("", "It depends.", "unknown"),
        ("12 + 30 = 43", "The answer is 43.", "wrong"),
        ("", "12 + 30 = 43, so 43.", "wrong"),
        ("12 + 30 = 43. No: 12 + 30 = 42.", "The answer is 42.", "unknown"),
    ],
)
def test_what_a_reply_works_out_must_hold(thought: str, output: str, judgement: str) -> None:
    """In thought and output; a slip that is put right later counts for nothing."""
    verdict = asyncio.run(open_check("equations").check(Submission(question="q", thought=thought, output=output)))

    assert verdict.judgement == judgement
    assert ("does not hold" in verdict.why) == (judgement == "wrong")


def test_replies_with_the_same_answer_are_judged_each() -> None:
    """Another thought may be sound."""
    check = open_check("equations")

    assert check.key(Submission(question="q", thought="a", output="42")) != check.key(
        Submission(question="q", thought="b", output="42")
    )


def test_a_row_may_ask_for_it() -> None:
    """It starts nothing and reads nothing."""
    assert allowed(["equations"], named=()) == ("equations",)


def test_nothing_stands_behind_its_name() -> None:
    """One line."""
    with pytest.raises(ConfigError, match="takes nothing behind its name, got '12'"):
        open_check("equations:12")

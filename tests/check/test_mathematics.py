"""`math:` checks: expressions to equal, relations to satisfy."""

import asyncio

import pytest

from marco_cli.answer import extract
from marco_cli.check.base import Submission
from marco_cli.check.mathematics import open_math
from marco_cli.errors import ConfigError


def judgement(expression: str, output: str) -> str:
    """Return what the check says of a reply."""
    submission = Submission(question="", output=output, answer=extract(output))
    return asyncio.run(open_math(expression).check(submission)).judgement


@pytest.mark.parametrize(
    ("expression", "answer", "expected"),
    [
        ("42", "42", "right"), ("42", "43", "wrong"), ("6 * 7", "42", "right"), ("2**10", "1024", "right"), ("2^10", "1023", "wrong"),
        ("sqrt(2)/2", "1/sqrt(2)", "right"), (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", "right"), ("pi/4", "3/4", "wrong"),
        ("1/3", "0.333", "wrong"), ("1/3", r"\frac{2}{6}", "right"), ("0.5", "50%", "wrong"), ("x + x", "2x", "right"), ("(x+1)^2", "x^2+2x+1", "right"),
        ("x**2 = 4", "2", "right"), ("x**2 = 4", "-2", "right"), ("x**2 = 4", "3", "wrong"), ("x^2=4", "x = 2", "right"),
        ("x**2 = 4", "x = 2 or x = -2", "right"), ("x**2 = 4", "2, -2", "right"), ("x**2 = 4", "2, 3", "wrong"), ("x**2 == 4", "2", "right"),
        ("x**2 = 2", r"\sqrt{2}", "right"), ("x**2 + 1 = 0", "i", "right"), ("x + y = 5, x - y = 1", "x = 3, y = 2", "right"),
        ("x + y = 5, x - y = 1", "x = 2, y = 3", "wrong"), ("x > 3", "5", "right"), ("x > 3", "3", "wrong"), ("x >= 3", "3", "right"),
        ("1/x = 0", "0", "unknown"), ("x**x = 5", "10^400", "unknown"), ("x + y = 5", "3", "unknown"), ("x**2 = 4", "blue", "unknown"),
    ],
)  # fmt: skip
def test_answers_are_worked_out(expression: str, answer: str, expected: str) -> None:
    """Equality is exact, an equation is satisfied or not, and what cannot be put into it is not judged."""
    assert judgement(expression, rf"The answer is $\boxed{{{answer}}}$.") == expected


def test_without_an_answer_nothing_is_judged() -> None:
    """A reply from which no answer can be read is neither right nor wrong."""
    assert judgement("42", "") == "unknown"


@pytest.mark.parametrize(
    "expression", ["", "(((", "x = ", "= 3", "2 +* 3", "9" * 2000, "import os", "((" * 500 + "1" + "))" * 500]
)
def test_what_is_no_formula_is_refused(expression: str) -> None:
    """A slip is an option that cannot be used, in one line."""
    with pytest.raises(ConfigError) as caught:
        open_math(expression)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("expression", ["x = 9^(9^(9^9))", "x = 10000000!", "x^(10^9) = 2"])
def test_nothing_large_is_begun(expression: str) -> None:
    """What cannot be worked out in bounded time is not judged right."""
    assert judgement(expression, "The answer is 2.") != "right"

"""The tests of a `python` check: where they come from, and what of them is run.

In: a file, or what a row holds. Out: a source whose assertions are the tests. Functions called `test_…` without arguments are called, as
test runners call them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from marco_cli.check.base import Verdict
from marco_cli.check.tampering import parses
from marco_cli.errors import ConfigError, quoted

MOST_TESTS: Final = 100_000
"""Bytes of a file of tests."""


def read_tests(argument: str) -> str:
    """Return the tests that a file holds; "" without a file.

    Raises:
        ConfigError: it cannot be read, or holds no tests.

    """
    if not argument:
        return ""
    try:
        data = Path(argument).read_bytes()
    except OSError as error:
        raise ConfigError(f"the tests {quoted(argument)} cannot be read: {error.strerror}") from error
    if len(data) > MOST_TESTS:
        raise ConfigError(f"the tests {quoted(argument)} have {len(data)} bytes, expected {MOST_TESTS} at most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the tests {quoted(argument)} are not UTF-8") from error
    if not text.strip() or not parses(text):
        what = "are not Python" if text.strip() else "are empty"
        raise ConfigError(f"the tests {quoted(argument)} {what}", hint="write assertions: assert add(1, 2) == 3")
    return text


def asked_for(kind: str, tests: str, code: str) -> tuple[str, Verdict | None]:
    """Return the tests to run, or the verdict where there is nothing to run."""
    if not tests.strip():
        trouble = f"the check {kind} has no tests: name a file, {kind}:tests.py, or give rows the key tests"
        return "", Verdict(judgement="unknown", trouble=trouble)
    if len(tests) > MOST_TESTS or not parses(tests):
        return "", Verdict(
            judgement="unknown", trouble=f"the tests of the check {kind} are not Python: they judge nothing"
        )
    if not code:
        return "", Verdict(judgement="wrong", why="there is no code in the reply")
    return "\n".join((tests, *_calls(tests))), None


def _calls(tests: str) -> Iterator[str]:
    for statement in ast.parse(tests).body:
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
            arguments = statement.args
            if not arguments.posonlyargs and len(arguments.args) == len(arguments.defaults):
                yield f"{statement.name}()"

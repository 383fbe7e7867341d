"""The tests of a `python` check: where they come from, and what of them is run.

In: a file, or what a row holds. Out: a source whose assertions are the tests. Functions called `test_…` without arguments are called, as
test runners call them. Tests that would assert nothing when they are run so are refused: any code would pass them.
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
    fault = _fault(text)
    if fault:
        raise ConfigError(f"the tests {quoted(argument)} {fault}", hint="write assertions: assert add(1, 2) == 3")
    return text


def asked_for(kind: str, tests: str, code: str) -> tuple[str, Verdict | None]:
    """Return the tests to run, or the verdict where there is nothing to run."""
    if not tests.strip():
        trouble = f"the check {kind} has no tests: name a file, {kind}:tests.py, or give rows the key tests"
        return "", Verdict(judgement="unknown", trouble=trouble)
    fault = "are too long" if len(tests) > MOST_TESTS else _fault(tests)
    if fault:
        return "", Verdict(judgement="unknown", trouble=f"the tests of the check {kind} {fault}: they judge nothing")
    if not code:
        return "", Verdict(judgement="wrong", why="there is no code in the reply")
    return "\n".join((tests, *(f"{name}()" for name in _called(ast.parse(tests))))), None


def _fault(tests: str) -> str:
    """Return what is wrong with tests, as the end of "the tests …"; "" if nothing is."""
    if not tests.strip():
        return "are empty"
    if not parses(tests):
        return "are not Python"
    return "" if _asserts(ast.parse(tests)) else "assert nothing when they are run"


def _called(tree: ast.Module) -> Iterator[str]:
    """Yield the functions that are called behind the tests, as test runners call them."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
            needed = statement.args
            is_free = len(needed.posonlyargs + needed.args) == len(needed.defaults) and None not in needed.kw_defaults
            if is_free:
                yield statement.name


def _asserts(tree: ast.Module) -> bool:
    """Say whether something that can fail is reached: an assertion, or what raises or asserts by another name.

    Functions and classes are reached by the statements that name them. So are their methods.
    """
    defined: dict[str, list[ast.stmt]] = {}
    reached: list[ast.AST] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.setdefault(statement.name, []).append(statement)
        elif not _is_main(statement):
            reached.append(statement)
    for name in _called(tree):
        reached += defined.pop(name, ())
    while reached:
        for node in ast.walk(reached.pop()):
            if _can_fail(node):
                return True
            if isinstance(node, ast.Name):
                reached += defined.pop(node.id, ())
    return False


def _can_fail(node: ast.AST) -> bool:
    match node:
        case ast.Assert(test=ast.Constant() | ast.Tuple(elts=[_, *_])):  # holds whatever the code does
            return False
        case ast.Assert() | ast.Raise():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.startswith("assert")
        case _:
            return False


def _is_main(statement: ast.stmt) -> bool:
    """Say whether a statement is run in programs alone: `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )

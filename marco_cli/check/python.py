"""`python:`, a check that runs the code of a reply with tests.

In: the tests, of a file or of the row that asks. The code runs in `pydantic-monty`, an interpreter of a subset of Python without files,
network or other programs, in processes that stay open between checks. An assertion that fails is wrong, and so is code that does not
run; what the subset lacks cannot be judged. Out: right only if the tests ran to their end and the code left its judge alone.
"""

import builtins
import importlib
import re
from collections.abc import Hashable
from typing import Final

from marco_cli.check.base import Submission, Verdict, reason
from marco_cli.check.code import as_module, code_of
from marco_cli.check.limits import Limits
from marco_cli.check.monty import SYNTAX_ERROR, Monty
from marco_cli.check.tampering import MODULES, parses, suspicion
from marco_cli.check.tests import asked_for, read_tests

LIMITS: Final = Limits(seconds=5.0, memory=256 << 20)
_TOO_MUCH: Final = "the check python judges no code that needs more than its subset of Python: --check python3 does"
_LACKING: Final = re.compile(
    r"ModuleNotFoundError|NotImplementedError|not (?:yet )?(?:supported|implemented)|Internal error in monty"
    r"|'list' object is not an iterator"  # what a generator expression is there
)
_NO_NAME: Final = re.compile(r"NameError: name '(\w+)' is not defined")
_NO_ATTRIBUTE: Final = re.compile(
    r"AttributeError: (?:type object |module )?'(\w+)'(?: object)? has no attribute '(\w+)'"
)


def open_python(argument: str) -> "PythonCheck":
    """Return the check of `python:FILE`, or of `python` with the tests of the row.

    Raises:
        ConfigError: the tests cannot be read, or the interpreter is not installed.

    """
    return PythonCheck(read_tests(argument), monty=Monty(LIMITS, what="the check python"))


class PythonCheck:
    """Tests in an interpreter without a way out."""

    def __init__(self, tests: str, *, monty: Monty) -> None:
        self._tests = tests
        self._monty = monty

    def key(self, submission: Submission) -> Hashable:
        """Return the code that is judged."""
        return code_of(submission.output)

    async def check(self, submission: Submission) -> Verdict:
        """Run the tests on the code of the reply."""
        code = as_module(code_of(submission.output))
        tests, problem = asked_for("python", self._tests or submission.tests, code)
        if problem is not None:
            return problem
        failure = await self._monty.failure((code, tests))
        return judged(failure, code, tests)

    async def close(self) -> None:
        """End the interpreter's processes."""
        await self._monty.close()


def judged(failure: str | None, code: str, tests: str) -> Verdict:
    """Return what it means that tests failed so, or did not."""
    if failure is None:
        doubt = suspicion(code, tests)
        why = f"the tests pass, but the code {doubt}: that proves nothing"
        return Verdict(judgement="unknown", why=why) if doubt else Verdict(judgement="right", why="the tests pass")
    if _is_lacking(failure) or (failure.startswith(SYNTAX_ERROR) and parses(code) and parses(tests)):
        return Verdict(judgement="unknown", why=reason(failure), trouble=_TOO_MUCH)
    return Verdict(judgement="wrong", why=reason(failure))


def _is_lacking(failure: str) -> bool:
    """Say whether code failed at what Python has and its subset has not."""
    if _LACKING.search(failure):
        return True
    name, attribute = _NO_NAME.search(failure), _NO_ATTRIBUTE.search(failure)
    if attribute is None:
        return name is not None and hasattr(builtins, name[1])
    owner = getattr(builtins, attribute[1], None)
    if owner is None and attribute[1] in MODULES:
        owner = importlib.import_module(attribute[1])
    return hasattr(owner, attribute[2])

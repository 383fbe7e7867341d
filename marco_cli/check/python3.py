"""`python3:`, tests for the code of a reply in the Python that runs marco.

In: as for `python:`. The code runs in the sandbox of commands, shut off from files and network where this machine can do that
(`check.jail`). All of Python is there, and so are all ways to fool a test: what passes but reaches for more than it needs is not
believed (`check.tampering`).
"""

import secrets
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Final

from marco_cli.check.base import Submission, Verdict, reason
from marco_cli.check.code import as_module, code_of
from marco_cli.check.jail import Jail, python_jail
from marco_cli.check.limits import Limits
from marco_cli.check.sandbox import Outcome, run
from marco_cli.check.tampering import suspicion
from marco_cli.check.tests import asked_for, read_tests
from marco_cli.errors import InputError
from marco_cli.jsonl import decode, encode

LIMITS: Final = Limits(processes=4)
_HARNESS: Final = Path(__file__).with_name("harness.py")
_OPEN: Final = (
    "the check python3 cannot shut code off from files and network here, and only limits it: see marco doctor"
)


class Python3Check:
    """Tests in a Python of their own."""

    def __init__(self, tests: str, *, limits: Limits = LIMITS, jail: Jail | None = None) -> None:
        self._tests = tests
        self._limits = limits
        self._jail = python_jail() if jail is None else jail

    def key(self, submission: Submission) -> Hashable:
        """Return the code that is judged."""
        return code_of(submission.output)

    async def check(self, submission: Submission) -> Verdict:
        """Run the tests on the code of the reply."""
        code = as_module(code_of(submission.output))
        tests, problem = asked_for("python3", self._tests or submission.tests, code)
        if problem is not None:
            return problem
        mark = secrets.token_hex(16)
        outcome = await run(
            [sys.executable, "-I", "-B", "-X", "utf8", "harness.py"],
            data=encode({"code": code, "tests": tests, "mark": mark}),
            limits=self._limits,
            jail=self._jail,
            files={"harness.py": _HARNESS.read_bytes()},
        )
        verdict = self._verdict(outcome, mark, code, tests)
        if not self._jail.is_closed and not verdict.trouble:
            return Verdict(judgement=verdict.judgement, why=verdict.why, trouble=_OPEN)
        return verdict

    async def close(self) -> None:
        """Do nothing: each program has ended."""

    def _verdict(self, outcome: Outcome, mark: str, code: str, tests: str) -> Verdict:
        if outcome.limit == "start":
            return Verdict(judgement="unknown", trouble="the check python3 cannot start Python in its sandbox")
        if outcome.limit:
            return Verdict(judgement="wrong", why=f"the code broke a limit: {outcome.limit}")
        try:
            said = decode(outcome.output)
        except InputError:
            said = None
        if not isinstance(said, dict) or said.get("mark") != mark:
            return Verdict(judgement="wrong", why="the code ended the program before its tests did")
        failure = said.get("failure")
        if failure is not None:
            return Verdict(judgement="wrong", why=reason(str(failure)))
        doubt = suspicion(code, tests)
        if doubt:
            return Verdict(judgement="unknown", why=f"the tests pass, but the code {doubt}: that proves nothing")
        return Verdict(judgement="right", why="the tests pass")


def open_python3(argument: str) -> Python3Check:
    """Return the check of `python3:FILE`, or of `python3` with the tests of the row.

    Raises:
        ConfigError: the tests cannot be read.

    """
    return Python3Check(read_tests(argument))

"""Score answers by a check: tests that run, or mathematics that is worked out.

In: a text and an item whose target says how it is checked: `python:` and the tests themselves, or `math:EXPR`. Out: a `Score`. Code that
the interpreter of `--check python` lacks something for is run by Python itself where a sandbox can be closed. What cannot be judged
counts as no answer.
"""

import asyncio
import threading
from functools import cache
from typing import Any

from marco_cli.answer import extract
from marco_cli.check.base import Submission, Verdict
from marco_cli.check.code import code_of
from marco_cli.check.jail import python_jail
from marco_cli.check.panel import open_check
from marco_cli.check.python3 import Python3Check
from marco_cli.errors import ConfigError, InputError
from marco_cli.evals.base import NO_ANSWER, Item, Score, judged

KINDS = ("python", "math")


def check(text: str, item: Item) -> Score:
    """Run the check that the target names."""
    kind, _, argument = item.target.partition(":")
    answer = extract(text, question=item.question, lang=item.lang)
    submission = Submission(question=item.question, output=text, answer=answer, tests=argument)
    verdict = _judge().judge("python" if kind == "python" else item.target, submission)
    if verdict.judgement == "unknown":
        return NO_ANSWER
    shown = code_of(text) if kind == "python" else (answer.canonical if answer else "")
    return judged(shown, is_right=verdict.judgement == "right", rule=f"check {kind}")


def target_of(kind: str, tests: str) -> str:
    """Return the target of an item that is checked: the check itself, or `python:` with its tests."""
    return f"python:{tests}" if kind == "python" else kind


def check_check(target: str, *, where: str) -> None:
    """Refuse a target that names no check.

    Raises:
        InputError: it does not, or its formula or tests cannot be read.
    """
    kind, colon, argument = target.partition(":")
    if kind not in KINDS or not colon or not argument.strip():
        raise InputError(
            f"{where}: no check, expected tests, or math: and a formula",
            hint='write e.g. "tests": "assert add(1, 2) == 3"',
        )
    try:
        open_check("python" if kind == "python" else target)
    except ConfigError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from error


class _Judge:
    """Checks in an event loop of their own: scorers are plain functions, and may be called while another loop runs."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, Any] = {}
        threading.Thread(target=self._loop.run_forever, name="checks", daemon=True).start()

    def judge(self, kind: str, submission: Submission) -> Verdict:
        """Run one check to its end."""
        return asyncio.run_coroutine_threadsafe(self._check(kind, submission), self._loop).result()

    async def _check(self, kind: str, submission: Submission) -> Verdict:
        verifier = self._open.get(kind) or open_check(kind)
        if kind == "python":  # its interpreter stays; formulas are many and cost nothing
            self._open[kind] = verifier
        verdict: Verdict = await verifier.check(submission)
        jail = python_jail()
        if kind == "python" and verdict.judgement == "unknown" and jail.is_closed:
            return await Python3Check("", jail=jail).check(submission)
        return verdict


@cache
def _judge() -> _Judge:
    return _Judge()

"""Checks of finished replies while a search runs.

In: a reply, the `Verifier` of the question, the budget. Out: the reply with its verdict. The first reply that is found right ends
the search; what comes after it is dropped, since how far it got depends on the machine's speed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from marco_cli.check.base import UNKNOWN, Submission, Verdict, Verifier
from marco_cli.search.base import Problem, Reply
from marco_cli.search.budget import Budget

_PATIENCE: Final = 0.05
"""Seconds between two looks at the budget while a check runs."""
_LAST_CHECK: Final = 1.0
"""Seconds that a check may take when the time of the search is up."""


class Verification:
    """The checks of one search."""

    def __init__(
        self, verifier: Verifier | None, problem: Problem, budget: Budget, *, notice: Callable[[str], None]
    ) -> None:
        self._verifier = verifier
        self._problem = problem
        self._budget = budget
        self._notice = notice

    async def judged(self, reply: Reply, *, number: int) -> Reply:
        """Return a reply with what the checks say of it; `number` replies were finished before it."""
        if self._budget.is_verified:
            # Written while the right one was checked: without an output it is neither counted nor checked.
            return replace(reply, is_given_up=True, output="", answer=None)
        if self._verifier is not None and reply.output and reply.verdict is None:
            submission = Submission(
                question=self._problem.question,
                output=reply.output,
                thought=reply.thought,
                answer=reply.answer,
                tests=self._problem.tests,
                number=number,
            )
            verdict = await self._within_limits(asyncio.ensure_future(self._verifier.check(submission)))
            reply = replace(reply, verdict=verdict)
            if verdict.trouble:
                self._notice(verdict.trouble)
        if reply.is_verified:
            self._budget.is_verified = True
        return reply

    def is_late(self, reply: Reply) -> bool:
        """Say whether a reply came after one that a check found right."""
        return self._budget.is_verified and not reply.is_verified

    async def _within_limits(self, check: "asyncio.Future[Verdict]") -> Verdict:
        """Wait for a check no longer than the search may go on, and for `_LAST_CHECK` seconds in any case."""
        begun = self._budget.seconds
        try:
            while not check.done():
                if self._budget.spent() in ("time", "stopped") and self._budget.seconds - begun >= _LAST_CHECK:
                    return UNKNOWN
                await asyncio.wait([check], timeout=_PATIENCE)  # which, unlike wait_for, does not cancel it
            return check.result()
        finally:
            check.cancel()
            await asyncio.wait([check])  # what it started must have ended before the search does

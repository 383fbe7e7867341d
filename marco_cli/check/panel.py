"""All checks of a question as one.

In: texts `KIND:ARG`. Out: a `Panel`, which judges each answer once: wrong if one check says so, right if one does and none objects,
else unknown.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from importlib import import_module
from typing import Final

from marco_cli.check import CHECKS
from marco_cli.check.base import UNKNOWN, Submission, Verdict, Verifier
from marco_cli.check.calculator import Calculator
from marco_cli.errors import ConfigError, nearest, quoted

_MOST_KEPT: Final = 10_000


def open_check(text: str) -> Verifier:
    """Return the check that `KIND:ARG` names.

    Raises:
        ConfigError: there is no such kind, or it cannot be used as it is called.

    """
    kind, _, argument = text.partition(":")
    if kind not in CHECKS:
        near = nearest(kind, CHECKS)
        raise ConfigError(
            f"the check is {quoted(text)}, expected KIND or KIND:ARG with one of {', '.join(CHECKS)}",
            hint=f"did you mean {near}?" if near else None,
        )
    if not CHECKS[kind].is_free and os.name != "posix":
        raise ConfigError(
            f"the check {kind} needs Linux or macOS, whose limits it relies on", hint="use python: or math:"
        )
    module, _, name = CHECKS[kind].place.partition(":")
    verifier: Verifier = getattr(import_module(module), name)(argument)
    return verifier


def allowed(texts: Sequence[str], *, named: Collection[str]) -> tuple[str, ...]:
    """Return the checks that a row of a file asks for, which may come from anyone.

    A row may ask for what starts no program and reads no file, and for what the user has named.

    Raises:
        ConfigError: it asks for more.

    """
    for text in texts:
        kind, _, argument = text.partition(":")
        if text in named:
            continue
        if kind not in CHECKS:
            open_check(text)
        if not CHECKS[kind].is_free or (CHECKS[kind].reads_file and argument):
            what = "reads a file" if CHECKS[kind].is_free else "runs a program"
            raise ConfigError(
                f"a row asks for the check {quoted(text)}, which {what}: only the user may name it",
                hint=f"put the row's tests under its key tests, and ask for {kind}"
                if CHECKS[kind].is_free
                else "--check allows it",
            )
    return tuple(text for text in texts if text not in named)


class Checks:
    """The checks that are open: each is opened once, for all questions."""

    def __init__(self) -> None:
        self._open: dict[str, Verifier] = {}
        self._calculator: Calculator | None = None

    def panel(self, texts: Sequence[str]) -> "Panel | None":
        """Return the checks that these texts name as one, None without any.

        Raises:
            ConfigError: one of them cannot be used.

        """
        for text in texts:
            if text not in self._open:
                self._open[text] = open_check(text)
        return Panel([self._open[text] for text in dict.fromkeys(texts)]) if texts else None

    def calculator(self) -> Calculator:
        """Return what runs programs that replies answer with.

        Raises:
            ConfigError: it is not installed.
        """
        self._calculator = self._calculator or Calculator()
        return self._calculator

    async def close(self) -> None:
        """Free what the checks have opened."""
        if self._calculator is not None:
            await self._calculator.close()
        for verifier in self._open.values():
            await verifier.close()
        self._open.clear()


class Panel:
    """Several checks, and what they have said."""

    def __init__(self, verifiers: Sequence[Verifier]) -> None:
        self._verifiers = tuple(verifiers)
        self._said: dict[Hashable, asyncio.Future[Verdict]] = {}
        self._waiting: Counter[asyncio.Future[Verdict]] = Counter()
        """How many wait for a verdict."""

    def key(self, submission: Submission) -> Hashable:
        """Return what the verdict depends on."""
        return (submission.question, submission.tests, *(verifier.key(submission) for verifier in self._verifiers))

    async def check(self, submission: Submission) -> Verdict:
        """Judge a reply, or say again what was said of its like."""
        key = self.key(submission)
        work = self._said.get(key)
        if work is None or work.cancelled():
            if len(self._said) >= _MOST_KEPT:
                self._said.clear()
            work = self._said[key] = asyncio.ensure_future(self._judge(submission))
        self._waiting[work] += 1
        try:
            return await asyncio.shield(work)  # one that gives up must not take the verdict from others
        finally:
            self._waiting[work] -= 1
            if not self._waiting[work]:
                del self._waiting[work]
                work.cancel()
                await asyncio.wait([work])  # what it started has ended by then

    async def _judge(self, submission: Submission) -> Verdict:
        return combined([await verifier.check(submission) for verifier in self._verifiers])

    async def close(self) -> None:
        """Free what the checks have opened."""
        for verifier in self._verifiers:
            await verifier.close()


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Return what several checks of one reply come to: the first that objects, else the first that is sure."""
    for judgement in ("wrong", "right"):
        for verdict in verdicts:
            if verdict.judgement == judgement:
                return verdict
    return next((verdict for verdict in verdicts if verdict.trouble or verdict.why), UNKNOWN)

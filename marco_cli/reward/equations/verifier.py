"""`equations`, a check of `--check` that needs no knowledge of the question: what a reply works out must hold."""

from collections.abc import Hashable

from marco_cli.check.base import UNKNOWN, Submission, Verdict, reason
from marco_cli.errors import ConfigError, quoted
from marco_cli.reward.equations.check import false_equations


class EquationsCheck:
    """Refutes a reply with a false equation or comparison. Where all of them hold, the answer may still be wrong."""

    def key(self, submission: Submission) -> Hashable:
        """Return the text that is judged."""
        return submission.thought, submission.output

    async def check(self, submission: Submission) -> Verdict:
        """Work everything out."""
        false = false_equations(f"{submission.thought}\n{submission.output}")
        return Verdict(judgement="wrong", why=reason(f"{false[0]} does not hold")) if false else UNKNOWN

    async def close(self) -> None:
        """Do nothing: nothing was opened."""


def open_equations(argument: str) -> EquationsCheck:
    """Return the check `equations`.

    Raises:
        ConfigError: there is something behind its name.

    """
    if argument:
        raise ConfigError(f"the check equations takes nothing behind its name, got {quoted(argument)}")
    return EquationsCheck()

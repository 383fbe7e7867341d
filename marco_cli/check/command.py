"""`command:`, a check that is a program.

It gets the candidate as one JSON object on stdin and says what it thinks by its exit code, as `git bisect run` reads them: 0 is right,
1 to 127 are wrong, 125 aside, which cannot judge. What a signal or a limit ended cannot judge either, and the user is told. One JSON
object on stdout, `{"score": 0.5, "why": "…"}`, says more.
"""

import os
import shlex
import shutil
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from marco_cli.check.base import Submission, Verdict, reason
from marco_cli.check.code import substance
from marco_cli.check.jail import Jail, open_jail
from marco_cli.check.limits import Limits
from marco_cli.check.sandbox import Outcome, run
from marco_cli.errors import ConfigError, InputError, quoted
from marco_cli.jsonl import decode, encode

CANNOT_JUDGE: Final = 125
NOT_FOUND: Final = 126


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCheck:
    """A program that judges."""

    command: tuple[str, ...]
    name: str
    """As the user wrote it."""
    limits: Limits = field(default_factory=Limits)
    jail: Jail = field(default_factory=open_jail)

    def key(self, submission: Submission) -> Hashable:
        """Return the code, the answer or the output that is judged."""
        return substance(submission)

    async def check(self, submission: Submission) -> Verdict:
        """Run the program."""
        outcome = await run(
            self.command,
            data=encode(_document(submission)),
            limits=self.limits,
            jail=self.jail,
            files={},
            path=_search_path(),
        )
        return self._verdict(outcome)

    async def close(self) -> None:
        """Do nothing: each program has ended."""

    def _verdict(self, outcome: Outcome) -> Verdict:
        if outcome.limit or outcome.code >= 128:
            ending = _ENDINGS[outcome.limit] if outcome.limit else f"was ended by signal {outcome.code - 128}"
            return Verdict(
                judgement="unknown", why=ending, trouble=f"the check {self.name} {ending}: it judges nothing"
            )
        score, why = _said(outcome.output)
        if outcome.code == CANNOT_JUDGE:
            return Verdict(judgement="unknown", why=why)
        return Verdict(judgement="wrong" if outcome.code else "right", score=score, why=why)


_ENDINGS: Final = {
    "time": "took too long",
    "memory": "took too much memory",
    "processes": "started too many processes",
    "files": "wrote too many files",
    "output": "wrote too much",
    "start": "could not be started",
}


def open_command(argument: str) -> CommandCheck:
    """Return the check of `command:ARG`; words of it that name files here stay what they are in the check's own directory.

    Raises:
        ConfigError: there is no such program.

    """
    try:
        words = shlex.split(argument)
    except ValueError as error:
        raise ConfigError(f"the check command:{argument} cannot be read: {error}") from error
    if not words:
        raise ConfigError("the check command: names no program", hint="--check command:./check.sh")
    program = shutil.which(words[0])
    if program is None:
        is_there = Path(words[0]).is_file()
        raise ConfigError(
            f"the check's program {quoted(words[0])} {'may not be run' if is_there else 'is not there'}",
            hint=f"chmod +x {words[0]}" if is_there else "name a file that may be run, or a program on the PATH",
        )
    _check_interpreter(Path(program))
    rest = [str(Path(word).absolute()) if _is_file(word) else word for word in words[1:]]
    return CommandCheck(command=(str(Path(program).absolute()), *rest), name=words[0])


def _is_file(word: str) -> bool:
    """Say whether a word names a file or a folder; what no file can be called does not."""
    try:
        return Path(word).exists()
    except (OSError, ValueError):
        return False


def _search_path() -> str:
    """Return where the user's own programs are found, from any directory."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(place for place in places if Path(place).is_absolute())


def _check_interpreter(program: Path) -> None:
    """Refuse a script whose first line names a program that is not there; a program may be run that may not be read."""
    try:
        with program.open("rb") as file:
            first = file.readline(1000)
    except OSError:
        return
    words = first[2:].split() if first.startswith(b"#!") else []
    if words and not Path(words[0].decode(errors="replace")).exists():
        raise ConfigError(
            f"the check's program {quoted(str(program))} is to be run by {quoted(words[0].decode(errors='replace'))}, which is not there",
            hint="correct its first line, e.g. #!/bin/sh",
        )


def _document(submission: Submission) -> dict[str, object]:
    return {
        "question": submission.question,
        "output": submission.output,
        "thought": submission.thought,
        "answer": None if submission.answer is None else submission.answer.canonical,
        "candidate": submission.number,
        "tests": submission.tests,
    }


def _said(output: bytes) -> tuple[float | None, str]:
    """Return score and reason that a program wrote, if it wrote any."""
    try:
        document = decode(output.strip() or b"null")
    except InputError:
        return None, ""
    if not isinstance(document, dict):
        return None, ""
    why = document.get("why")
    return _score(document.get("score")), reason(why) if isinstance(why, str) else ""


def _score(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)

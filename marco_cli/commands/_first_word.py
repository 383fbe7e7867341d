"""What the first word after `marco` means: a command, a question, or a slip of the pen.

`marco "question"` is `marco ask "question"`. A single word that is like a command, or that is one in another program,
is not a question: the error names the command that was meant.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

import typer

from marco_cli.commands._help import HelpfulGroup, in_quotes
from marco_cli.commands._output import write_rows
from marco_cli.errors import ConfigError, nearest

FIRST_STEPS: Final = """\
marco "How many r's are in strawberry?"  asks; a small demo model is built in
marco models pull marco-o1               fetches a real model (about 4.7 GB)
marco chat                               begins a conversation
marco doctor                             says what this machine can do
marco --help                             lists every command
"""

# What the commands of other programs are called here.
_ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "marco ask",
        "generate": "marco ask",
        "query": "marco ask",
        "install": "marco models pull",
        "download": "marco models pull",
        "ls": "marco models list",
        "version": "marco --version",
        "help": "marco --help",
    }
)
_QUESTION_MARKS: Final = ("?", "？", "؟")  # noqa: RUF001 (Chinese and Arabic ones)


class FirstWord(HelpfulGroup):
    """The commands of `marco`, among which a question may stand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `ask` in front of a question; say what to do to a person who typed nothing."""
        if not args and not ctx.resilient_parsing and sys.stdin.isatty() and sys.stdout.isatty():
            write_rows(FIRST_STEPS.rstrip())
            raise typer.Exit
        if args and not ctx.resilient_parsing and self._is_question(args[0]):
            words = list(takewhile(lambda word: not word.startswith("-"), args))
            if len(words) > 1:
                raise ConfigError("the question is in several words", hint=in_quotes(words))
            args = ["ask", *args]
        return super().parse_args(ctx, args)

    def no_command(self, args: Sequence[str], path: str) -> ConfigError:
        """Return the error for a word that is not a command; it may be one of another level, or of another program."""
        word, meant = args[0], self._meant(args[0])
        hint = f'{path} ask "{word[:40]}" asks it' if meant is None else f"did you mean `{meant}`?"
        if len(args) > 2:
            hint = f"{hint} If it is a question, {in_quotes(args)}"
        return ConfigError(f"{path} has no command {word[:40]!r}", hint=hint)

    def _is_question(self, word: str) -> bool:
        if word in self.commands or word.startswith("-"):
            return False
        is_spaced = any(character.isspace() for character in word.strip())
        return is_spaced or word.endswith(_QUESTION_MARKS) or (bool(word) and self._meant(word) is None)

    def _meant(self, word: str) -> str | None:
        """Return the command that a single word is, or is like; None when it is like none."""
        typed = word.lower()
        known = {name: f"marco {name}" for name in self.commands} | dict(_ELSEWHERE)
        for path, name in self._below():
            known.setdefault(name, path)
        if typed in known:
            return known[typed]
        for among, cutoff in ((tuple(self.commands), 0.6), (tuple(known), 0.75)):
            if near := nearest(typed, among, cutoff=cutoff):
                return known[near]
        return None

    def _below(self) -> Iterator[tuple[str, str]]:
        """Yield the commands of the groups: how to call them, and their names; those of `models` first."""
        groups = {name: getattr(command, "commands", {}) for name, command in self.commands.items()}
        for name in sorted(groups, key=lambda group: group != "models"):
            for command in groups[name]:
                yield f"marco {name} {command}", command

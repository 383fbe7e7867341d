"""What a line of a conversation is: a command after a slash, or something to say to the model.

In: a line as it was typed. Out: a text or a `Command`. A slash command is a slash, letters, and what follows a space; a
path (`/usr/bin/env does what?`) is not one, and `//` begins a text that begins with a slash. The table is what help and
completion are read off.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from marco_cli.config.option import did_you_mean
from marco_cli.errors import InputError, cut

Name = Literal[
    "strategy", "effort", "preset", "model", "system", "thought", "tree", "retry", "edit", "save", "load", "export",
    "stats", "help", "quit",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashEntry:
    """A command in the table."""

    argument: str
    """What may follow it, for people; "" when nothing may, in brackets when it may be left out."""
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command with its argument, "" without one."""

    name: Name
    argument: str


COMMANDS: Final = MappingProxyType[Name, SlashEntry](
    {
        "strategy": SlashEntry(argument="[NAME]", help="search in another way; `default` leaves it to the effort"),
        "effort": SlashEntry(argument="[NAME]", help="think more or less; `default` is what the settings say"),
        "preset": SlashEntry(argument="[NAME|FILE]", help="go on with another preset"),
        "model": SlashEntry(argument="[NAME|PATH]", help="go on with another model"),
        "system": SlashEntry(argument="[TEXT]", help="set the system prompt; `-` goes back to the preset's"),
        "thought": SlashEntry(argument="[auto|full|hide]", help="show the last thought, or say how thoughts are shown"),
        "tree": SlashEntry(argument="", help="show the tree of the last search"),
        "retry": SlashEntry(argument="", help="ask the last question again, sampled with another seed"),
        "edit": SlashEntry(argument="[TEXT]", help="change the last question and ask again"),
        "save": SlashEntry(argument="[FILE]", help="write the conversation to a file, or once more to the same"),
        "load": SlashEntry(argument="FILE", help="go on with a conversation from a file"),
        "export": SlashEntry(
            argument="FILE", help="write a transcript: .md for people, .json or .jsonl as chat messages"
        ),
        "stats": SlashEntry(argument="", help="say what each turn cost, and how full the context is"),
        "help": SlashEntry(argument="", help="list the commands"),
        "quit": SlashEntry(argument="", help="leave"),
    }
)
"""By name, in the order of the help."""

_COMMAND: Final = re.compile(r"/([A-Za-z]*)(?:\s+(.*))?", re.DOTALL)


def read_line(line: str) -> str | Command:
    """Tell a command from a text for the model.

    Raises:
        InputError: there is no such command, it needs an argument, or it takes none.
    """
    text = line.strip()
    if text.startswith("//"):
        return text[1:]
    found = _COMMAND.fullmatch(text)
    if found is None:
        return text
    name, argument = _name(found[1].lower()), (found[2] or "").strip()
    usage = COMMANDS[name].argument
    if argument and not usage:
        raise InputError(f"/{name} takes nothing after it, got {argument[:40]!r}", hint=f"/{name}")
    if not argument and usage and not usage.startswith("["):
        raise InputError(f"/{name} needs a {usage.lower()}", hint=f"/{name} {usage}")
    return Command(name=name, argument=argument)


def line_of(text: str) -> str:
    """Return the line that says a text: one that would be a command, or would lose a slash, needs another slash."""
    return f"/{text}" if text.startswith("//") or _COMMAND.fullmatch(text) else text


def _name(word: str) -> Name:
    for name in COMMANDS:
        if name == word:
            return name
    near = did_you_mean(word, COMMANDS)
    remedy = "/help lists the commands" if near.startswith("known") else near.replace("mean ", "mean /")
    raise InputError(f"no command /{cut(word)}; {remedy}")

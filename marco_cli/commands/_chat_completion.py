"""What Tab offers at the prompt of a conversation: commands, and the values that they take.

In: a line up to the cursor. Out: offers. It knows no terminal; values come from where the shell's completion gets them.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from marco_cli.commands._completion import completer_of, paths
from marco_cli.conversation.slash import COMMANDS

_SETTINGS: Final = ("strategy", "effort", "preset", "model", "thought")
_FILES: Final = ("save", "load", "export")
_WITH_DEFAULT: Final = ("strategy", "effort")


class Offer(NamedTuple):
    """A text in place of the last `replaces` characters."""

    text: str
    replaces: int
    help: str = ""


def complete_line(line: str) -> Iterable[Offer]:
    """Return what may stand at the end of a line; nothing unless it begins with a slash command."""
    if not line.startswith("/") or "\n" in line:
        return ()
    name, space, value = line[1:].partition(" ")
    if not space:
        return [
            Offer(f"/{known}", len(line), entry.help) for known, entry in COMMANDS.items() if known.startswith(name)
        ]
    if name in _SETTINGS:
        completer = completer_of(name)
        values = [*(completer(value) if completer else ()), *(("default",) if name in _WITH_DEFAULT else ())]
        return [Offer(text, len(value)) for text in values if text.startswith(value)]
    return [Offer(text, len(value)) for text in paths(value)] if name in _FILES else ()

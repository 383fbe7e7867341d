"""The file of a saved conversation (`marco.chat/1`): what `/save` writes and `/load` reads.

In: a conversation and the system prompt that it was held under. Out: one JSON object, and back. A file from somewhere else,
from a newer version or damaged is refused by name; nothing of it is used.
"""

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from marco_cli import __version__
from marco_cli.conversation.turn import Conversation, Cost, Turn
from marco_cli.errors import InputError
from marco_cli.jsonl import encode

FORMAT: Final = "marco.chat/1"
_TEXTS: Final = ("question", "asked", "thought", "output")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_LARGEST: Final = 10**15
"""A count or a time above it was never measured."""
_COUNTS: Final = tuple(field.name for field in fields(Cost) if "seconds" not in field.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a file holds."""

    conversation: Conversation
    system: str | None
    """The system prompt; None leaves it to the model's template."""
    model: str
    """Who answered, for people."""


def write_saved(saved: Saved) -> bytes:
    """Return the bytes of the file, which end with a line feed."""
    turns = [
        {**{name: getattr(turn, name) for name in _TEXTS}, "cost": asdict(turn.cost)}
        for turn in saved.conversation.turns
    ]
    return encode(
        {
            "format": FORMAT,
            "version": __version__,
            "model": saved.model,
            "system": saved.system,
            "num_dropped": saved.conversation.num_dropped,
            "turns": turns,
        }
    )


def read_saved(data: bytes, *, name: str) -> Saved:
    """Read the bytes of a file, which messages call `name`.

    Raises:
        InputError: it is not a saved conversation, or one of a newer version.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refusal(name, "it is not JSON") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise _refusal(name, f"its format is {str(found)[:40]!r}, expected {FORMAT!r}")
    turns, system = document.get("turns"), document.get("system")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise _refusal(name, "it has no list of turns")
    if system is not None and not _is_text(system):
        raise _refusal(name, "its system prompt is not text")
    conversation = Conversation(
        turns=tuple(_turn(turn, name=name, number=number) for number, turn in enumerate(turns, 1)),
        num_dropped=min(_count(document.get("num_dropped")), len(turns)),
    )
    return Saved(conversation=conversation, system=system, model=str(document.get("model") or ""))


def _turn(document: dict[str, Any], *, name: str, number: int) -> Turn:
    for key in _TEXTS:
        if not _is_text(document.get(key)):
            raise _refusal(name, f"the {key} of turn {number} is not text")
    given = document.get("cost")
    cost = given if isinstance(given, dict) else {}
    counts = {key: _count(cost.get(key)) for key in _COUNTS}
    first = cost.get("first_token_seconds")
    return Turn(
        **{key: document[key] for key in _TEXTS},
        cost=Cost(
            **counts,
            first_token_seconds=None if first is None else _seconds(first),
            seconds=_seconds(cost.get("seconds")),
        ),
    )


def _is_text(value: object) -> bool:
    """Say whether a value is a text that can be written as UTF-8: a lone surrogate would spoil every prompt behind it."""
    return isinstance(value, str) and not _SURROGATE.search(value)


def _count(value: object) -> int:
    """Read a count that is only shown; what is not one counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else 0


def _seconds(value: object) -> float:
    """Read a time that is only shown; what is not one counts as 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value <= _LARGEST else 0.0


def _refusal(name: str, reason: str) -> InputError:
    return InputError(f"{name} cannot be loaded: {reason}", hint="give a file that /save wrote")

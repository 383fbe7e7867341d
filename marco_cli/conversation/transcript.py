"""A conversation for others to read: Markdown for people, chat messages for programs and training.

In: a conversation and its system prompt. Out: the bytes of a file, whose ending says which. Messages hold outputs only, as
the model is told them; the transcript folds each thought away.
"""

import re
from collections.abc import Callable
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from marco_cli.config.option import did_you_mean
from marco_cli.conversation.turn import Conversation, Turn
from marco_cli.errors import InputError
from marco_cli.jsonl import encode

_FENCE: Final = re.compile(r"`{3,}")


def transcript(conversation: Conversation, *, system: str | None, file: str) -> bytes:
    """Return the content of a file of this name.

    Raises:
        InputError: its ending is none of those in `FORMATS`.
    """
    suffix = PurePath(file).suffix.lower()
    if suffix not in FORMATS:
        got = f"a name that ends in {suffix}" if suffix else "a name without an ending"
        raise InputError(f"got {got}, expected one of {', '.join(FORMATS)}", hint=did_you_mean(suffix, FORMATS))
    return FORMATS[suffix](conversation, system)


def messages(conversation: Conversation, system: str | None) -> list[dict[str, str]]:
    """Return the whole conversation as chat messages, dropped turns included."""
    opening = [] if system is None else [{"role": "system", "content": system}]
    turns = [
        {"role": message.role, "content": message.content} for turn in conversation.turns for message in turn.messages
    ]
    return [*opening, *turns]


def _markdown(conversation: Conversation, system: str | None) -> bytes:
    parts = ["# Conversation"]
    if system is not None:
        parts.append(f"System prompt:\n\n{_fenced(system)}")
    parts.extend(_section(number, turn) for number, turn in enumerate(conversation.turns, 1))
    return ("\n\n".join(parts) + "\n").encode(errors="replace")


def _section(number: int, turn: Turn) -> str:
    thought = ""
    if turn.thought:
        summary = f"thought, {turn.cost.thought_tokens} tokens"
        thought = f"<details><summary>{summary}</summary>\n\n{_fenced(turn.thought)}\n\n</details>\n\n"
    return f"## {number}\n\n{_fenced(turn.question)}\n\n{thought}{_fenced(turn.output)}"


def _fenced(text: str) -> str:
    """Return a text that stays what it is, whatever markup is in it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _json(conversation: Conversation, system: str | None) -> bytes:
    return encode({"messages": messages(conversation, system)})


FORMATS: Final = MappingProxyType[str, Callable[[Conversation, str | None], bytes]](
    {".md": _markdown, ".json": _json, ".jsonl": _json}
)
"""By the ending of the file. An object with `messages` is what chat APIs and trl read, and one line of a JSONL file."""

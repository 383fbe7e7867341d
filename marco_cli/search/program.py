"""Replies that answer with a program: the model writes it, an interpreter runs it, and what it returns is the answer.

(PAL, arXiv 2211.10435; Program of Thoughts, arXiv 2211.12588.) Such a reply begins with forced words that open a block of code.
When the block is closed, the program is run, and what it returns is written behind it, forced as well. A program does no slips
of arithmetic, takes less than half of the tokens of a chain, and errs in other places: a witness of its own.
"""

from typing import Final, Protocol

from marco_cli.sections import Tags

MOST_TOKENS: Final = 300
"""Of a program: one that is still not closed says the same again and again, or tests itself."""
_WORDS: Final = "Let me work this out with a program."
_LEAD: Final = f"{_WORDS}\n\n```python\n"
_OPENING: Final = f"{_LEAD}def solution():\n"
_FENCE: Final = b"\n```"
_GAP: Final = "\n\n"
_MOST_BEFORE: Final = 80
"""Bytes before the opening: the mark of a thought."""


class Interpreter(Protocol):
    """Runs programs that no one has looked at."""

    async def returned(self, code: str) -> str | None:
        """Return the number that `solution()` of the code returns, in decimal notation; None if it fails or returns no number."""
        ...


def opening(tags: Tags, prefill: str) -> str:
    """Return the beginning of a reply, in this format, that answers with a program; `prefill` is in the prompt already."""
    mark = tags.thought_open
    return f"{mark}\n{_OPENING}" if mark and mark not in prefill else _OPENING


def is_program(data: bytes) -> bool:
    """Say whether a reply began as one that answers with a program."""
    return data.find(_OPENING.encode(), 0, len(_OPENING) + _MOST_BEFORE) >= 0


def opens_program(step: bytes) -> bool:
    """Say whether a step is the one that replies with a program begin with."""
    return step.find(_WORDS.encode(), 0, len(_WORDS) + _MOST_BEFORE) >= 0


def closed_program(data: bytes) -> str | None:
    """Return the program of a reply, the opening included; None of any other reply, and while the block is open."""
    if not is_program(data):
        return None
    start = data.find(_LEAD.encode()) + len(_LEAD)
    end = data.find(_FENCE, start)
    return None if end < 0 else data[start:end].decode(errors="replace")


def conclusion(value: str, closing: str) -> str:
    """Return what is written behind a program that returned a value; `closing` ends the thought that it stands in."""
    return f"\n\nIt returns {value}.{closing or _GAP}The answer is {value}."

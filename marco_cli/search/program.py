"""Replies that answer with a program: the model writes it, an interpreter runs it, and what it returns is the answer.

(PAL, arXiv 2211.10435; Program of Thoughts, arXiv 2211.12588.) Such a reply begins with forced words that open a block of code.
When the block is closed, the program is run, and what it returns is written behind it, forced as well. A program does no slips
of arithmetic, takes less than half of the tokens of a chain, and errs in other places: a witness of its own.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from marco_cli.answer import Answer
from marco_cli.sections import Tags

MOST_TOKENS: Final = 300
"""Of a program: one that is still not closed says the same again and again, or tests itself."""
_WORDS: Final = "Let me work this out with a program."
_LEAD: Final = f"{_WORDS}\n\n```python\n"
_OPENING: Final = f"{_LEAD}def solution():\n"
_FENCE: Final = b"\n```"
_GAP: Final = "\n\n"
_CONCLUSION: Final = ("It returns {}.", "The answer is {}.")
_CONCLUSION_ZH: Final = ("它返回{}。", "答案是{}。")
_SHARE: Final = 2 / 3
_SHARE_OF_THINKERS: Final = 1 / 4
_MOST_FAILURES: Final = 2
_MOST_BEFORE: Final = 80
"""Bytes before the opening: the mark of a thought."""


class Interpreter(Protocol):
    """Runs programs that no one has looked at."""

    async def returned(self, code: str) -> str | None:
        """Return the number that `solution()` of the code returns, in decimal notation; None if it fails or returns no number."""
        ...


def share(first: Answer | None, *, tags: Tags, wanted: float | None) -> float:
    """Return which share of the replies to a question answers with a program, in [0, 1]; `wanted` is what was asked for.

    It is 0 where the first reply's answer is not a number. Where nothing was asked for, it is two thirds, about half of
    the tokens: on Qwen2.5-Coder-0.5B eight programs are worth more than eight chains, and both together most
    (benchmarks/README.md). A model that thinks before it answers was trained to reason in words: a quarter.
    """
    if first is None or first.kind != "number":
        return 0.0
    usual = _SHARE_OF_THINKERS if tags.closing() else _SHARE
    return usual if wanted is None else wanted


@dataclass(slots=True)
class Programs:
    """How many replies of a search answer with a program, and whether another one should."""

    share: float
    """Of all replies, in [0, 1]; 0 where programs make no sense."""
    num_begun: int = 0
    num_failed: int = 0
    """Those that could not be run, or returned no number."""

    def is_due(self, num_replies: int) -> bool:
        """Say whether the next reply is a program, after so many of any kind: programs are never behind their share."""
        is_able = self.num_failed < _MOST_FAILURES or 2 * self.num_failed <= self.num_begun
        return is_able and self.num_begun < self.share * (num_replies + 1)


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


def conclusion(data: bytes, value: str, *, closing: str, is_chinese: bool = False) -> str:
    """Return what is written behind a reply's program that returned a value; `closing` ends the thought that it stands in."""
    returns, answer = _CONCLUSION_ZH if is_chinese else _CONCLUSION
    written = len(data) - len(data.rstrip(b"\n"))
    gap = _GAP[min(written, len(_GAP)) :]
    return f"{gap}{returns.format(value)}{closing or _GAP}{answer.format(value)}"

"""Where one step of reasoning ends and the next begins.

In: a text that grows by one token's bytes at a time. Out: whether a step ends there. The same `Cutter` ends a step while it is
being generated (`step_rule`, `search.watch`) and cuts a finished rollout into steps (`split`), so all cut at the same tokens.
Boundaries are token boundaries; text is looked at, never tokenised again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from marco_cli.engine.base import StopRule, Tokens
from marco_cli.search import StepMode
from marco_cli.search.tree import Step
from marco_cli.sections import Tags
from marco_cli.sections.format import closing_marks, longest_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShape:
    """When a step is over: `min_tokens` at least, `max_tokens` at most, in between at `ending`."""

    min_tokens: int
    max_tokens: int
    ending: re.Pattern[bytes] | None
    """Matched against the step's bytes so far; a match that ends inside the newest token ends the step."""
    keeps_together: bool = False
    """Whether a lead-in stays with what follows it, and a code block or displayed formula in one piece."""


_LINE: Final = re.compile(rb"\n")
_BLANK_LINE: Final = re.compile(rb"\n[ \t\r]*\n")
_FENCE: Final = re.compile(rb"^[ \t]{0,8}```", re.MULTILINE)
_FORMULA_EDGE: Final = re.compile(rb"(?<!\\)\\([\[\]])|\\(begin|end)\{")
_LEAD_IN: Final = re.compile(
    rb"(?::|\xef\xbc\x9a)[*_ \t\r]*\Z"  # ends with a colon, bold or not, ASCII or full width
    rb"|\A[ \t]*#{1,6}[ \t]"  # a heading
    rb"|\A[ \t]*(?:[-*+][ \t]+|\d{1,3}[.)][ \t]+)?\*\*[^*\n]+\*\*[ \t\r]*\Z"  # bold from end to end
)
"""A line that announces what follows."""
_HEAD: Final = 128
"""Bytes of an unfinished line that a step leaves to the next: enough to know a fence, a heading or a bold line."""

SHAPES: Final = MappingProxyType(
    {
        # Marco-o1's thoughts have a median of 11 paragraphs of about 55 tokens; shorter ones than 16 are list openers. Of 150
        # chains of Qwen2.5-Coder-0.5B, 110 began with "To determine …, we need to follow these steps:", which says nothing yet.
        "paragraph": StepShape(min_tokens=16, max_tokens=256, ending=_BLANK_LINE, keeps_together=True),
        # Lines shorter than four tokens ("- ", "<Thought>") are not steps of reasoning.
        "line": StepShape(min_tokens=4, max_tokens=256, ending=_LINE),
        # The mini-steps of the paper (Action Selection): cut by count alone, also inside words.
        "mini64": StepShape(min_tokens=64, max_tokens=64, ending=None),
        "mini32": StepShape(min_tokens=32, max_tokens=32, ending=None),
    }
)


class Cutter:
    """Says after which tokens of a text steps end; reads the text where its owner keeps it, and the owner adds to it."""

    def __init__(self, mode: StepMode, tags: Tags, text: bytearray) -> None:
        self._shape = SHAPES[mode]
        self._text = text
        self._closing = closing_marks(tags) if self._shape.ending is not None else None
        self._reach = longest_mark(tags)
        self._start = self._num_tokens = 0
        """Where in the text the step begins, and how many tokens it has."""
        self._head = b""
        """The line that the step goes on with, as far as it stands before the step."""
        self._is_in_code = False
        """Whether the step begins inside a code block."""
        self.restart()

    def feed(self, num_new: int) -> bool:
        """Look at the text's newest bytes, those of one token; return whether the step ends with it."""
        shape = self._shape
        self._num_tokens += 1
        is_end = self._num_tokens >= shape.max_tokens or (
            self._num_tokens >= shape.min_tokens and self._has_ending(num_new)
        )
        if is_end or (self._closing is not None and self._completes(self._closing, num_new)):
            self.restart()
            return True
        return False

    def restart(self) -> None:
        """Begin a new step here."""
        if self._shape.keeps_together:
            text = self._head + self._text[self._start :]
            self._is_in_code = self._is_in_code != self._num_fences(text) % 2
            self._head = text[text.rfind(b"\n") + 1 :][:_HEAD]
        self._start, self._num_tokens = len(self._text), 0

    def _has_ending(self, num_new: int) -> bool:
        """Say whether an ending that reaches into the newest bytes is there, and nothing that has to stay together."""
        step = bytes(self._text[self._start :])
        if self._shape.ending is None or not step.strip():
            return False
        old = len(step) - num_new
        # A blank line may have begun with spaces and line feeds of earlier tokens.
        start = len(step[:old].rstrip(b" \t\r\n"))
        return any(
            match.end() > old and not (self._shape.keeps_together and self._goes_on(step[: match.start()]))
            for match in self._shape.ending.finditer(step, start)
        )

    def _goes_on(self, step: bytes) -> bool:
        """Say whether what comes behind a step belongs to it."""
        text = self._head + step
        if self._is_in_code != self._num_fences(text) % 2:
            return True
        is_open = 0
        for edge in _FORMULA_EDGE.finditer(text, len(self._head)):
            # An edge that closes what was opened before the step, or by nothing, counts for nothing.
            is_open = max(0, is_open + (1 if edge[1] == b"[" or edge[2] == b"begin" else -1))
        line = text.rstrip()
        return is_open > 0 or _LEAD_IN.search(line[line.rfind(b"\n") + 1 :]) is not None

    def _num_fences(self, text: bytes) -> int:
        """Return how many lines of the text begin with ```, those left out that began so before the step."""
        return len(_FENCE.findall(text)) - len(_FENCE.findall(self._head))

    def _completes(self, closing: re.Pattern[bytes], num_new: int) -> bool:
        """Say whether a closing mark ends in the newest bytes; it may have begun in earlier tokens, of the step before too."""
        old = len(self._text) - num_new
        return any(mark.end() > old for mark in closing.finditer(self._text, max(0, old - self._reach)))


def step_rule(mode: StepMode, tags: Tags, *, before: bytes = b"") -> StopRule:
    """Return the rule that ends a request at the end of its first step.

    Args:
        mode: the kind of steps.
        tags: a closing tag always ends a step.
        before: the reply up to here, for tags that began in an earlier token.
    """
    text = bytearray(before)
    cutter = Cutter(mode, tags, text)

    def is_end(data: bytes, _num_sampled: int) -> bool:
        piece = data[len(text) - len(before) :]
        text.extend(piece)
        return cutter.feed(len(piece))

    return is_end


def split(
    tokens: Tokens,
    pieces: Sequence[bytes],
    mode: StepMode,
    tags: Tags,
    *,
    before: bytes = b"",
    is_terminal: bool = True,
) -> tuple[Step, ...]:
    """Cut tokens that follow `before` into steps.

    A run of forced tokens begins a step of its own, which goes on with what was sampled after it.

    Args:
        tokens: what was generated from a node on.
        pieces: the bytes of each of them.
        mode: the kind of steps.
        tags: a closing tag always ends a step.
        before: the reply up to there.
        is_terminal: whether the reply ends with the last token.
    """
    text = bytearray(before)
    cutter = Cutter(mode, tags, text)
    ends: list[int] = []
    was_sampled = True
    for row, (piece, is_sampled) in enumerate(zip(pieces, tokens.is_sampled.tolist(), strict=True)):
        if was_sampled and not is_sampled and row and ends[-1:] != [row]:
            ends.append(row)
            cutter.restart()
        was_sampled = is_sampled
        text += piece
        if cutter.feed(len(piece)):
            ends.append(row + 1)
    if len(tokens) and ends[-1:] != [len(tokens)]:
        ends.append(len(tokens))
    starts = [0, *ends][: len(ends)]
    return tuple(
        Step(tokens=tokens[start:end], data=b"".join(pieces[start:end]), is_terminal=is_terminal and end == len(tokens))
        for start, end in zip(starts, ends, strict=True)
    )

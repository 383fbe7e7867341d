"""Where one step of reasoning ends and the next begins.

In: token pieces, one at a time. Out: whether a step ends after this one. The same `Cutter` ends a step while it is being
generated (`step_rule`) and cuts a finished rollout into steps (`split`), so both cut at the same tokens. Boundaries are
token boundaries; text is looked at, never tokenised again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from marco_cli.engine.base import StopRule, Tokens
from marco_cli.search.tree import Step
from marco_cli.sections import Tags
from marco_cli.sections.format import closing_marks, longest_mark

StepMode = Literal["paragraph", "line", "mini64", "mini32"]
STEP_MODES: Final[tuple[StepMode, ...]] = get_args(StepMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepShape:
    """When a step is over: `min_tokens` at least, `max_tokens` at most, in between at `ending`."""

    min_tokens: int
    max_tokens: int
    ending: re.Pattern[bytes] | None
    """Matched against the step's bytes so far; a match that ends inside the newest token ends the step."""


_LINE: Final = re.compile(rb"\n")
_BLANK_LINE: Final = re.compile(rb"\n[ \t\r]*\n")

SHAPES: Final = MappingProxyType(
    {
        # Marco-o1's thoughts have a median of 11 paragraphs of about 55 tokens; shorter ones than 16 are list openers.
        "paragraph": StepShape(min_tokens=16, max_tokens=256, ending=_BLANK_LINE),
        # Lines shorter than four tokens ("- ", "<Thought>") are no step of reasoning.
        "line": StepShape(min_tokens=4, max_tokens=256, ending=_LINE),
        # The mini-steps of the paper (Action Selection): cut by count alone, also inside words.
        "mini64": StepShape(min_tokens=64, max_tokens=64, ending=None),
        "mini32": StepShape(min_tokens=32, max_tokens=32, ending=None),
    }
)


class Cutter:
    """Looks at one token after the other and says after which of them a step ends."""

    def __init__(self, mode: StepMode, tags: Tags, *, before: bytes = b"") -> None:
        self._shape = SHAPES[mode]
        self._closing = closing_marks(tags) if self._shape.ending is not None else None
        self._window = 0 if self._closing is None else longest_mark(tags)
        self._recent = self._cut_tail(before)
        self._step = b""
        self._num_tokens = 0

    def feed(self, piece: bytes) -> bool:
        """Take one token's bytes; return whether the step ends with it."""
        shape = self._shape
        self._num_tokens += 1
        recent = self._recent + piece
        self._recent = self._cut_tail(recent)
        self._step += piece
        is_end = self._num_tokens >= shape.max_tokens or (
            self._num_tokens >= shape.min_tokens and self._has_ending(len(piece))
        )
        if is_end or (self._closing is not None and self._completes(self._closing, recent, len(piece))):
            self.restart()
            return True
        return False

    def restart(self) -> None:
        """Begin a new step here."""
        self._step = b""
        self._num_tokens = 0

    def _has_ending(self, num_new: int) -> bool:
        """Say whether an ending that reaches into the newest bytes is there."""
        if self._shape.ending is None or not self._step.strip():
            return False
        old = len(self._step) - num_new
        start = len(self._step[:old].rstrip(b" \t\r\n"))
        return any(match.end() > old for match in self._shape.ending.finditer(self._step, start))

    def _completes(self, closing: re.Pattern[bytes], recent: bytes, num_new: int) -> bool:
        return any(mark.end() > len(recent) - num_new for mark in closing.finditer(recent))

    def _cut_tail(self, data: bytes) -> bytes:
        return data[max(0, len(data) - self._window) :]


def step_rule(mode: StepMode, tags: Tags, *, before: bytes = b"") -> StopRule:
    """Return the rule that ends a request at the end of its first step.

    Args:
        mode: the kind of steps.
        tags: a closing tag always ends a step.
        before: the reply up to here, for tags that began in an earlier token.

    """
    cutter = Cutter(mode, tags, before=before)
    fed = 0

    def is_end(data: bytes, _num_sampled: int) -> bool:
        nonlocal fed
        piece, fed = data[fed:], len(data)
        return cutter.feed(piece)

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
    cutter = Cutter(mode, tags, before=before)
    ends: list[int] = []
    was_sampled = True
    for row, (piece, is_sampled) in enumerate(zip(pieces, tokens.is_sampled.tolist(), strict=True)):
        if was_sampled and not is_sampled and row and ends[-1:] != [row]:
            ends.append(row)
            cutter.restart()
        was_sampled = is_sampled
        if cutter.feed(piece):
            ends.append(row + 1)
    if len(tokens) and ends[-1:] != [len(tokens)]:
        ends.append(len(tokens))
    starts = [0, *ends][: len(ends)]
    return tuple(
        Step(tokens=tokens[start:end], data=b"".join(pieces[start:end]), is_terminal=is_terminal and end == len(tokens))
        for start, end in zip(starts, ends, strict=True)
    )

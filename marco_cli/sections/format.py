"""Reply formats: the marks that stand around a model's thought and output.

A format is data: `TAG_STYLES` holds those of the known families, and a preset may write another one as
`tags: {thought: [open, close], output: [open, close]}`. Which format a reply has is told by the end of the prompt, then by
what the template writes for assistant turns (`sections.opening`), then by the reply itself (`sections.parser`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, Self

from marco_cli.errors import ConfigError

SectionKind = Literal["thought", "output"]

AUTO: Final = "auto"
"""The name of no format: prompt, template and reply decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The marks of a format; None where it has no such mark.

    A mark is text, control tokens, or both; the vocabulary knows which. Letter case does not count. Without `output_open`,
    what follows the thought is the output. Without any mark everything is output.
    """

    thought_open: str | None = None
    thought_close: str | None = None
    output_open: str | None = None
    output_close: str | None = None
    is_fixed: bool = True
    """Whether a reply that begins with another format's mark is still read with this one."""

    @property
    def named(self) -> dict[str, str]:
        """The marks that there are: name of the field → mark."""
        marks = {
            "thought_open": self.thought_open,
            "thought_close": self.thought_close,
            "output_open": self.output_open,
            "output_close": self.output_close,
        }
        return {name: mark for name, mark in marks.items() if mark}

    @property
    def marks(self) -> tuple[str, ...]:
        """The marks that there are."""
        return tuple(self.named.values())

    @property
    def free(self) -> Self:
        """The same format for a reply that may turn out to have another."""
        return replace(self, is_fixed=False)

    def is_like(self, other: "Tags") -> bool:
        """Say whether two formats have the same marks."""
        return self.named == other.named

    def closing(self, *, is_thought_closed: bool = False, phrase: str = "") -> str:
        """Return the text that ends a thought, `phrase` first, and opens the output; "" where there is none.

        Marks made of text stand on lines of their own, as models are trained on them. Control tokens (those with a bar,
        such as `<|end|>`) stand as they are.
        """
        marks = [None if is_thought_closed else self.thought_close, self.output_open]
        written = [mark for mark in marks if mark]
        if not written:
            return ""
        is_control = any("|" in mark for mark in written)
        text = "".join(written) if is_control else "".join(f"\n{mark}" for mark in written) + "\n"
        return f"\n{phrase}{text}" if phrase and not is_thought_closed else text


def _pair(thought: tuple[str, str], output: tuple[str | None, str | None] = (None, None)) -> Tags:
    return Tags(thought_open=thought[0], thought_close=thought[1], output_open=output[0], output_close=output[1])


MARCO: Final = _pair(("<Thought>", "</Thought>"), ("<Output>", "</Output>"))
THINK: Final = _pair(("<think>", "</think>"))
NONE: Final = Tags()

TAG_STYLES: Final[Mapping[str, Tags]] = MappingProxyType(
    {
        "marco": MARCO,
        "think": THINK,
        "exaone": _pair(("<thought>", "</thought>")),
        "apriel": _pair(("<thinking>", "</thinking>"), ("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]")),
        "apriel-1.6": _pair(("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]")),
        "granite": _pair(("<think>", "</think>"), ("<response>", "</response>")),
        "magistral": _pair(("[THINK]", "[/THINK]")),
        "seed": _pair(("<seed:think>", "</seed:think>")),
        "minimax": _pair(("<mm:think>", "</mm:think>")),
        "hunyuan": _pair(("<think:opensource>", "</think:opensource>")),
        "gemma": _pair(("<|channel>thought", "<channel|>")),
        "cohere": _pair(("<|START_THINKING|>", "<|END_THINKING|>"), ("<|START_RESPONSE|>", "<|END_RESPONSE|>")),
        # The header of the next message belongs to the mark, since nothing between the two is part of the reply.
        "harmony": _pair(
            ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant"),
            ("<|channel|>final<|message|>", "<|return|>"),
        ),
        "kimi": _pair(
            ("<|open|>think<|sep|>", "<|close|>think<|sep|>"), ("<|open|>response<|sep|>", "<|close|>response<|sep|>")
        ),
        "muse": _pair((" to=self<|message|>", "<|eom|><|start|>assistant"), (" to=user<|message|>", "<|eot|>")),
        "none": NONE,
    }
)
"""Formats by name."""


EXPECTED: Final = "auto, none, marco, think, … or marks: {thought: [open, close], output: [open, close]}"
"""What the setting `tags` takes."""


def relevant(tags: Tags) -> tuple[Tags, ...]:
    """Return the formats that a reply may turn out to have, the one in use first."""
    return (tags,) if tags.is_fixed and tags.marks else (tags, *TAG_STYLES.values())


def longest_mark(tags: Tags) -> int:
    """Return how many bytes the longest mark has that may come up."""
    return max(len(mark.encode()) for each in relevant(tags) for mark in each.marks)


@cache
def any_mark(tags: Tags = NONE) -> re.Pattern[str]:
    """Return what finds the marks that may come up: without a format, all that are known."""
    return re.compile(_alternatives(mark for each in relevant(tags) for mark in each.marks), re.IGNORECASE)


@cache
def any_mark_in_bytes(tags: Tags) -> re.Pattern[bytes]:
    """Return the same for a text in bytes."""
    return re.compile(any_mark(tags).pattern.encode(), re.IGNORECASE)


@cache
def closing_marks(tags: Tags) -> re.Pattern[bytes] | None:
    """Return what finds the end of a thought or an output; None for a format that has no such mark."""
    formats = (tags,) if tags.is_fixed else relevant(tags)
    marks = [mark for each in formats for mark in (each.thought_close, each.output_close) if mark]
    return re.compile(_alternatives(marks).encode(), re.IGNORECASE) if marks else None


def _alternatives(marks: Iterable[str]) -> str:
    return "|".join(re.escape(mark.strip()) for mark in sorted(set(marks), key=len, reverse=True))


def read_tags(text: str) -> Tags | None:
    """Read the setting `tags`: `auto` (None), the name of a format, or JSON such as {"thought": ["<a>", "</a>"]}.

    Raises:
        ConfigError: it is something else; the message does not name the setting.
    """
    if text == AUTO:
        return None
    if text in TAG_STYLES:
        return TAG_STYLES[text]
    try:
        sections = json.loads(text)
    except (ValueError, RecursionError):
        sections = None
    if not isinstance(sections, dict) or not sections or not sections.keys() <= {"thought", "output"}:
        raise ConfigError(f"got {text[:60]!r}, expected {EXPECTED}")
    for name, marks in sections.items():
        if not _is_pair(marks):
            raise ConfigError(
                f"got {json.dumps(marks)[:60]} for {name}, expected two different marks: [opening, closing]"
            )
    thought, output = (sections.get(name, (None, None)) for name in ("thought", "output"))
    openings = [_bare(marks[0]) for marks in (thought, output) if marks[0]]
    if len(set(openings)) < len(openings):
        raise ConfigError(f"got {text[:60]!r}, whose sections open with the same mark, expected two")
    return Tags(thought_open=thought[0], thought_close=thought[1], output_open=output[0], output_close=output[1])


def _is_pair(marks: object) -> bool:
    """Say whether these are an opening and another closing mark, of which one may be null."""
    if not isinstance(marks, list) or len(marks) != 2:
        return False
    is_written = all(
        mark is None or (isinstance(mark, str) and len(mark.strip()) > 1 and "\n" not in mark) for mark in marks
    )
    return is_written and _bare(marks[0]) != _bare(marks[1])


def _bare(mark: str | None) -> str | None:
    """Return what tells a mark from others."""
    return mark and mark.strip().lower()

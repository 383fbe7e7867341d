"""Lines of a screen: styled text that is measured in cells and never wider than it may be.

In: text from anywhere, widths in terminal cells (a Chinese character takes two), the encoding of the terminal. Out:
`Line`s, which are values: equal lines look the same. Nothing here is parsed as markup.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Self

from rich.cells import cell_len, set_cell_size

from marco_cli.sections.format import any_mark
from marco_cli.view.printable import printable
from marco_cli.view.wrapping import breaks


class Span(NamedTuple):
    """A run of text in one style, which is written as Rich writes styles."""

    text: str
    style: str = ""


Line = tuple[Span, ...]

_SPACES: Final = re.compile(r"\s+")
_LABEL: Final = re.compile(r" *\w+: |\w+ {2,}")
_COLUMNS: Final = re.compile(r" *(?:[\w ]+: +|(?:\S+(?: \S+)* {2,}){0,6})")
_MOST_LABEL: Final = 0.7
"""Share of a line that a label may take before it gets a line of its own."""
_INDENT: Final = 4
_WHOLE: Final = re.compile(r"(?<=: )marco [^`]+$|`[^`]+`\S*|\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters that a terminal's encoding has."""

    encoding: str = "utf-8"
    branch: str = "├─ "
    last: str = "└─ "
    pipe: str = "│  "
    ellipsis: str = "…"
    check: str = "✓"
    cross: str = "✗"
    dot: str = "·"
    full: str = "━"
    empty: str = "─"
    block: str = "█"

    @classmethod
    def of(cls, encoding: str) -> Self:
        """Return the glyphs for an encoding: ASCII ones unless it is a UTF."""
        if encoding.lower().startswith("utf"):
            return cls(encoding=encoding)
        return cls(
            encoding=encoding,
            branch="|- ",
            last="`- ",
            pipe="|  ",
            ellipsis="...",
            check="=",
            cross="x",
            dot="|",
            full="#",
            empty="-",
            block="#",
        )

    def text(self, text: str) -> str:
        """Return the text with `?` for what the encoding lacks."""
        if text.isascii():
            return text
        return text.encode(self.encoding, errors="replace").decode(self.encoding, errors="replace")

    def fit(self, text: str, width: int) -> str:
        """Return at most `width` cells of a text, with an ellipsis if it does not fit."""
        text = self.text(text)
        if cell_len(text) <= width:
            return text
        if width <= cell_len(self.ellipsis):
            return self.ellipsis[: max(0, width)]
        return set_cell_size(text, width - cell_len(self.ellipsis)).rstrip() + self.ellipsis


def one_line(text: str, limit: int) -> str:
    """Return the beginning of a text, about `limit` characters, on one line: printable, without tags and line ends."""
    return flat(text, limit).strip()


def flat(text: str, limit: int) -> str:
    """Do the same but keep a space at either end, so that pieces of a text can be put together again."""
    return _SPACES.sub(" ", printable(any_mark().sub(" ", text[: 2 * limit])))[:limit]


def width_of(line: Iterable[Span]) -> int:
    """Return how many cells a line takes."""
    return sum(cell_len(span.text) for span in line)


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` cells, at spaces where there are any; blank lines are dropped."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = " ".join(paragraph.split())
        ends = (0, *breaks(line, width).ends, len(line))
        lines += [line[start:end].strip() for start, end in pairwise(ends)] if line else []
    return lines


def fold(text: str, width: int) -> str:
    """Break a message wider than `width` cells between words, indented alike after its label (`hint: `, `seconds  `).

    What a user may copy stays whole, however wide: a word, a `command` in backticks, a command after a colon, which ends
    the message. The terminal breaks those itself, and copies them as one line.
    """
    label = _LABEL.match(text)
    return _folded(text, label.end() if label else 0, width)


def fold_row(text: str, width: int) -> str:
    """Break a row of a list in the same way, its last column indented alike: what stands behind two spaces, or a `key:`."""
    label = _COLUMNS.match(text)
    return _folded(text, label.end() if label else 0, width)


def _folded(text: str, start: int, width: int) -> str:
    words = _WHOLE.findall(text, start)
    if not words or cell_len(text) <= width:
        return text
    is_wide = start > _MOST_LABEL * width
    lines = [text[:start].rstrip(), ""] if is_wide else [text[:start] + words.pop(0)]
    start = _INDENT if is_wide else start
    for word in words:
        longer = f"{lines[-1]} {word}" if lines[-1] else " " * start + word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(" " * start + word)
    return "\n".join(lines)


def without_tags(text: str) -> str:
    """Return a printable text of several lines without the tags of any reply format."""
    return printable(any_mark().sub("", text))

r"""Where an output says that its answer is: boxes, tags, JSON, and the word for "answer" in eleven languages.

In: an output. Out: spans, and whether what stands there is mathematics. It reads no answer.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from marco_cli.answer.language import all_of

_TRIES: Final = 8
"""Boxes, tags and markers that are tried, from the last."""

MARKER: Final = re.compile(all_of("marker"), re.IGNORECASE)
_BRACE: Final = re.compile(r"\\(?:boxed|fbox|framebox)\s?\{|[{}]|\\[{}]")
_BARE_BOX: Final = re.compile(r"\\boxed\s?(?P<digits>[0-9]+)(?![0-9{])")
_TAG: Final = re.compile(
    r"<(?P<name>final_answer|finalanswer|answer|ans)>(?P<inside>.*?)(?:</(?P=name)\s*>|\Z)", re.IGNORECASE | re.DOTALL
)
_JSON: Final = re.compile(r"[{,]\s*\"(?:final[_ ]?answer|answer|result|答案)\"\s*:\s*", re.IGNORECASE)
_SHARE: Final = re.compile(r"[\s$*]{0,4}(?P<sign>\\?[%\u2030])")
_JOINING: Final = re.compile(
    r"[\s$,;.]*(?:\\text\{)?\s*(?:and|or|,|und|oder|et|ou|和|或)?\s*\}?(?:\\quad)?[\s$,(]*(?:[a-zA-Z](?:_\{?\w\}?)?\s*=)?\s*"
)
_MATH: Final = re.compile(
    r"\$\$(?P<display>[^$]{1,400})\$\$|(?<![\\$\w])\$(?![\s$])(?P<dollars>(?:\\\$|[^$\n]){1,400}?)(?<![\s\\])\$(?![0-9])"
    r"|\\\((?P<round>.{1,400}?)\\\)|\\\[(?P<square>.{1,400}?)\\\]",
    re.DOTALL,
)


class Mark(NamedTuple):
    """A part of an output that holds its answer; several where one answer stands in several boxes."""

    spans: tuple[tuple[int, int], ...]
    share: str = ""
    """A per cent sign behind the box, which belongs to what is in it."""


def boxes(output: str) -> list[Mark]:
    """Return the last boxes that were closed, last first; boxes with nothing but a comma or "and" between are one mark."""
    found = [*_closed(output), *(match.span("digits") for match in _BARE_BOX.finditer(output))]
    found.sort()
    marks: list[Mark] = []
    for start, end in found:
        sign = _SHARE.match(output, end + 1)
        mark = Mark(((start, end),), sign["sign"] if sign else "")
        last = marks[-1].spans[-1][1] if marks else 0
        opening = output.rfind("\\", last, start)
        if (
            marks
            and opening > last
            and _JOINING.fullmatch(output, last + 1, opening)
            and "\n\n" not in output[last:start]
        ):
            marks[-1] = Mark((*marks[-1].spans, *mark.spans), mark.share)
        else:
            marks.append(mark)
    return marks[: -_TRIES - 1 : -1]


def _closed(output: str) -> list[tuple[int, int]]:
    """Return the contents of the boxes, those within others left out."""
    opened: list[int | None] = []
    closed: list[tuple[int, int]] = []
    for brace in _BRACE.finditer(output):
        written = brace.group()
        if written[-1] == "{" and len(written) != 2:
            opened.append(brace.end() if len(written) > 1 else None)
        elif written == "}" and opened:
            start = opened.pop()
            if start is not None:
                closed = [(low, high) for low, high in closed[-_TRIES * 4 :] if high < start]
                closed.append((start, brace.start()))
    return closed


def tags(output: str) -> list[tuple[int, int]]:
    """Return what the last `<answer>` tags hold, last first."""
    return [match.span("inside") for match in _TAG.finditer(output)][: -_TRIES - 1 : -1]


def json_values(output: str) -> Iterator[tuple[int, int, str]]:
    """Yield the span of each value of "answer" in JSON, last first, and the value as text; a list without its brackets."""
    for match in [*_JSON.finditer(output)][: -_TRIES - 1 : -1]:
        start = match.end()
        try:
            value, length = json.JSONDecoder().raw_decode(output[start : start + 2000])
        except (ValueError, RecursionError):
            continue
        if isinstance(value, list) and value and all(isinstance(part, (str, int, float)) for part in value):
            yield start, start + length, ", ".join(map(str, value))
        elif isinstance(value, (str, int, float)) and str(value):
            yield start, start + length, output[start : start + length] if isinstance(value, float) else str(value)


def markers(text: str) -> list[int]:
    """Return where the last announced answers begin, last first."""
    return [match.end() for match in MARKER.finditer(text)][: -_TRIES - 1 : -1]


def formulas(output: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between the delimiters of mathematics, from the first to the last."""
    for match in _MATH.finditer(output):
        yield match.span(match.lastgroup or 0)

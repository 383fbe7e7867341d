r"""Read mathematics that stands in a text, with words around it or without.

In: an output and a span of it. Out: a `Reading`; what its formula means is the business of `compound`.
"""

import re
from collections.abc import Iterator
from typing import Final

from marco_cli.answer.base import Kind
from marco_cli.answer.compound import meaning
from marco_cli.answer.latex import normal
from marco_cli.answer.reading import Reading
from marco_cli.answer.symbols import NotFormulaError

_TRIM: Final = ' \t\r\n.,;:*`"。'
_MATH_BEGINS: Final = re.compile(r"(?:[A-Za-z\u00c0-\u024f'’]{2,}[\s:,]+|a\s|an\s|I\s)*")
_WORDS_END: Final = re.compile(r"(?:[\s,.;:]+(?:[A-Za-z\u00c0-\u024f'’-]{2,}|a|I)(?![(^_=]))+[\s.,;:!?]*\Z")
_PLAIN_NUMBER: Final = re.compile(r"[\s$(]*-?[0-9][0-9.,]*\s?[^\W\d_]{0,12}(?:\^\{?[23]\}?|/[a-z]+)?[\s).]*\Z")
_POWER: Final = re.compile(r"(?<=[\w)])\*\*(?=[\w(])")
_MATHEMATICS: Final = re.compile(
    r"\\(?![$%#&])|[\^_√π∞∪∈≤≥≠<>|±]|(?<=[0-9a-z)])[!=](?!\w)|[A-Za-z0-9)]\s?[+*/=]\s?[A-Za-z0-9(]"
)


def formula(output: str, start: int, end: int, *, is_math: bool) -> Reading | None:
    """Read mathematics, also with words before and behind it: "the point (3, -4) in the plane"."""
    for low, high in _cores(output, start, end):
        if (low, high) != (start, end) and _PLAIN_NUMBER.match(output[low:high]):
            return None  # a plain number in a sentence
        try:
            kind, form = meaning(output[low:high].strip(_TRIM + "$"), is_math=is_math)
        except NotFormulaError:
            continue
        return _formula_reading(output, _stripped(output, low, high), kind, form)
    return None


def _formula_reading(output: str, span: tuple[int, int], kind: Kind, form: str) -> Reading:
    low, high = span
    if kind == "number":
        return Reading(kind=kind, canonical=form, start=_right_side(output, low, high), end=high)
    return Reading(kind=kind, canonical=spelled(output[low:high]), start=low, end=high, meaning=form)


def _cores(output: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the span, and the span without the words around the mathematics."""
    yield start, end
    text = output[start:end]
    if "\\text" in text or "\\mbox" in text:
        return
    before = _MATH_BEGINS.match(text.lstrip())
    skipped = len(text) - len(text.lstrip()) + (before.end() if before else 0)
    after = _WORDS_END.search(text, skipped)
    core = text[skipped : after.start() if after else len(text)]
    if len(core.strip(_TRIM)) not in {0, 1, len(text.strip(_TRIM))} and (
        is_mathematics(core) or re.search(r"[(\[].*[,0-9]", core)
    ):
        yield start + skipped, start + skipped + len(core)


def _stripped(output: str, start: int, end: int) -> tuple[int, int]:
    window = output[start:end]
    edge = _TRIM + "$"
    start += len(window) - len(window.lstrip(edge))
    return start, max(start + 1, end - len(window) + len(window.rstrip(edge)))


def _right_side(output: str, start: int, end: int) -> int:
    """Return where the right side of `x = 5` begins."""
    equals = output.rfind("=", start, end)
    if equals < 0 or not output[equals + 1 : end].strip():
        return start
    after = output[equals + 1 : end]
    return equals + 1 + len(after) - len(after.lstrip())


def is_mathematics(text: str) -> bool:
    """Say whether a text has signs that prose has not, so that its digits are parts of something."""
    return bool(_MATHEMATICS.search(text))


def spelled(formula: str) -> str:
    """Return the spelling of a formula without size, spacing and dollars."""
    written = " ".join(normal(_POWER.sub("^", formula).replace("**", "")).strip(_TRIM).split())
    written = re.sub(r"\s?([^\w\s])\s?", r"\1", written.replace("\ufe50", "{,}").replace("\ufe51", ""))
    return re.sub(r"\\[dtc]frac", r"\\frac", written) or formula

"""What a part of an output says, and where it stands there.

In: plain text that knows where its characters came from. Out: a `Reading`, placed in the output.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from marco_cli.answer import choice, moment, plaintext
from marco_cli.answer.base import Kind
from marco_cli.answer.grouping import in_english
from marco_cli.answer.language import Language
from marco_cli.answer.numerals import Numeral
from marco_cli.answer.plaintext import Plain

COMPOUND: Final[frozenset[Kind]] = frozenset({"tuple", "set", "interval", "matrix", "expression", "equation"})
"""Kinds that are mathematics and no number."""
_EDGE: Final = " \t\r\n.,;:!?。、\"'*_$#\u2018\u2019\u201c\u201d\u300a\u300b\u300c\u300d\u3010\u3011\u2009\u0964"
_RATIO: Final = re.compile(r"[0-9]+(?::[0-9]|:[6-9][0-9]|:[0-9]{3,})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What `output[start:end]` says."""

    kind: Kind
    canonical: str
    start: int
    end: int
    meaning: str = ""

    @property
    def is_understood(self) -> bool:
        """Whether it is more than a text: mathematics that makes no sense is compared as it is spelled."""
        return bool(self.meaning) or self.kind not in {*COMPOUND, "text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An output and the language that its numbers are written in."""

    output: str
    language: Language

    def plain(self, start: int = 0, end: int | None = None) -> Plain:
        """Return a part of the output without its dress, its numbers as English writes them."""
        plain = plaintext.clean(self.output, start, end)
        return replace(plain, text=in_english(plain.text, self.language))


def placed(plain: Plain, start: int, end: int, kind: Kind, canonical: str) -> Reading:
    """Return a reading of `plain.text[start:end]`, placed where that stood in the output."""
    low, high = plain.origin(start, end)
    return Reading(kind=kind, canonical=canonical, start=low, end=high)


def matched(plain: Plain, match: re.Match[str], group: str, kind: Kind) -> Reading:
    """Return the choice or the verdict that a pattern found."""
    written = match[group].rstrip(")")
    canonical = written.upper() if kind == "choice" else choice.VERDICTS[written.casefold()]
    start = match.start(group)
    return placed(plain, start, start + len(written), kind, canonical)


def numeral_reading(plain: Plain, numeral: Numeral) -> Reading:
    """Return what a numeral says: a number, a day or a time, or text of digits (a ratio, a code)."""
    is_time = numeral.form in moment.FORMS and not _RATIO.fullmatch(numeral.canonical)
    kind: Kind = "time" if is_time else "text" if numeral.opaque else "number"
    return placed(plain, numeral.start, numeral.end, kind, numeral.canonical)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without white space and punctuation at its edges."""
    window = text[start:end]
    start += len(window) - len(window.lstrip(_EDGE))
    return start, max(start, end - len(window) + len(window.rstrip(_EDGE)))

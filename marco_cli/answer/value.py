"""The value of a written number, in the one form that all spellings of it share.

In: what one of the patterns of `numerals` matched, without its sign. Out: a finite decimal, or a fraction in lowest terms, as
text: "70000", "0.75", "1/3", "60%". Values are exact; nothing here is a float.
"""

import re
from fractions import Fraction
from functools import lru_cache

from marco_cli.answer.language import SCALES
from marco_cli.answer.number_words import MAX_LENGTH, english_value, hanzi_value

_LETTERS = re.compile(r"[^\s0-9.,]+(?=\.?\Z)")
_EXPAND = 400  # a decimal with more zeros than this keeps an exponent: 1e100000 must stay small


def decimal_text(digits: str, shift: int = 0) -> str:
    """Return the one canonical form of `digits` times ten to the `shift`; `digits` is unsigned, with at most one point.

    No zeros at either end, no exponent unless more than 400 zeros would be written. Works on the digits alone, so their
    number is not limited.
    """
    whole, _, part = digits.partition(".")
    exponent = shift - len(part)
    figures = (whole + part).lstrip("0")
    significant = figures.rstrip("0")
    exponent += len(figures) - len(significant)
    if not significant:
        return "0"
    if exponent > _EXPAND or exponent + len(significant) < -_EXPAND:
        return f"{significant}e{exponent}"
    if exponent >= 0:
        return significant + "0" * exponent
    point = len(significant) + exponent
    return f"{significant[:point]}.{significant[point:]}" if point > 0 else f"0.{'0' * -point}{significant}"


def fraction_text(value: Fraction) -> str:
    """Return the canonical form of an unsigned fraction: a decimal where it is finite, else lowest terms."""
    rest, places = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    return decimal_text(str(value.numerator * 10**places // value.denominator), -places)


@lru_cache(maxsize=1024)
def canonical(form: str, written: str) -> str | None:
    """Return the canonical form of an unsigned numeral, None where it has no value, such as 1/0."""
    if form in {"decimal", "short"}:
        return _decimal(written) if form == "decimal" else _short(written)
    if form == "power":
        mantissa, _, exponent = written.rpartition("10^")
        return decimal_text(_digits(mantissa) or "1", int(exponent.strip("{}")))
    if form == "share":
        return _share(written)
    if form == "article":
        return _article(written.lower())
    if form == "fraction":
        value = _quotient(written)
    elif form == "words":
        value = english_value(written)
    else:
        value = hanzi_value(_digits(written) if form == "scaled" else written)
    return None if value is None else fraction_text(value)


def _digits(written: str) -> str:
    """Return the number without its separators; a following operator or space goes too."""
    return re.sub(r"[,\s\u00d7x*\u00b7]", "", written)


def _article(written: str) -> str:
    """Read "a dozen", "half a dozen", "an hour and a half"."""
    if written.endswith("dozen"):
        return "6" if written.startswith("half") else "12"
    return "1.5" if written.endswith("half") else "1.25"


def _short(written: str) -> str:
    """Read "$1.5M", "5k"."""
    number = written.strip().rstrip("kKMBnm")
    return decimal_text(_digits(number), {"k": 3, "m": 6, "b": 9}[written.strip()[len(number)].lower()])


def _decimal(written: str) -> str:
    """Read digits with an exponent or a word of scale after them."""
    word = _LETTERS.search(written)
    scale = word.group().casefold() if word else ""
    mantissa, _, exponent = (
        _digits(written[: word.start()] if word and scale in SCALES else written).lower().partition("e")
    )
    return decimal_text(mantissa, int(exponent or 0) + SCALES.get(scale, 0))


def _quotient(written: str) -> Fraction | None:
    above, _, below = written.partition("/")
    whole, _, above = above.strip().rpartition(" ")
    parts = [_digits(part) for part in (above, below, whole or "0")]
    if any(len(part) > MAX_LENGTH for part in parts) or not below.strip(" 0.,"):
        return None
    return Fraction(parts[2]) + Fraction(parts[0]) / Fraction(parts[1])


def _share(written: str) -> str | None:
    """Read "四分之三", "二又四分之三", "百分之六十"."""
    below, _, above = written.rpartition("分之")
    whole, _, below = below.rpartition("又")
    numerator, offset = hanzi_value(above), hanzi_value(whole) if whole else Fraction(0)
    if numerator is None or offset is None:
        return None
    if below in {"百", "100"}:
        return fraction_text(offset * 100 + numerator) + "%"
    denominator = Fraction({"千": 1000, "万": 10000}.get(below, 0)) or hanzi_value(below)
    return fraction_text(offset + numerator / denominator) if denominator else None


def percentage(canonical: str, *, is_thousandth: bool) -> str:
    """Return a number as a percentage; of a number per thousand, the tenth."""
    if not is_thousandth:
        return canonical + "%"
    return "-" * canonical.startswith("-") + fraction_text(abs(Fraction(canonical)) / 10) + "%"

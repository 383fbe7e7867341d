"""What follows a number and still belongs to its value: a half, or the minutes after the hours.

In: plain text, a number's value and the place where it ends. Out: the value of the whole quantity and where that ends.
Units are read only to know how many of a smaller one make one of the first, in which the whole is counted: "3小时30分钟"
is 3.5 as "3.5 hours" is, "5 dollars and 30 cents" is 5.3 as "$5.30" is. It knows nothing of what stands before the number.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from marco_cli.answer.number_words import ENGLISH_WORD, HANZI, POWERS, english_value, hanzi_value

# Units that make up each other, largest first: how many of the smallest it is, and its names. Those alone that real solutions
# (GSM8K) and real replies put together in an answer: every family is one more way to take two answers for one.
_FAMILIES = (
    ((3_600, "hours?|hrs?|h|个?小时|个?钟头"), (60, "minutes?|mins?|m|分钟?(?!之)"), (1, "seconds?|secs?|s|秒钟?")),
    ((100, "dollars?"), (1, "cents?")),
    ((100, "元钱?|块钱?"), (10, "角钱?|毛钱?"), (1, "分钱?(?![之钟米])")),
    ((12, "feet|foot|ft|英尺"), (1, r"inch(?:es)?|英寸|in(?=\.?\s*(?:\Z|[^\w\s]))")),
)
# Few characters of Chinese are better than many: "五千克" is 5 千克, "二两" 2 两.
_NUMBER = rf"[0-9]{{1,12}}(?:\.[0-9]{{1,12}})?|[{HANZI}]{{1,9}}?|(?:{ENGLISH_WORD})(?:[\s-](?:{ENGLISH_WORD}))?"
_POWER = "|".join(POWERS)
_HALF = re.compile(
    rf"\sand\sa\s(?P<part>half|quarter)\b(?!-|\sof\b)(?:\s(?P<power>{_POWER})\b)?"
    # "3 dogs and a half orange" are three dogs.
    r"|\s[A-Za-z]{1,12}\sand\sa\s(?P<last>half|quarter)\b(?=\s?(?:[^\w\s-]|\Z))"
    # "三个半圆" are three semicircles.
    r"|(?:[个年天周岁分秒斤吨米里升亩块元倍箱袋包瓶杯圈]|小时|钟头|分钟|星期|公里|千米|公斤|千克)半"
    r"(?![径圆球岛场音价决成导封自圈边夜天年数截程身票路山空生个只块杯])",
    re.IGNORECASE,
)
_DOZEN = re.compile(r"\s{1,3}(?:full\s)?dozens?\b", re.IGNORECASE)
_REMARK = re.compile(r"\s(?:(?P<share>of)\b|(?:an?|per|each|every)(?=\s))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Family:
    """Units that make up each other: where one stands, and where a number with one does."""

    unit: re.Pattern[str]
    part: re.Pattern[str]


def _family(sizes: tuple[tuple[int, str], ...]) -> _Family:
    names = "|".join(f"(?P<u{size}>{names})" for size, names in sizes)
    unit = rf"(?:-|\s{{0,3}})(?:{names})(?![A-Za-z])"
    part = rf"(?:\s?,)?\s{{0,3}}(?:and\s{{1,3}}|[零又])?(?P<number>{_NUMBER}){unit}"
    return _Family(unit=re.compile(unit, re.IGNORECASE), part=re.compile(part, re.IGNORECASE))


@cache
def _units() -> tuple[_Family, ...]:
    """Return the patterns of all families; compiling them takes longer than reading most answers, which name no unit."""
    return tuple(map(_family, _FAMILIES))


_ANY_UNIT = re.compile(r"(?:-|\s{0,3})[^\W\d_]")


def extended(value: Fraction, text: str, start: int, end: int) -> tuple[Fraction, int] | None:
    """Return the value and the end of the quantity that begins with `value` before `text[start:end]`; None if no more.

    A half or a quarter ("3 and a half million", "三个半小时"), dozens, or smaller units in their order ("3 hours 20 minutes"),
    which then count in the first unit.
    """
    half = _HALF.match(text, start, end)
    if half:
        share = Fraction(1, 4 if "quarter" in (half["part"] or half["last"] or "").lower() else 2)
        power = POWERS[half["power"].lower()] if half["power"] else 0
        return (value + share) * 10**power, half.end()
    dozen = _DOZEN.match(text, start, end)
    if dozen:
        return value * 12, dozen.end()
    if not _ANY_UNIT.match(text, start, end):
        return None
    return next((whole for family in _units() if (whole := _summed(family, value, text, start, end))), None)


def _summed(family: _Family, value: Fraction, text: str, start: int, end: int) -> tuple[Fraction, int] | None:
    """Add the smaller units that follow, if any do."""
    unit = family.unit.match(text, start, end)
    if unit is None:
        return None
    first = size = _size(unit)
    total, stop = value, unit.end()
    while (part := family.part.match(text, stop, end)) and _size(part) < size:
        number = _value(part["number"])
        # As much as one of the unit before, or more, is said of something else, or the same once more: "1 week, 7 days".
        if number is None or number * _size(part) >= size:
            break
        size, stop = _size(part), part.end()
        total += number * Fraction(size, first)
    return (total, stop) if size < first and not _is_shared(family, first, text, stop, end) else None


def _size(unit: re.Match[str]) -> int:
    return next(int(name[1:]) for name, found in unit.groupdict().items() if found and name[0] == "u")


def _value(written: str) -> Fraction | None:
    if written[0].isdigit() and written.isascii():
        return Fraction(written)
    return hanzi_value(written) if written[0] in HANZI else english_value(written)


def _is_shared(family: _Family, first: int, text: str, start: int, end: int) -> bool:
    """Say whether what follows makes the smaller unit a remark: "5 days, 8 hours a day", "3 hours, 20 minutes of it"."""
    remark = _REMARK.match(text, start, end)
    unit = family.unit.match(text, remark.end(), end) if remark else None
    return bool(remark and (remark["share"] or (unit and _size(unit) == first)))

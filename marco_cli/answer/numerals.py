"""Numerals in plain text: Arabic digits, Chinese numerals, English number words, and what only looks like a number.

In: text as `plaintext.clean` leaves it. Out: `Numeral`s from left to right, each with a canonical form in which equal
numbers are equal strings: "70000", "-0.75", "1/3" (no finite decimal), "60%" (a percentage is never a bare number).
Values are exact; nothing here is a float. Dates, times, ratios, ranges, telephone and version numbers are not numbers:
they come out as `opaque`, with a canonical text. A unit never changes a value ("3 km", "3千克") but where a smaller one
follows ("3 km 200 m" = 3.2); multipliers and halves belong to the number ("3.5万", "2 million", "三个半").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from marco_cli.answer import moment
from marco_cli.answer.language import SCALES, all_of, alternatives
from marco_cli.answer.number_words import ENGLISH_PART, ENGLISH_WORD, HANZI, HANZI_DIGITS, MAX_LENGTH, POWERS
from marco_cli.answer.quantity import extended
from marco_cli.answer.value import canonical as canonical_value
from marco_cli.answer.value import fraction_text, percentage

_INTEGER = (
    r"(?>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,2}(?:,[0-9]{2}){1,6},[0-9]{3}(?![0-9])"
    r"|[0-9]{1,3}(?:\u2009[0-9]{3})+(?![0-9])|[0-9]{1,3}(?:[ ][0-9]{3}){2,}(?![0-9])|[0-9]+)"
)
_DECIMAL = rf"(?>{_INTEGER}(?:\.[0-9]+)?|(?<![\w.])\.[0-9]+)"
_SHORT = rf"(?:[0-9]{{1,{MAX_LENGTH}}}(?:\.[0-9]{{1,{MAX_LENGTH}}})?"
_PART = rf"{_SHORT}|[{HANZI}]{{1,9}}(?:点[{HANZI_DIGITS}]{{1,9}})?)"
# Digits inside a name ("H2O", "GPT-4", "x_1"), an exponent or a version are not numerals; a currency code may touch its number.
_START = r"(?:(?<![A-Za-z0-9_^\\])(?<![0-9]\.)(?<![A-Za-z^]-)(?<!\^\{)|(?<=RMB)|(?<=USD)|(?<=CNY)|(?<=HKD)|(?<=EUR)|(?<=GBP)|(?<=Rs))"

_SCALE = alternatives(SCALES)
_FORMS = {
    **{name: form.replace("START", _START) for name, form in moment.FORMS.items()},
    "code": rf"{_START}\+?[0-9]++(?:(?:-[0-9]++){{2,}}+|(?:\.[0-9]++){{2,}}+|(?:/[0-9]++){{2,}}+)(?!\s?=)",
    "share": rf"(?:{_PART}又)?{_PART}分之{_PART}",
    "scaled": rf"{_START}{_DECIMAL}\s?(?:[十百千万亿]+(?:[0-9]{{1,4}}(?![0-9.]))?)+",
    "power": rf"{_START}(?:{_DECIMAL}\s?[\u00d7x*\u00b7]\s?)?10\^\{{?-?[0-9]{{1,6}}(?![0-9])\}}?",
    "fraction": rf"{_START}(?:[0-9]{{1,9}}\s)?{_DECIMAL}\s?/\s?{_DECIMAL}",
    "range": rf"(?<!from[ ])(?<!between[ ])(?<![从由]){_START}{_DECIMAL}(?:[-\u2013~]|\s?(?:\bto\b|到|至)\s?){_DECIMAL}"
    r"(?!\s?[=/*+\u00d7])",
    "short": rf"(?:(?<=[$\u00a5\u20ac\u00a3])\s?{_DECIMAL}(?:[kKMB]|mn|bn)|{_START}{_DECIMAL}[kK])(?![A-Za-z0-9_^])",
    "decimal": rf"{_START}{_DECIMAL}(?:[eE][+-]?[0-9]{{1,6}}(?![A-Za-z0-9]))?(?:[ ]{{0,3}}(?i:{_SCALE})(?![A-Za-z])\.?)?",
    "article": r"(?i:\b(?:half\s)?an?\s(?:dozen\b|[a-z]{1,12}\sand\sa\s(?:half|quarter)\b))",
    "hanzi": rf"[{HANZI}]++(?:[点點][{HANZI_DIGITS}]++)?",
    "words": rf"(?i:\b(?:{ENGLISH_WORD})(?:[\s-](?:and[ ])?(?:{ENGLISH_WORD})\b){{0,12}}"
    rf"(?:[\s-](?:{ENGLISH_PART}))?(?:[ ]and[ ]a[ ](?:half|quarter)(?:[ ](?:{'|'.join(POWERS)}))?)?\b)",
}
_TOKEN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _FORMS.items()))
_OPAQUE = frozenset({*moment.FORMS, "code", "range"})

_PERCENT = re.compile(rf"\s{{0,3}}(?:%|(?P<thousandth>\u2030)|{all_of('percent')})", re.IGNORECASE)
_BEFORE = re.compile(r"(?:(?P<percent>asilimia|শতকরা|ร้อยละ)|(?P<scale>elfu|laki|milioni))\s(?:ya\s)?\Z", re.IGNORECASE)
# After these a hyphen is a sign; after other Chinese it may be a dash or subtract: 5个-3个, 嫦娥-5.
_VALUE_FOLLOWS = (
    r"(?:(?<=[是为于得到至达约在了温和与或加减乘除以即])|(?<=[变化写]成)|(?<=[得算求]出)|(?<=温度)|(?<=加上|减去))"
)
_SIGN = re.compile(
    rf"(?:(?:(?<![\w)}}\]%-])|{_VALUE_FOLLOWS})[-\u2013](?:[$\u00a5\u20ac\u00a3]\s?)?|[$\u00a5\u20ac\u00a3]\s?-"
    r"|[=:是为于][^\S\n]?(?P<loose>-\s)"
    rf"|(?<![A-Za-z])(?i:{all_of('minus')})\s?)$"
)
_OPERAND_BEFORE = re.compile(r"[0-9)\]}%]\s*$")
# Characters that may follow a Chinese digit that counts something; others make it part of a word.
_COUNTED = (
    "个只头匹颗块元分岁年月日天周次名人位本张件条辆台杯瓶袋箱盒包支枝棵朵家间层页行题道种组队班双套份"
    "斤克吨千米里升小公厘毫平立美英欧度倍把根枚粒片円でつド"
)
_THOUSAND_UNITS = "克米瓦卡赫帕焦伏"  # 千克, 千米: the 千 is the unit's


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral:
    """A numeral at `text[start:end]`, sign and percent sign included.

    `opaque` marks what is not a number although it is made of digits; `weak` a single Chinese digit or English words, which
    ordinary prose is full of.
    """

    start: int
    end: int
    canonical: str
    opaque: bool = False
    weak: bool = False
    form: str = "decimal"
    """The pattern that found it."""


def scan(text: str, start: int = 0, end: int | None = None) -> Iterator[Numeral]:
    """Yield the numerals of `text[start:end]` from left to right, none overlapping."""
    end = len(text) if end is None else end
    done = start
    for token in _TOKEN.finditer(text, start, end):
        form, begin = token.lastgroup or "", token.start()
        if begin < done:  # the smaller unit of the quantity before
            continue
        stop = _without_unit(text, begin, token.end(), form)
        written = text[begin:stop]
        canonical = None if form in _OPAQUE else canonical_value(form, written)
        if canonical is None and (form in _OPAQUE or form == "fraction"):
            # A quotient by zero, or one too long to calculate, is not a number either.
            yield Numeral(start=begin, end=stop, canonical=_opaque_text(form, written), opaque=True, form=form)
        elif canonical is not None and (form != "hanzi" or _stands_alone(text, begin, stop)):
            weak = form == "words" or (form == "hanzi" and len(written) == 1)
            whole = extended(Fraction(canonical), text, stop, end) if _may_go_on(form, written) else None
            if whole:
                canonical, stop, weak = fraction_text(whole[0]), whole[1], form == "words"
            begin, canonical = _announced(text, start, begin, canonical)
            begin, canonical = _signed(text, start, begin, canonical)
            percent = None if canonical.endswith("%") else _PERCENT.match(text, stop, end)
            if percent:
                canonical, stop = percentage(canonical, is_thousandth=bool(percent["thousandth"])), percent.end()
            done = stop
            yield Numeral(start=begin, end=stop, canonical=canonical, weak=weak, form=form)


def _may_go_on(form: str, written: str) -> bool:
    """Say whether a half or a smaller unit may follow: a plain number, neither scaled nor too long to calculate with."""
    if len(written) > MAX_LENGTH:
        return False
    return form in {"hanzi", "words"} or (form in {"decimal", "scaled"} and not re.search(r"[^\d.,\s]", written))


def _opaque_text(form: str, written: str) -> str:
    if form in moment.FORMS:
        return moment.canonical(form, written)
    text = re.sub(r"[\s,]", "", written.lower())
    return re.sub(r"[\u2013~到至]|to", "-", text) if form == "range" else text


def _without_unit(text: str, start: int, end: int, form: str) -> int:
    """Return the end of the numeral without the 千 or 百 that belongs to a unit after it."""
    follower = text[end : end + 1]
    if form not in {"scaled", "hanzi"} or end - start < 2 or not follower:
        return end
    unit = (text[end - 1] == "千" and follower in _THOUSAND_UNITS) or (text[end - 1] == "百" and follower == "分")
    return end - 1 if unit else end


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether a Chinese numeral is one, and no part of a word like 一起, 三角形 or 十分."""
    follower = text[end : end + 1]
    if text[start:end] == "十" and follower == "分":
        return text[end + 1 : end + 2] == "钟"
    return end - start > 1 or not follower.isalnum() or follower in _COUNTED


def _announced(text: str, limit: int, start: int, canonical: str) -> tuple[int, str]:
    """Take in what makes a percentage or thousands of a number and stands before it: "asilimia 60", "elfu 70"."""
    word = _BEFORE.search(text, max(limit, start - 16), start)
    if word is None or canonical.endswith("%"):
        return start, canonical
    if word["percent"]:
        return word.start(), canonical + "%"
    return word.start(), fraction_text(Fraction(canonical) * 10 ** SCALES[word["scale"].casefold()])


def _signed(text: str, limit: int, start: int, canonical: str) -> tuple[int, str]:
    """Take in a minus sign before the numeral; a hyphen, a list dash or a subtraction is not one."""
    low = max(limit, start - 16)
    sign = _SIGN.search(text[low:start])
    if sign is None:
        return start, canonical
    begin = low + (sign.start("loose") if sign["loose"] else sign.start())
    if _OPERAND_BEFORE.search(text[max(limit, begin - 4) : begin]):
        return start, canonical
    return begin, canonical if canonical == "0" else "-" + canonical

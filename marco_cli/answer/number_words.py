"""The value of numbers that are written in words, Chinese or English.

In: the words of one number, such as "一百零五", "3万5千", "three quarters". Out: its exact value, or None where the words
make no number. It knows nothing of the text around them.
"""

import re
from fractions import Fraction

HANZI_DIGITS = "零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖兩"
HANZI = HANZI_DIGITS + "十百千万亿拾佰仟萬億"
MAX_LENGTH = 40  # characters of a number in words; also digits of a number that is calculated with

_FORMAL = str.maketrans("〇壹贰叁肆伍陆柒捌玖拾佰仟萬億兩點", "零一二三四五六七八九十百千万亿两点")
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_HANZI_TOKEN = re.compile(r"[0-9]*\.?[0-9]+|.")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_ONES.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), 2)
}
POWERS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}

ENGLISH_WORD = "|".join([*_WORDS, *POWERS])
ENGLISH_PART = "half|halves|(?:third|quarter|fourth|fifth|sixth|eighth|tenth)s?"


def hanzi_value(text: str) -> Fraction | None:
    """Return the value of a Chinese numeral; Arabic digits may stand before its units ("3.5万", "1万2千").

    Digits without units are read one by one ("二零二四" = 2024), except pairs such as "三四", which mean "three or four".
    A last digit right after 百, 千, 万 or 亿 counts in the next lower unit ("三万五" = 35000), as it is spoken.
    """
    if len(text) > MAX_LENGTH:
        return None
    whole, point, part = text.translate(_FORMAL).partition("点")
    if not any(unit in whole for unit in _UNITS):
        value = _positional(whole)
    else:
        value = _with_units(_HANZI_TOKEN.findall(whole.replace(" ", "")))
    if value is None or not point:
        return value
    return value + Fraction(int("".join(str(_DIGITS[digit]) for digit in part)), 10 ** len(part))


def _positional(text: str) -> Fraction | None:
    if text[:1].isdigit() and text.isascii():
        return Fraction(text)
    if len(text) > 1 and ("两" in text or (len(text) == 2 and "零" not in text)):
        return None
    return Fraction(int("".join(str(_DIGITS[digit]) for digit in text)))


def _with_units(tokens: list[str]) -> Fraction | None:
    total = section = Fraction(0)  # whole groups of 亿 and 万; the group that is being read
    digit: Fraction | None = None
    unit = 1  # the unit just before the digit, 1 after a zero
    for token in tokens:
        size = _UNITS.get(token)
        if size is None:
            if digit:
                return None
            digit = Fraction(token) if token.isascii() else Fraction(_DIGITS[token])
            unit = unit if digit else 1
            continue
        # Only 十 may stand without a digit; 万 and 亿 multiply the group before them, 亿 the 万 before it, too.
        if digit is None and size != 10 and not section and not (size == 10**8 and total):
            return None
        if size == 10**8:
            total, section = (total + section + (digit or 0)) * size, Fraction(0)
        elif size == 10**4 or (digit is None and section):
            total, section = total + (section + (digit or 0)) * size, Fraction(0)
        else:
            section += (1 if digit is None else digit) * size
        digit, unit = None, size
    if digit is not None and digit < 10 and unit >= 100:
        digit *= unit // 10
    return total + section + (digit or 0)


def english_value(text: str) -> Fraction | None:
    """Return the value of English number words ("one hundred and five", "three quarters", "two and a half million")."""
    words = re.findall("[a-z]+", text.lower())
    if words[-1] in POWERS and words[-2:-1] in (["half"], ["quarter"]):
        mixed = english_value(" ".join(words[:-1]))
        return None if mixed is None else mixed * 10 ** POWERS[words[-1]]
    extra = Fraction(0)
    if words[-3:-1] == ["and", "a"]:
        extra = Fraction(1, _PARTS[words[-1]])
        words = words[:-3]
    part = _PARTS.get("half" if words[-1] == "halves" else words[-1].removesuffix("s"))
    value = _cardinal([word for word in (words[:-1] if part else words) if word != "and"])
    # "twenty fifth" is an ordinal, "two fifths" a fraction.
    if value is None or (part and value >= 20):
        return None
    return Fraction(value, part or 1) + extra


def _cardinal(words: list[str]) -> int | None:
    total = group = 0
    for at, word in enumerate(words):
        value = _WORDS.get(word)
        if value is None and at == 0:
            return None
        if word == "hundred":
            group *= 100
        elif value is None:
            total, group = total + group * 10 ** POWERS[word], 0
        elif group % 100 == 0 or (group % 10 == 0 and group % 100 >= 20 and 0 < value < 10):
            group += value
        else:
            return None
    return total + group

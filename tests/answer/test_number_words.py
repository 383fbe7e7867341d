from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.answer.number_words import english_value, hanzi_value

HANZI = [
    ("零", 0),
    ("两", 2),
    ("十", 10),
    ("十二", 12),
    ("二十", 20),
    ("一百零五", 105),
    ("一百五", 150),  # spoken short form of 一百五十
    ("两千三", 2300),
    ("三万五", 35000),
    ("三万零五", 30005),
    ("一万二千三百四十五", 12345),
    ("三千万", 30_000_000),
    ("一亿零三万", 100_030_000),
    ("一万亿", 10**12),
    ("3.5万", 35000),
    ("1万2千", 12000),
    ("3万5000", 35000),
    ("5百万", 5_000_000),
    ("三点一四", Fraction("3.14")),
    ("二零二四", 2024),
    ("壹佰贰拾叁", 123),
    ("三四", None),  # "three or four"
    ("二两", None),  # a weight
    ("万", None),
    ("百十", None),
    ("五六百二三", None),
]

ENGLISH = [
    ("zero", 0),
    ("seventeen", 17),
    ("twenty-one", 21),
    ("one hundred and five", 105),
    ("two thousand three hundred", 2300),
    ("three million twenty thousand", 3_020_000),
    ("three quarters", Fraction(3, 4)),
    ("one half", Fraction(1, 2)),
    ("two and a half", Fraction(5, 2)),
    ("two and a half million", 2_500_000),
    ("twenty fifth", None),  # an ordinal
    ("five six", None),
    ("hundred", None),
]


@table(HANZI)
def test_chinese_numerals_have_their_value(text: str, value: int | Fraction | None) -> None:
    """Units, mixed digits, formal characters and spoken short forms are read; word pairs are refused."""
    assert hanzi_value(text) == value


@table(ENGLISH)
def test_english_number_words_have_their_value(text: str, value: int | Fraction | None) -> None:
    """Cardinals and simple fractions are read; ordinals and loose words are refused."""
    assert english_value(text) == value


def written_in_chinese(number: int) -> str:
    """Write a whole number below 10**12 in Chinese, by groups of four digits."""
    groups = []
    for name in ("", "万", "亿"):
        number, group = divmod(number, 10_000)
        digits = f"{group:04d}"
        text = "".join(
            "零一二三四五六七八九"[int(digit)] + (unit if digit != "0" else "")
            for digit, unit in zip(digits, ("千", "百", "十", ""), strict=True)
        )
        text = text.rstrip("零")
        while "零零" in text:
            text = text.replace("零零", "零")
        groups.append((text, name if text else ""))
    return "".join(text + name for text, name in reversed(groups)).strip("零") or "零"


@given(st.integers(0, 10**12 - 1))
def test_every_chinese_whole_number_is_read_back(number: int) -> None:
    """What a writer by the book writes is read as the number it was."""
    assert hanzi_value(written_in_chinese(number)) == number

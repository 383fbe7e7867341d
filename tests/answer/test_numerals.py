from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.answer.numerals import scan
from marco_cli.answer.value import decimal_text

TEXTS = [
    ("3 apples, 4.5 kg and -2", ["3", "4.5", "-2"]),
    ("1,2,3", ["1", "2", "3"]),
    ("1,234,567.80", ["1234567.8"]),
    ("from 3 to 5", ["3", "5"]),
    ("3 to 5", ["3-5"]),
    ("12 - 5 = 7", ["12", "5", "7"]),
    ("12-5=7", ["12", "5", "7"]),
    ("-$5 and $-3", ["-5", "-3"]),
    ("H2O, x_1, x^2, GPT-4, mp3", []),
    ("三角形 一起 十分好 万一 千万不要", []),
    ("十分钟", ["10"]),
    ("三千克 3千米 5百分点", ["3", "3", "5%"]),
    ("1 1/2 cups and 3/4", ["1.5", "0.75"]),
    ("May 12, 2024 and 12 May", ["2024-05-12", "05-12"]),
    ("3 : 4", ["3:4"]),
    ("1e5 1e-2 2.5e+3", ["100000", "0.01", "2500"]),
    ("3 x 10^5", ["300000"]),
    ("5个-3个 是-5 3-5", ["5", "3", "-5", "3-5"]),
    ("3 hours 30 minutes, 5元3角 and 20", ["3.5", "5.3", "20"]),
    ("从3点半到2020-2021", ["3:30", "2020-2021"]),
]


@table(TEXTS)
def test_numerals_are_found_from_left_to_right(text: str, found: list[str]) -> None:
    """Numerals and look-alikes come in order; digits and characters inside words are left alone."""
    assert [numeral.canonical for numeral in scan(text)] == found


def test_a_numeral_knows_its_place_and_its_strength() -> None:
    """Signs and percent signs belong to the span; words and single Chinese digits are weak, times opaque."""
    text = "-5 % at 3:30 of two 三个"
    numerals = list(scan(text))

    assert [text[numeral.start : numeral.end] for numeral in numerals] == ["-5 %", "3:30", "two", "三"]
    assert [numeral.opaque for numeral in numerals] == [False, True, False, False]
    assert [numeral.weak for numeral in numerals] == [False, False, True, True]


def test_a_scan_of_a_window_stays_inside_it() -> None:
    """Neither a sign before the window nor digits after it are read."""
    assert [numeral.canonical for numeral in scan("-123%", 1, 3)] == ["12"]


@table(
    [("0", 5, "0"), ("0100", 0, "100"), ("1.50", 0, "1.5"), (".05", 1, "0.5"), ("12", -3, "0.012"), ("1", 401, "1e401")]
)
def test_decimals_have_one_form(digits: str, shift: int, text: str) -> None:
    """No zeros at the edges, an exponent only for very long numbers."""
    assert decimal_text(digits, shift) == text


@given(st.from_regex(r"[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True), st.integers(-450, 450))
def test_the_canonical_form_keeps_the_value(digits: str, shift: int) -> None:
    """The form is equal in value to what was written."""
    assert Fraction(decimal_text(digits, shift)) == Fraction(digits) * Fraction(10) ** shift

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.answer import equal, extract
from marco_cli.answer.quantity import extended

# What follows a 3, the value of the whole, and how much of it belongs to the quantity.
GROWN = [
    (" and a half", "3.5", " and a half"),
    (" and a half hours", "3.5", " and a half"),
    (" and a QUARTER billion years", "3250000000", " and a QUARTER billion"),
    (" hours and a half.", "3.5", " hours and a half"),
    ("个半小时", "3.5", "个半"),
    ("年半", "3.5", "年半"),
    ("分半钟", "3.5", "分半"),
    (" hours 30 minutes", "3.5", " hours 30 minutes"),
    (" hours, 30 minutes and 36 seconds", "3.51", " hours, 30 minutes and 36 seconds"),
    ("h30m", "3.5", "h30m"),
    ("-hour 30-minute ride", "3.5", "-hour 30-minute"),
    (" hours and thirty minutes", "3.5", " hours and thirty minutes"),
    ("小时30分", "3.5", "小时30分"),
    ("小时零六分钟", "3.1", "小时零六分钟"),
    ("分30秒", "3.5", "分30秒"),
    ("元5角2分", "3.52", "元5角2分"),
    ("元5分", "3.05", "元5分"),
    (" dollars and 5 cents", "3.05", " dollars and 5 cents"),
    (" feet 6 inches", "3.5", " feet 6 inches"),
    (" hours 30 minutes a day", "3.5", " hours 30 minutes"),
    (" dozen eggs", "36", " dozen"),
    (" ft 6 in.", "3.5", " ft 6 in"),
]
ENDED = [
    " pounds 8 ounces",  # real outputs put together hours, money and feet alone
    "千克500克",
    " weeks 6 days",
    "",
    " apples",
    " hours",
    " hours 20",
    " minutes and 2 hours",  # a larger unit begins anew
    " hours and 5 dollars",
    " hours, 20 minutes of them alone",
    " days, 8 hours a day",
    " weeks, 21 days",
    "元30分钟",
    "块,5分米",
    "年12个月",
    " weeks, 2 days per week",
    "天2次",
    "小时20分之一",
    "年5月",
    "个半圆",
    "米半径",
    "个半成品",
    "天半价",
    " and a half-eaten apple",
    " and a quarter of the rest",
    " dogs and a half orange",
    " mm 5 m",
    " hoursand 5 minutes",
]


@table(GROWN)
def test_a_half_and_smaller_units_belong_to_the_number(text: str, value: str, taken: str) -> None:
    """The whole counts in the first unit, exactly, in both languages, and ends with the last part of it."""
    assert extended(Fraction(3), text, 0, len(text)) == (Fraction(value), len(taken))


@table(ENDED)
def test_what_does_not_belong_to_the_number_leaves_it_alone(text: str) -> None:
    """Other units, rates, remarks and words that begin with 半 end a quantity."""
    assert extended(Fraction(3), text, 0, len(text)) is None


def test_a_quantity_stays_inside_its_window() -> None:
    """Nothing behind the end is read."""
    assert extended(Fraction(3), "3小时30分", 1, 5) is None


@given(st.integers(0, 10_000), st.integers(1, 59))
def test_a_duration_is_one_answer_in_every_spelling(hours: int, minutes: int) -> None:
    """Hours and minutes, in English or Chinese, announced or boxed, equal their sum as a fraction of hours."""
    total = extract(f"The answer is {60 * hours + minutes}/60.")
    spellings = (
        f"The answer is {hours} hours and {minutes} minutes.",
        f"答案是{hours}小时{minutes}分钟。",
        rf"\boxed{{{hours} \text{{ h }} {minutes} \text{{ min}}}}",
        f"{hours} hr {minutes} min",
    )

    for spelling in spellings:
        answer = extract(spelling)
        assert answer is not None
        assert total is not None
        assert equal(answer, total)

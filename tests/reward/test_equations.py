import time

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.reward.equations import check_equations

SOUND = [
    "59-15=44",
    "Lose 15: 59-15=44",
    "45*3=3*40+3*5=120+15=135",
    "1,200 - 200 = 1,000",
    "x = 5 + 3 = 8",
    "5 + 3 = 8 apples",
    "增加4*5=20：23+20=43",
    "3 × 4 = 12",
    "0.1+0.2=0.3",
    "100 * 1.05 = 105",
    "10/3=3.33",
    "3.14*2=6.3",
    "7/2=3 remainder 1",
    "1/3 + 1/3 = 2/3",
    "9*9=81.",
    "5 - -3 = 8",
    "0.5*0.5=0.3",
    "0.1+0.2=0.30000000000000004",
    "9.11 < 9.9",
    "9.9 = 9.90\n9.11 < 9.90\nSo the answer is 9.9.",
    "20.60＜20.78。",
    r"3 \times 12 - 4 = 32",
    r"4 \cdot 6 + 3 = 27",
    r"\left(3 + 4\right) \div 7 = 1",
    "4 ⋅ 6 + 3 = 27",
    "1\u00a0+ 1 = 2",
    "17*6=92. Wait, 17*6=102.",
    "17 * 6 = 92\nNo: 17*6=102",
]
FALSE = [
    "17*6=92",
    "59-15=45",
    "So 5 + 3 = 9 apples",
    "3 × 4 = 13",
    "43-7=35\nSo the answer is 35.",
    "first line: 2\n7-9=2",
    "(3+4)*2=13",
    "10/3=4.33",
    "0.1+0.2=0.4",
    "1,200 - 200 = 900",
    "增加4*5=25：23",
    "5 = 2+2",
    "20.60 > 20.78",
    "9.11 > 9.2",
    "5 < 5",
    r"3 \times 12 - 4 = 33",
    "17*6=102. Wait, 17*6=92.",
    "If x is 3, 3+4=8",
]
NO_CONCERN_OF_OURS = [
    "20% of 50 = 10",
    "half of 50 + 10 = 35",
    "50% + 20 = 70",
    "2^3 + 1 = 9",
    "2**3=8",
    "5! = 120",
    "sin 30 + 1 = 1.5",
    "3x + 5 = 11",
    "5 + 3x = 11",
    "5*3=15x",
    "2(3+4)=14",
    "\\frac{1}{2} + 3 = 3.5",
    "12:30 - 1 = 11:30",
    "1,5 + 2 = 3,5",
    "12 + 0,5 + 2 = 14,5",
    "1.000 + 5 = 1.005",
    "2024-01-05 = Friday",
    "1 000 + 5 = 1 005",
    "Is 5 + 3 = 9?",
    "9.11 = 9.11",
    "3 x 4 + 2 = 14",
    "5 + 1 = 3 x 2",
    "2 times 3 + 1 = 7",
    "10 plus 5 - 3 = 12",
    "5乘以3+1=16",
    "5加3+1=9",
    "负3+5=2",
    "16 + 9 = 5²",
    "199+1=2·10²",
    "5 + 5 = 3π",
    "4999+1=1万",
    "900,000 + 100,000 = 1 million",
    "4 + 5 = 3 squared",
    "7+2=3的平方",
    "0.1 + 0.2 = 30％",
    "1\u2009000 + 5 = 1\u2009005",
    "2+3=6？",
    "Does 2 + 3 = 6 hold?",
    "2+3=6吗",
    "It is not so that 2 + 3 = 6",
    "If 2 + 3 = 6 were so",
    "2 + 3 = 6 is wrong",
    "2 + 3 = 6, which is False",
    "2+3=6不成立",
    "2 + 3 = 6 ✗",
    "误以为2+3=6",
    "Is 9.11 > 9.9 or 9.9 > 9.11?",
    "3 > 5 is false",
    "Python 3.11 > 3.9",
    "1 > 2 > 3",
    "Path: 1 > 2",
    "cmd 1>2",
    "> 5",
    "x\n> 3 < 2",
    "5 -> 3",
    "3 => 5",
    "5 <- 6",
    "5 < 3x",
    "5 < 1%",
    "2 > 90 minutes",
    "2024-01-15 > 2024-01-20",
    "3-5 > 6-8",
    "<<48/2=24>>24",
    r"$3 \times 12 - 4 = 33$",
    "<td>5</td><td>3</td>",
    "1/0 = 0",
    "no arithmetic at all",
    "",
]


@table(SOUND)
def test_equations_that_hold_are_counted_as_true(text: str) -> None:
    """Right arithmetic is recognised, however it is written down, and roundings are not mistakes."""
    found = check_equations(text)

    assert found.true
    assert not found.false


@table(FALSE)
def test_equations_that_do_not_hold_are_found(text: str) -> None:
    """A slip in the arithmetic is seen wherever it stands."""
    assert check_equations(text).false


@table(NO_CONCERN_OF_OURS)
def test_what_cannot_be_read_without_doubt_is_left_alone(text: str) -> None:
    """Units, variables, powers, percentages, questions and times blame nobody."""
    assert not check_equations(text).false


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("+-*"), st.integers(-5, 5))
def test_an_equation_is_true_exactly_when_it_is(left: int, right: int, sign: str, slip: int) -> None:
    """For any two numbers, the right result is true and every other one is false."""
    result = {"+": left + right, "-": left - right, "*": left * right}[sign] + slip
    found = check_equations(f"So {left} {sign} {right} = {result}.")

    assert (found.true, found.false) == ((1, 0) if slip == 0 else (0, 1))


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from("<>"))
def test_a_comparison_is_true_exactly_when_it_is(left: int, right: int, sign: str) -> None:
    """Two numbers on a line of their own are in the order that is written, or not."""
    truth = left < right if sign == "<" else left > right
    found = check_equations(f"So:\n{left / 10} {sign} {right / 10}\nThat is all.")

    assert (found.true, found.false) == (truth, not truth)


@given(st.text(alphabet="0123456789+-*/()<>=., \n年x", max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Whatever a model writes, reading it raises nothing."""
    check_equations(text)


def test_reading_is_linear_in_the_text() -> None:
    """A reply of half a million signs that look like arithmetic does not hold the search up."""
    started = time.thread_time()
    for text in ("(1+" * 20_000 + "=1", "1+1+" * 20_000, "1 = " * 20_000, "1 < " * 20_000, "if 1<0\n" * 20_000):
        check_equations(text)

    assert time.thread_time() - started < 5

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from marco_cli.answer.compound import meaning
from marco_cli.answer.symbols import NotFormulaError

SYMBOLS = st.sampled_from(
    [
        *"0123456789xyeiab+-*/^_=<>()[]{}|!,;:.%' ",
        *(
            r"\frac",
            r"\sqrt",
            r"\pi",
            r"\pm",
            r"\log",
            r"\sin",
            r"\{",
            r"\}",
            r"\cup",
            r"\infty",
            r"\left",
            r"\text{cm}",
        ),
        *(
            "½",
            "²",
            "√",
            "±",
            "∞",
            "≤",
            "^{",
            r"\binom",
            r"\begin{pmatrix}",
            r"\end{pmatrix}",
            "&",
            r"\\\\",
            "ä",
            "and",
        ),
    ]
)

# Formulas, and what they are worth.
NUMBERS = [
    (r"\frac{3}{4} + \frac14", "1"),
    (r"2 \cdot 3^{2}", "18"),
    (r"-2^2", "-4"),
    (r"-1\frac12", "-1.5"),
    (r"\binom{5}{2}", "10"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"\log_2 8", "3"),
    (r"\cos 60^\circ", "0.5"),
    (r"e^{i\pi}", "-1"),
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"\lfloor 2.7 \rfloor", "2"),
    (r"|-3|", "3"),
    (r"0.1\overline{6}", "1/6"),
    (r"50\%", "50%"),
    (r"12 - 5 = 7", "7"),
    (r"x = \frac{12}{4} = 3", "3"),
    (r"f(2) = 9", "9"),
    (r"\text{cost} = \$4", "4"),
    (r"1,234", "1234"),
]
# None of them is worked out: they are too large, have no value, or are not formula.
REFUSED = [
    "9^{9^{9^9}}", "1001!", "x^{100000}", "e^{e^{e^{e^{e}}}}", r"\frac{1}{0}", r"\tan 90^\circ", r"\infty - \infty", "2^3^2", "3!!",
    "(" * 100, r"\frac" * 150, "x" * 500, "1/" * 400 + "1", "-" * 3000, r"\sqrt" * 300, "", "Paris", "12 apples", r"\sum_{k=1}^n k",
]  # fmt: skip


@table(NUMBERS)
def test_arithmetic_is_worked_out(formula: str, number: str) -> None:
    """A formula with one value is that number."""
    assert meaning(formula) == ("number", number)


@table(REFUSED)
def test_what_cannot_be_worked_out_is_refused(formula: str) -> None:
    """No formula takes long: what is too large or too deep is left to be compared as text."""
    with pytest.raises(NotFormulaError):
        meaning(formula)


@settings(deadline=None, max_examples=300)
@given(st.lists(SYMBOLS, max_size=30).map("".join), st.booleans())
def test_no_formula_breaks_the_reader(formula: str, is_math: bool) -> None:
    """It is understood or refused, whatever it is."""
    try:
        kind, form = meaning(formula, is_math=is_math)
    except NotFormulaError:
        return
    assert kind
    assert form


@settings(deadline=None)
@given(st.fractions(-1000, 1000, max_denominator=50), st.fractions(-1000, 1000, max_denominator=50))
def test_equal_polynomials_are_one_and_others_are_not(a: Fraction, b: Fraction) -> None:
    """(x + a)(x + b) in factors and multiplied out, and never with another coefficient."""
    factors = meaning(f"(x + ({a}))(x + ({b}))")

    assert meaning(f"x^2 + ({a + b})x + ({a * b})") == factors
    assert meaning(f"x^2 + ({a + b})x + ({a * b}) + 10^{{-9}}") != factors


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_roots_are_equal_when_their_squares_are(a: int, b: int) -> None:
    """a√b = √(a²b), and never √(a²b + 1)."""
    root = meaning(rf"{a}\sqrt{{{b}}}")

    assert meaning(rf"\sqrt{{{a * a * b}}}") == root
    assert meaning(rf"\sqrt{{{a * a * b + 1}}}") != root

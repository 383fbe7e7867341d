"""Equations as language models write them: LaTeX, Markdown, units, money, percentages."""

import time
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.reward.equations import check_equations

TRUE = [
    r"\[ 24 - 18 = 6 \]",
    r"\text{Total} = 5 \times 3 = 15 \text{ apples}",
    r"\$20 - \$36 = -\$16",
    r"\$20 - \$36 = \$-16",
    "$4.50 * 2 = $9",
    "$4.50 × 2 = $9.00",
    "3/4 of 20 = 15",
    r"\frac{3}{4} of 20 = 15",
    r"\frac{3}{4} \text{ of } 20 = 15",
    "10% of 50 = 5",
    r"10\% \times 50 = 5",
    r"= \frac{1}{2} \times 8 = 4",
    r"\begin{aligned} 5 + 3 \times 2 &= 5 + 6 \\ &= 11 \end{aligned}",
    "10 / 3 = 3.33",
    "2 hours * 60 minutes = 120 minutes",
    "2 hours × 60 minutes/hour = 120 minutes",
    "1 + 1/2 = 1 1/2",
    "2 1/2 + 1 1/2 = 4",
    r"2\frac{1}{2} + 1 = 3\frac{1}{2}",
    "2½ + 1 = 3.5",
    "1. 2 + 3 = 5",
    "1) 2 + 3 = 5",
    "(1) 2 + 3 = 5",
    "- 2 + 3 = 5",
    "* 2 + 3 = 5",
    "**2 + 3 = 5**",
    "**Total**: 2 + 3 = **5**",
    "- **Cost:** $2 + $3 = **$5**",
    "Step 1: 2 + 3 = 5",
    "5^2 = 25",
    "5² + 1 = 26",
    "2^{10} = 1024",
    "2**3 = 8",
    "-2^2 = 4",
    "-2^2 = -4",
    "(5 + 3) * 2 = 16",
    "2(3+4) = 14",
    "(2)(3) = 6",
    r"$$ 3 \cdot 4 = 12 $$",
    "5 feet + 3 feet = 8 feet",
    "5 muffins/box * 3 boxes = 15 muffins",
    "1/4 = 25%",
    "15/60 = 0.25 = 25%",
    r"\frac{15}{60} \times 100 = 25\%",
    "100% - 20% = 80%",
    "5 + 3 = 8 + 2 = 10",
    r"1,200 \times 3 = 3,600",
    r"1{,}200 \times 3 = 3{,}600",
    "12,000,000 / 4 = 3,000,000",
    "0.25 * 80 = 20",
    ".25 * 80 = 20",
    "3.125 * 2 = 6.25",
    "33.33 * 3 = 100",
    "66.67 - 33.33 = 33.33",
    "100 / 3 = 33.33; 33.33 * 2 = 66.67",
    "3.14 * 5^2 = 78.54",
    "5元 * 3 = 15元",
    "3个苹果 + 2个苹果 = 5个苹果",
    "每天5个，3天共3*5=15个",
    "60 ÷ 5 = 12",
    "5 × 3 = 15.",
    "The total is 5 + 3 = 8, and 8 * 2 = 16.",
    "5 + 3 = 8 and 8 * 2 = 16",
    "= 3 + 4 = 7",
    "`3 + 4 = 7`",
    "| 3 + 4 = 7 |",
    r"\( 5 \times 3 \) = \( 15 \)",
    r"\(5 + 3 = 8\)",
    r"\boxed{5 + 3 = 8}",
    r"\frac{30 \text{ miles}}{2 \text{ hours}} = 15 \text{ miles per hour}",
    r"\text{Cost} = 3 \times \$5 = \$15",
    r"\text{Cost} = \$3.00 \times 5 = \$15.00",
    "5 - 8 = -3",
    "5 - 8 = −3",
    "5 + (-3) = 2",
    "5 * -3 = -15",
    "(30 - 12) / 2 = 9",
    r"20 \text{ (tickets)} + 3 \text{ (tickets)} = 23 \text{ (tickets)}",
    "3/4 * 12 = 9",
    "12 * 3/4 = 9",
    "6 / 1/2 = 12",
    "6 ÷ 1/2 = 12",
    "12 kg - 5 kg = 7 kg",
    "628 g - 159 g = 469 g",
    "5kg + 3kg = 8kg",
    "7 / 2 = 3 R 1",
    "7 / 2 = 3 remainder 1",
    "7 / 2 = 3.5",
    "48 / 5 = 9.6 ≈ 10",
    "€5 + €3 = €8",
    "£5 x 3 = £15",
    "5 x 3 = 15",
    "5x3=15",
    "5 X 3 = 15",
    "15 = 5 x 3",
    r"\left( 5 + 3 \right) \times 2 = 16",
    "8 ∗ 2 = 16",
    "5!=120 so 5 + 1 = 6",
    "The average is (5 + 6 + 7) / 3 = 6",
    "The average is 5 + 6 + 7 / 3 = 6",
    "6 suits * $100/suit = $600",
    "$250 / $10/day = 25 days",
    "10 trips/week * $2.20/trip = $22/week",
    "a total of 6+8+16=30 ounces",
    "50*.4=20 hours",
    "\\[\n5 \\times 3\n= 15\n\\]",
]
FALSE = [
    r"\[ 24 - 18 = 7 \]",
    r"\text{Total} = 5 \times 3 = 16 \text{ apples}",
    r"\$20 - \$36 = \$6",
    "$20 - $36 = $6",
    r"\(\$20 - \$36 = \$6\)",
    "$4.50 * 2 = $9.50",
    "3/4 of 20 = 16",
    "10% of 50 = 6",
    r"\begin{aligned} 5 + 3 \times 2 &= 5 + 6 \\ &= 12 \end{aligned}",
    "10 / 3 = 3.5",
    "2 hours * 3 hours = 7 hours",
    r"2 \text{ boxes} \times 6 \text{ muffins} = 13 \text{ muffins}",
    "35 packs × 4 pencils per pack = 150 pencils",
    "1. 2 + 3 = 6",
    "- 2 + 3 = 6",
    "**2 + 3 = 6**",
    "**Total**: 2 + 3 = **6**",
    "Step 1: 2 + 3 = 6",
    "5^2 = 26",
    "5² = 10",
    "2(3+4) = 15",
    r"\frac{30}{2} = 16",
    r"\frac{30 \text{ miles}}{2 \text{ hours}} = 16 \text{ miles per hour}",
    r"\text{Cost} = 3 \times \$5 = \$16",
    r"30 \text{ pounds} - 11 \text{ pounds} = 18 \text{ pounds}",
    r"\text{Marco's weight} = 30 - 11 = 18",
    "12 kg - 5 kg = 8 kg",
    "5 + (-3) = 3",
    r"1,200 \times 3 = 3,500",
    "5元 * 3 = 16元",
    "3个苹果 + 2个苹果 = 6个苹果",
    "24 muffins - 18 muffins = 5 muffins",
    "a total of 24 - 18 = 5",
    r"= 5 \times 3 = 16",
    "The total is $5 + $3 = $9.",
    "$1,250 - $300 = $900",
    "5 × 3 + 2 = 16 apples",
    "20% of 80 = 20",
    "$3 + $2 = 6 dollars",
    "24 − 18 = 5",
    r"\text{Remaining} = 24 - 18 = 5 \text{ muffins}",
    "15 = 5 x 4",
    "6 suits * $100/suit = $700",
    "a total of 6+8+16=31 ounces",
    r"84 \text{ kWh} - 14 \text{ kWh} = 60 \text{ kWh}",
    r"\[ \frac{2058}{7} = 286 \]",
    r"\[ 2,018 \text{ seats} \div 7 \text{ buses} = 282 \text{ seats/bus} \]",
    r"\[ 415 \text{ baseball cards} - 665 \text{ baseball cards} = 780 \text{ baseball cards} \]",
    "3 x 12 = 35",
    "\\[\n5 \\times 3\n= 16\n\\]",
    "5 + 3\n= 9",
    "If we add:\n\n5 + 3 = 9",
]
NEVER_FALSE = [
    "5 feet = 60 inches",
    "1 hour = 60 minutes",
    "2 hours + 30 minutes = 150 minutes",
    "2 hours = 2 * 60 = 120 minutes",
    "1 day = 24 * 60 = 1440 minutes",
    "3 hours * 2 = 360 minutes",
    "90 minutes * 2 miles per hour = 3 miles",
    "2 apples + 3 apples = 25",
    "2 apples + 3 oranges = 13 dollars",
    "3:4 = 6:8",
    "3 : 4 = 6 : 8",
    "2024-11-15 + 3 = 2024-11-18",
    "11/15/2024 + 3 = 11/18/2024",
    "x + 5 + 3 = 10",
    "2x + 3 = 7",
    "5x = 35",
    "x = 5",
    "3 m + 2 = 8",
    "3m + 2m = 10",
    r"\text{apples} + 5 + 3 = 20",
    "Total - 9 + 10 = 55",
    "1 + 2 + ... + 9 + 10 = 55",
    r"1 + 2 + \cdots + 9 + 10 = 55",
    "Day 2 - 5 + 8 = 3",
    "Week 1 - 3 + 4 = 7",
    "Let's suppose 2 + 2 = 5",
    "If 2 + 2 = 5, then",
    "Is 5 + 3 = 9?",
    "5 + 3 ≠ 9",
    r"5 + 3 \neq 9",
    "5 + 3 == 9",
    "5 + ? = 8",
    "5 + ___ = 8",
    r"5 + \square = 8",
    "f(5 + 3) = 20",
    "f(2) = 2 + 3 = 5",
    r"\sqrt{16} + 2 = 6",
    r"\sin 30 + 1 = 1.5",
    "|5 - 8| = 3",
    "5! = 120",
    r"\binom{5}{2} = 10",
    r"\sum_{i=1}^{3} i = 6",
    "47 * 3 ≈ 150",
    "9 + 10 = 21 is wrong",
    "It is not true that 9 + 10 = 21",
    "5 + 3 = 8-10 apples",
    "5 to 3 + 2 = 4",
    "Version 1.2.3 + 1 = 4",
    "10 mod 3 + 1 = 2",
    "10 % 3 = 1",
    "7 // 2 = 3",
    "0x10 + 1 = 17",
    "1e3 + 1 = 1001",
    "5 dozen + 3 = 63",
    "3 dozen = 3 * 12 = 36",
    "1 1/2 hours = 90 minutes",
    "1 hour 30 minutes + 45 minutes = 135 minutes",
    "5 feet 3 inches + 2 inches = 65 inches",
    "30 + 60 = 1 hour, 30 minutes",
    "60 + 90 = 2 hours and 30 minutes",
    "Cost of 3 + 2 pens = 5 * 10 = 50",
    r"\text{Box 2} = 3 + 4 = 7",
    r"\text{Cost of 3 pens} = 3 \times 2 = 6",
    "Cost (3 + 2) = 16",
    "3 pens + 2 books = 16",
    "3 pens + 2 books = $16",
    "5 boxes + 3 apples = 23 apples",
    "9:00 + 2 = 11:00",
    "12:30 - 1 = 11:30",
    "the average of 3 + 5 = 4",
    "half of 50 + 10 = 35",
    "twice 5 + 3 = 16",
    "20 decreased by 5 + 3 = 18",
    "100 + 20% = 120",
    "50 - 10% = 45",
    "5 + 3 = 8 million",
    "500,000 + 500,000 = 1 million",
    "0.5 * 100 = 50%",
    "3/4 = 75%",
    "3/4 = 75",
    "2 * 3 dozen = 72",
    "5 quarters * 25 = 125 cents",
    "5 quarters + 3 dimes = 155 cents",
    "$5 + 50 cents = $5.50",
    "3 nickels = 3 * 5 = 15 cents",
    "5^x = 25",
    "10^{-2} = 0.01",
    "2^{0.5} = 1.41",
    "a_1 + 2 = 5",
    "a_{1} + 2 = 5",
    "1/2 * 6 = 3 out of 6",
    "5 + 3 = 2^3",
    r"4 + 4 = 2 \cdot 4",
    "M + 11 - 11 = 30 - 11",
    "0 = M + 11 - 11",
    "x = 30 - 11 = 19",
    "2 + 3 = 5 + 0",
    "12 / 2 * 3 = 2",
    "120 / 2(3) = 20",
    "Rolling 2 dice: 3 + 4 = 7",
    "speed = 60 / 2 = 30 mph",
    r"5 + 5 = 3\pi",
    "1 + 1 = 10 in binary",
    "101 + 1 = 110 (base 2)",
    "8 + 5 = 1 (mod 12)",
    "8 + 5 = 1 o'clock",
    r"8 + 5 \equiv 1 \pmod{12}",
    "7 + 8 = 3 pm",
    "11 + 3 = 2 PM",
    "10 + 4 = 2 o'clock",
    "A = 5 * 3 = 15 B = 2 + 3 = 5",
    "5 'apples' + 3 = 20",
    "3 + 4i + 2 = 5 + 4i",
    "(1, 2) + (3, 4) = (4, 6)",
    "[1, 2] + [3] = [1, 2, 3]",
    '"5" + "3" = "53"',
    "'5' + '3' = '53'",
    '5 + "3" = 53',
    "{1,2} + 3 = 6",
    "5 ± 3 = 8",
    "5 + 3 = 2 + x",
    "price = 5 + 3 = 8 - 2 = 6",
    "0.1 + 0.2 = 0.30000000000000004",
    "2.5 * 3 = 8",
    "H2 + O = 2",
    "room 5 + 3 = 9",
    "1st + 2nd = 3rd",
    "the 5 + 3 rule = 9",
    "2 + 3 = five",
    "5 gallons * 4 = 20 quarts",
    "3 yards = 9 feet = 3 * 3",
    "6 feet * 12 = 72 inches",
    "6 feet / 3 = 2 yards",
    "90 minutes / 60 = 1.5 hours",
    "90 / 60 = 1 hour and 30 minutes",
    "2 weeks + 3 days = 17 days",
    "3 pairs + 1 = 7 socks",
    "5 tens + 3 ones = 53",
    "4 quarters = 4 * 0.25 = 1 dollar",
    "100 cents + 50 cents = 1.50 dollars",
    "100 cents + 50 cents = 1.5",
    "$1.50 * 2 = 300 cents",
    "5% + 3% = 0.08",
    "5 < 3 + 4 = 7",
    "Score: 3 - 2 + 1 = win",
    "3-2 = win",
    "2-1 + 3-0 = two wins",
    "Chapter 3 - 2 + 5 = 7",
    "x=2, y=3: 2x + 3y = 13",
    "2*2 + 3*y = 13",
    "3(2) + 4 = 10",
    "4 + 2(3) = 10",
    "4 × 2 ½ = 10",
    r"5 \times 2\frac{1}{2} = 12.5",
    "16a^2 = 144 - 9a^2",
    "25a^2 = 144",
    "15 - 2 a = 1",
    "14 = 4 a + 6",
    "3 a + 4 = 25 - 4 a",
    "20/500 = 300/N",
    "504/M = 420/800",
    "4/10 = 6/x",
    "0.9X(0.02) = 72",
    r"54 = \frac{1}{2} r(9 + 12)",
    r"\frac{9}{14} p = 1.5",
    "9(20) = 18 (10)",
    "48 = 100% + 20% = 120%",
    "[3 + 1] (1/2) = 0.29",
    "50/12+13 = 50/25",
    "1 / 50 = 50",
    "2 / 50 = 25, so 2 is a divisor",
    "25 的圆心与抛物线 y^{2} = 2 p x",
    "25 classmates + his 1 teacher + 1 himself = 27 people",
    "If\n\\[\n2 + 3 = 6\n\\]\nthen the rest follows.",
    "\\[ 5 + 3 = 9 \\] is not right.",
]


@table(TRUE)
def test_equations_that_hold_are_recognised_as_models_write_them(text: str) -> None:
    """LaTeX, Markdown, units, money and percentages hide no right arithmetic."""
    found = check_equations(text)

    assert found.true
    assert not found.false


@table(FALSE)
def test_equations_that_do_not_hold_are_found_as_models_write_them(text: str) -> None:
    """Nor do they hide a slip."""
    assert check_equations(text).false


@table(NEVER_FALSE)
def test_what_may_be_meant_in_another_way_is_never_called_false(text: str) -> None:
    """Conversions, variables, labels, dates, suppositions and other arithmetics blame nobody."""
    assert not check_equations(text).false


FRAMES = [
    "{}",
    "So {}.",
    "1. {}",
    "- {}",
    "**{}**",
    r"\[ {} \]",
    r"\({}\)",
    "\\[\n{}\n\\]",
    r"\text{{Total}} = {}",
    "Total: {}, so it is done.",
    "The total is {}\n\nNext",
    "| {} |",
    r"\begin{{aligned}} x &= {} \\ \end{{aligned}}",
]


def write(number: Fraction, style: str, unit: str) -> str:
    """Write a number as a model does."""
    digits = (
        f"{abs(float(number)):.2f}" if number.denominator > 1 else format(abs(int(number)), "," if style == "," else "")
    )
    money = {"$": "$", "latex": r"\$"}.get(style, "")
    return f"{'-' if number < 0 else ''}{money}{digits}{unit}"


@st.composite
def equations(draw: st.DrawFn, slip: int = 0, divisors: tuple[int, ...] = (1, 10, 100)) -> str:
    """Draw an equation between numbers of at most two decimals, written in one of many ways."""
    divisor = draw(st.sampled_from(divisors))
    sign, shown = draw(st.sampled_from(["+ +", "- -", "- −", "* *", "* ×", r"* \times", "* x", "* ·"])).split()
    left = Fraction(draw(st.integers(0, 99_999)), divisor)
    right = Fraction(draw(st.integers(0, 99_999)), 1 if sign == "*" else divisor)
    value = {"+": left + right, "-": left - right, "*": left * right}[sign] + slip
    style = draw(st.sampled_from(["", ",", "$", "latex"]))
    unit = (
        draw(st.sampled_from(["", " apples", " hours", " kg", "元", r" \text{ pounds}"])) if style in {"", ","} else ""
    )
    other = "" if sign == "*" else unit
    equation = f"{write(left, style, unit)} {shown} {write(right, style, other)} = {write(value, style, unit)}"
    return draw(st.sampled_from(FRAMES)).format(equation)


@given(equations())
def test_a_true_equation_is_true_however_it_is_written(text: str) -> None:
    """Units, money, LaTeX and Markdown turn no right equation into a false one."""
    found = check_equations(text)

    assert (found.true > 0, found.false) == (True, 0)


@given(equations(slip=7, divisors=(1, 10)))
def test_a_slip_is_found_however_it_is_written(text: str) -> None:
    """The same equations with 7 added are false; hundredths are left out, since 0.33 may be a third."""
    found = check_equations(text)

    assert (found.true, found.false) == (0, 1)


@given(st.text(alphabet="0123456789+-*/^()<>=.,:% \n$\\{}[]|&xX的元hours of and frac text", max_size=200))
def test_any_markup_is_read_without_an_error(text: str) -> None:
    """Whatever a model writes, reading it raises nothing."""
    check_equations(text)


@table(
    [
        "(" * 50_000 + "=1",
        "((1+" * 20_000 + "=1",
        r"\frac{" * 20_000,
        r"\frac{1}{2}" * 10_000 + "=1",
        "1^" * 20_000 + "1=1",
        "9^9^9^9^9 = 1\n" * 5_000,
        "9^64 * 9^64 * 9^64 = 1\n" * 2_000,
        "9" * 100_000 + "=1+1",
        "1 a " * 30_000 + "= 1",
        "1 a / b " * 20_000 + "=1",
        "1=1+1 " * 10_000,
        r"\text{" * 20_000,
        "{" * 50_000,
        "1(1/2)" * 20_000 + "=1",
        "1.250+" * 20_000 + "1=1",
        "- " * 50_000 + "1=1",
        "\n=" * 50_000,
        "(1/3/" * 10_000 + "=1",
        "a: " * 50_000 + "1+1=2",
        "½" * 50_000 + "=1",
        "1) " * 40_000,
        "**" * 50_000,
        "5 of " * 30_000 + "=1",
        " " * 100_000 + "=1",
        "1" + " " * 100_000 + "\\frac12 = 1",
        ("1" + " " * 300) * 300 + "= 1",
    ]
)
def test_reading_any_markup_is_linear_in_the_text(text: str) -> None:
    """A hundred thousand signs that look like arithmetic do not hold the search up, nor do giant powers."""
    started = time.thread_time()
    check_equations(text)

    assert time.thread_time() - started < 3

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.view.formula import formulas, plain_formula, with_plain_formulas


@table(
    [
        (r"\frac{30}{2} + x^2 = 15", "30/2 + x² = 15"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"2\frac{1}{2}", "2 1/2"),
        (r"\dfrac12", "1/2"),
        (r"5 \times 3 \text{ apples}", "5 × 3 apples"),
        (r"\sqrt{16} + \sqrt[3]{x+1}", "√16 + ∛(x+1)"),
        (r"a_1 + a_{n} = 10^{-3}", "a₁ + aₙ = 10⁻³"),
        (r"x^{2y} + x_{max}", "x^(2y) + x_max"),
        (r"\left( \frac{1}{2} \right)", "( 1/2 )"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b\nc = d"),
        (r"\boxed{42}", "42"),
        (r"180^\circ", "180°"),
        (r"\$20 - 5\%", "$20 - 5%"),
        (r"\sin \theta \le 1", "sin θ ≤ 1"),
        (r"\frac", "/"),
        ("{" * 100, ""),
        ("\\", ""),
    ]
)
def test_a_formula_is_written_plainly(formula: str, expected: str) -> None:
    """LaTeX becomes what people write; what breaks off raises nothing."""
    assert plain_formula(formula).strip("{") == expected


@table(
    [
        ("it costs $5 and $10.", "it costs $5 and $10."),
        ("from $20k to US$ 30", "from $20k to US$ 30"),
        ("so $5 an hour, $x = 2$ hours", "so $5 an hour, x = 2 hours"),
        (r"so \( 24 - 18 = 6 \) apples", "so 24 - 18 = 6 apples"),
        (r"$ 24 \times 60 $", "24 × 60"),
        (r"The answer is \boxed{\frac{1}{2}}.", "The answer is 1/2."),
        (r"C:\temp\new", r"C:\temp\new"),
        (r"\( never closed", r"\( never closed"),
    ]
)
def test_only_formulas_change(text: str, expected: str) -> None:
    """Money, paths and what is not closed stay as they are."""
    assert with_plain_formulas(text) == expected


def test_relations_are_found() -> None:
    """The formulas of a text that say something are those with a relation."""
    assert formulas(r"with $x$ we get \[ x = 3 \] and $y \geq 2$") == ["x = 3", "y ≥ 2"]


@table([r"\frac{", r"\frac", "{", "^", r"\sqrt[", r"\begin{a}", "$a "])
def test_deep_nesting_is_read(text: str) -> None:
    """A model in a loop overflows no stack."""
    with_plain_formulas(text * 2_000)
    plain_formula(text * 2_000)


@given(st.text(alphabet="\\{}$^_&()[] ab12frac", max_size=60))
def test_any_text_is_read(text: str) -> None:
    """Whatever a model writes is not an error."""
    with_plain_formulas(text)
    plain_formula(text)

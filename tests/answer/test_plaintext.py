from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.answer.plaintext import clean

DRESSED = [
    ("１２，３４５．５％", "12,345.5%"),
    ("−5 － 3", "-5 - 3"),
    ("10⁵, 10⁻¹²", "10^5, 10^-12"),
    ("1½", "1 1/2"),
    (r"\dfrac{3}{4} 1\frac12", "3/4 1 1/2"),
    (r"\frac{n(n-3)}{2}", r"\frac{n(n-3)}{2}"),
    (r"70{,}000\,\text{cm}^2", "70,000cm^2"),
    (r"\left( 90^\circ \right)", "( 90° )"),
    (r"3 \times 4 \div 2", "3 × 4 ÷ 2"),
    (r"\$5 \%", "$5 %"),
    ("**Answer:** `17`", "Answer: 17"),
    ("2**3", "2**3"),
    ("a\n```py\nx = 1\ny = 2\n```\nb", "a\n\nb"),
    ("```\n17\n```", "\n17\n"),
    ("a\n```py\nx = 1\ny = 2", "a\n"),
    ("1\u200b7", "17"),
    ("১৭", "17"),
]


@table(DRESSED)
def test_dress_is_removed(text: str, plain: str) -> None:
    """Unicode forms, LaTeX and Markdown leave the characters that matter."""
    assert clean(text).text == plain


def test_every_character_knows_its_origin() -> None:
    """A span of plain text leads back to the original characters, commands included."""
    text = r"so \dfrac{3}{4} or ½"
    plain = clean(text)
    spans = [plain.origin(plain.text.index(part), plain.text.index(part) + len(part)) for part in ("3/4", "1/2")]

    assert [text[slice(*span)] for span in spans] == [r"\dfrac{3}{4}", "½"]


def test_arguments_of_commands_are_marked() -> None:
    """Braces of a command, exponent or index mark their content; other braces do not."""
    plain = clean(r"\sqrt{2} {3} \text{4} x^{5}")
    marked = [
        character for character, nested in zip(plain.text, plain.nested, strict=True) if nested and character.isdigit()
    ]

    assert marked == ["2", "5"]


@given(st.text() | st.text(alphabet="\\{}frac12te x^_`*\n½⁵", max_size=40))
def test_origins_are_in_order_and_inside_the_text(text: str) -> None:
    """Origins never run backwards and never leave the text."""
    plain = clean(text)

    assert len(plain.starts) == len(plain.ends) == len(plain.nested) == len(plain.text)
    assert list(plain.starts) == sorted(plain.starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(plain.starts, plain.ends, strict=True))

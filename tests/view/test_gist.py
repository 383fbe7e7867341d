import pytest
from tables import table

from marco_cli.view.gist import gist


@table(
    [
        ("### Step 1: add\n", "Step 1: add ", ()),
        ("- **Total**: `24`\n", "Total: 24 ", ()),
        (r"So we have \[ \frac{30}{2} = 15 \]", "So we have 30/2 = 15", ("30/2 = 15",)),
        (r"with $x = 3$ and $y$", "with x = 3 and y", ("x = 3",)),
        ("so 48 / 2 = 24.\n", "so 48 / 2 = 24. ", ("48 / 2 = 24",)),
        ("[red]x[/red]", "[red]x[/red]", ()),
        ("result_1 = 17 * 23", "result_1 = 17 * 23", ()),
        (" middle of ", " middle of ", ()),
    ]
)
def test_a_step_is_undressed(text: str, words: str, equations: tuple[str, ...]) -> None:
    """Marks of Markdown and LaTeX go, words and formulas stay, and so does a space at either end."""
    found = gist(text, 100, is_beginning=True, is_end=True)

    assert (found.text, found.equations) == (words, equations)


@pytest.mark.parametrize(
    ("text", "is_beginning", "is_end", "slip"),
    [
        ("22 + 7 = 39\n", True, True, "22 + 7 = 39"),
        ("22 + 7 = 29\n", True, True, ""),
        ("2 + 7 = 39\n", False, True, ""),
        ("22 + 7 = 2", True, False, ""),
        ("1\n22 + 7 = 39\n5", False, False, "22 + 7 = 39"),
    ],
)
def test_a_false_sum_is_found_unless_the_step_may_cut_it(
    text: str, is_beginning: bool, is_end: bool, slip: str
) -> None:
    """A step of 32 tokens may hold half of a number, which makes no slip."""
    assert gist(text, 100, is_beginning=is_beginning, is_end=is_end).slip == slip


def test_any_text_is_read_in_little_time() -> None:
    """Runs of signs do not make the search for equations slow."""
    for text in ("1+" * 5_000, "$" * 10_000, "\\[" * 5_000, "-" * 10_000, "1" * 10_000, "{" * 10_000):
        assert len(gist(text, 1_000, is_beginning=True, is_end=True).text) <= 1_000

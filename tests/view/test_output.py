import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tables import table

from marco_cli.view.output import RawOutput, RenderedOutput
from marco_cli.view.wrapping import Wrapped

REPLY = r"""# Result of **all**

She earns $5 per hour and works $x = \frac{1}{2}$ of a day, which is more than most people do in a `week`.
\[
\frac{30}{2} \times 3 = 45
\]
1. **First item** with a rather long text that goes on over the end of the line, hanging.
   - nested *emphasis* and [link](http://example.com/x)
| name | value |
|:-----|------:|
| a | 1 |
```python
def double(x):
    return x * 2  # whatever
```
> quoted
---
So \( 24 - 18 = 6 \) apples, thus \[ x = 6 \] holds. 2 * 3 = 6; snake_case_name and |x| < 3.
四月卖了48个朋友，五月卖了一半。四月和五月她一共卖了多少个发夹？
The final answer is \boxed{42}."""


def rendered(*pieces: str, width: int = 60, is_coloured: bool = False) -> str:
    """Return what a terminal of that width is sent."""
    written: list[str] = []
    output = RenderedOutput(
        written.append, width=lambda: width, is_coloured=is_coloured, environ={"TERM": "xterm-256color"}
    )
    for piece in pieces:
        output.write(piece)
    output.end()
    return "".join(written)


def cut(text: str, seed: int) -> list[str]:
    """Return a text in pieces of one to six characters."""
    rng, pieces = random.Random(seed), []
    while text:
        size = rng.randint(1, 6)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


@table(
    [
        ("## A **bold** title", "A bold title"),
        ("- one\n* two\n1. three", "• one\n• two\n1. three"),
        ("  - nested", "  • nested"),
        ("> said", "│ said"),
        ("```py\nx = 1\n```", "x = 1"),
        ("```\n  kept  as it is\n\n# is\n```", "  kept  as it is\n\n# is"),
        ("a `b_c` *d* __e__ ~~f~~", "a b_c d e f"),
        (r"\[ x^2 = 4 \]", "    x² = 4"),
        ("$$\nx = 1\n$$\nso", "    x = 1\nso"),
        ("[a](http://b.c)", "a (http://b.c)"),
        ("<b>x</b> &lt; ![i](j)", "<b>x</b> &lt; !i (j)"),
        ("[red]x[/red] [/]", "[red]x[/red] [/]"),
        ("one\n\n\ntwo", "one\n\ntwo"),
        ("|x| + |y|", "|x| + |y|"),
        ("a | b\nc", "a | b\nc"),
        (r"it is \$5 \* 3", "it is $5 * 3"),
        ("```\nnever closed", "never closed"),
        (r"\[ never closed", "    never closed"),
    ]
)
def test_markdown_is_read(text: str, expected: str) -> None:
    """Each construct looks as people expect it to, without its marks."""
    assert rendered(text) == f"{expected}\n"


def test_tables_have_columns() -> None:
    """Cells stand below one another, numbers to the right where the table says so."""
    rows = rendered("| name | value |\n|---|--:|\n| a | 1 |\n| b \\| c | 22 |").splitlines()

    assert [row.split() for row in rows if "─" not in row] == [["name", "value"], ["a", "1"], ["b", "|", "c", "22"]]
    assert rows[2].endswith("    1")


@table(product([20, 50, 80, 120], range(5)))
def test_pieces_make_no_difference(width: int, seed: int) -> None:
    """However the text comes, the screen is the same in the end: nothing is written that has to change."""
    assert rendered(*cut(REPLY, seed), width=width) == rendered(REPLY, width=width)


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_words_are_whole_and_rows_fit(width: int) -> None:
    """A line of words is broken between them; code stays in one piece, for copying."""
    text = "Counting everything together, the merchant eventually sold seventy-two different ornaments. " * 5
    rows = rendered(text, width=width).splitlines()

    assert all(cell_len(row) <= width for row in rows)
    assert " ".join(rows).split() == text.split()


def test_words_come_before_their_paragraph_is_finished() -> None:
    """What is settled is written at once; a formula that is not closed waits."""
    written: list[str] = []
    output = RenderedOutput(written.append, width=lambda: 60, is_coloured=False, environ={})
    output.write("The answer is ")
    output.write(r"surely \( 1 + ")

    assert "".join(written) == "The answer is surely"


def test_styles_are_for_terminals_that_take_them() -> None:
    """Bold is bold where it may be, and nothing at all elsewhere."""
    assert "\x1b[1m" in rendered("**x**", is_coloured=True)
    assert "\x1b" not in rendered(REPLY)


@pytest.mark.parametrize("is_coloured", [True, False])
@given(st.text(alphabet="\x1b[]\x07\x9b;31m`*_|$\\{}()#->\n 1a\u202e&\t", max_size=80))
def test_nothing_that_a_model_writes_steers_the_terminal(is_coloured: bool, text: str) -> None:
    """Control characters are shown, never sent; those that are sent are ours, and they end where they began."""
    sent = rendered(*cut(text, 0), is_coloured=is_coloured)

    assert not {"\x07", "\x9b", "\u202e", "\r"} & set(sent)
    assert all(part[0] == "[" and "m" in part for part in sent.split("\x1b")[1:])
    assert is_coloured or "\x1b" not in sent


def test_raw_is_raw() -> None:
    """As the model wrote it, control characters aside."""
    written: list[str] = []
    output = RawOutput(written.append)
    output.write("**x** \x1b[2J")
    output.end()

    assert "".join(written) == "**x** \\x1b[2J\n"


@pytest.mark.parametrize("seed", range(3))
def test_a_thought_is_broken_between_words(seed: int) -> None:
    """Whatever its pieces; its lines stay lines."""
    text = "First we add all of the numbers together.\n\nThen we are done, are we not? " * 3
    wrapped = Wrapped(lambda: 24)
    shown = "".join(wrapped.add(piece) for piece in cut(text, seed)) + wrapped.end()

    assert all(len(row.rstrip()) <= 24 for row in shown.splitlines())
    assert shown.split() == text.split()

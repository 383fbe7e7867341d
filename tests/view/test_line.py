import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tables import table

from marco_cli.view.line import Glyphs, fold, fold_row, one_line, wrap

UTF8 = Glyphs.of("utf-8")


@table(
    [
        ("forty-two", 9, "forty-two"),
        ("forty-two", 8, "forty-t…"),
        ("forty two", 7, "forty…"),
        ("四十二个", 8, "四十二个"),
        ("四十二个", 7, "四十二…"),
        ("四十二个", 6, "四十…"),
        ("四十二个", 2, "…"),
        ("forty-two", 1, "…"),
        ("forty-two", 0, ""),
    ]
)
def test_text_is_cut_by_cells(text: str, width: int, expected: str) -> None:
    """A Chinese character takes two cells and is never cut in half; what is missing is marked."""
    assert UTF8.fit(text, width) == expected


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "✓ 四…"), ("UTF-16", "✓ 四…"), ("ascii", "? ?????"), ("latin-1", "? ?????"), ("gbk", "? 四...")],
)
def test_an_encoding_gets_only_what_it_has(encoding: str, expected: str) -> None:
    """What a terminal cannot write becomes a question mark before widths are measured; guides become ASCII."""
    glyphs = Glyphs.of(encoding)
    width = 5 if encoding.startswith(("utf", "UTF")) else 8

    fitted = glyphs.fit("✓ 四十二个字", width)

    assert fitted == expected
    fitted.encode(encoding)
    for glyph in (glyphs.branch, glyphs.ellipsis, glyphs.check, glyphs.full, glyphs.empty, glyphs.block):
        glyph.encode(encoding)


@table(
    [
        ("\n\n Let me\n\tadd. \n", "Let me add."),
        ("so 72.\n</Thought>\n<Output>\nThe answer is 72.", "so 72. The answer is 72."),
        ("</THINK>\n", ""),
        ("[red]a[/red] < b", "[red]a[/red] < b"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202eevil", "\\u202eevil"),
    ]
)
def test_a_label_is_one_printable_line(text: str, expected: str) -> None:
    """Line ends become spaces, tags go, and whatever could steer a terminal is made visible."""
    assert one_line(text, 100) == expected


def test_the_cost_of_a_label_does_not_depend_on_the_text() -> None:
    """A step of millions of characters is looked at only at its beginning."""
    assert one_line("x" * 10_000_000, 80) == "x" * 80


@given(text=st.text(alphabet="ab 四十\n", max_size=80), width=st.integers(2, 20))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    """Every line fits into the width, Chinese or not, and all characters but white space are still there."""
    lines = wrap(text, width)

    assert all(0 < cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@table(
    [
        ("marco: it fits into thirty", ["marco: it fits into thirty"]),
        ("marco: a file  of many more words than that", ["marco: a file of many more", "       words than that"]),
        (
            "  hint: check it with `marco models verify` now",
            ["  hint: check it with", "        `marco models verify`", "        now"],
        ),
        (
            "marco: go on with: marco batch in.jsonl -o out.jsonl",
            ["marco: go on with:", "       marco batch in.jsonl -o out.jsonl"],
        ),
        ("  hint: marco models pull marco-o1:q4_k_m", ["  hint: marco models pull marco-o1:q4_k_m"]),
        ("no label in this line of words, none", ["no label in this line of", "words, none"]),
        (
            "marco: cannot read /a/path/wider/than/the/screen: gone",
            ["marco: cannot read", "       /a/path/wider/than/the/screen:", "       gone"],
        ),
        ("marco: 四十二个字，四十二个字，四十二个字", ["marco: 四十二个字，四十二个字，四十二个字"]),
        ("tokens   32 decoded, 31 prefilled, 7 reused", ["tokens   32 decoded, 31", "         prefilled, 7 reused"]),
        (" " * 40, [" " * 40]),
    ]
)
def test_a_message_is_broken_between_words(text: str, expected: list[str]) -> None:
    """At thirty cells: words, paths and commands stay whole, and what follows a label is indented alike."""
    assert fold(text, 30).split("\n") == expected


@given(text=st.text(alphabet="ab: `四十", max_size=80), width=st.integers(2, 30))
def test_a_folded_message_loses_nothing(text: str, width: int) -> None:
    """All characters but spaces are still there, whatever the width."""
    assert "".join(fold(text, width).split()) == "".join(text.split())


@table(
    [
        ("generic  Any chat model; its reply shows.", ["generic  Any chat model; its", "         reply shows."]),
        ("ok    chat template  renders 31 tokens", ["ok    chat template  renders", "                     31 tokens"]),
        ("memory:  about 0.9 GiB with 8192 tokens", ["memory:  about 0.9 GiB with", "         8192 tokens"]),
        ("    {{ code that is longer than it }}", ["    {{ code that is longer", "    than it }}"]),
        ("one  two", ["one  two"]),
        ("nano  4 MiB  3M  F16  bundled  /a/long/path", ["nano  4 MiB  3M  F16  bundled", "    /a/long/path"]),
        ('marco "How many are there?"  asks the model', ['marco "How many are there?"', "    asks the model"]),
        ("", [""]),
    ]
)
def test_a_row_keeps_its_columns(text: str, expected: list[str]) -> None:
    """At thirty cells: the last column goes on below itself."""
    assert fold_row(text, 30).split("\n") == expected

r"""Markdown and LaTeX as models write them, as Rich text, a line or a block at a time.

In: printable lines. Out: Rich renderables and `Text`. Nothing that a model writes is Rich markup, HTML or a link that a terminal
would follow: tags are shown as they stand, addresses in brackets behind their words.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from marco_cli.view.formula import with_plain_formulas

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CODE_STYLE: Final = "color(73)"
HEADING_STYLE: Final = "bold"
_STYLES: Final = {"strong": "bold", "em": "italic", "s": "strike"}
_FIRST_PLACE: Final = 0xF0000
"""Private characters that stand for formulas while Markdown is read; printable text has none of them."""


def inline(text: str) -> Text:
    """Return a line with emphasis, code, links and formulas."""
    kept: list[str] = []

    def keep(formula: str) -> str:
        kept.append(formula.replace("\n", "; "))
        return chr(_FIRST_PLACE + len(kept) - 1)

    pieces = text.split("`")  # between backticks nothing is a formula
    is_code = len(pieces) % 2 == 1
    marked = "`".join(
        piece if is_code and index % 2 else with_plain_formulas(piece, keep) for index, piece in enumerate(pieces)
    )
    shown = Text()
    for token in _parser().parseInline(marked):
        _append(shown, token.children or [])
    if not kept:
        return shown
    return _with_formulas(shown, kept)


def table(lines: tuple[str, ...]) -> Table:
    """Return a table of Markdown: a heading, a line of dashes, and rows."""
    heading, dashes, *rows = (_cells(line) for line in lines)
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, highlight=False)
    for index, cell in enumerate(heading):
        dash = dashes[index] if index < len(dashes) else "-"
        is_right, is_middle = dash.endswith(":"), dash.endswith(":") and dash.startswith(":")
        grid.add_column(
            inline(cell), justify="center" if is_middle else "right" if is_right else "left", overflow="fold"
        )
    for row in rows:
        padded = (*row, *("" for _ in heading))[: len(heading)]
        grid.add_row(*(inline(cell) for cell in padded))
    return grid


@lru_cache(maxsize=1)
def code(text: str, language: str) -> Text:
    """Return code in the colours of the terminal; as it stands where nothing is known of its language."""
    from rich.syntax import Syntax  # noqa: PLC0415 (Pygments: where code is shown)

    syntax = Syntax(text, language or "text", theme="ansi_dark")
    shown = syntax.highlight(text)
    shown.rstrip()
    return shown


def _append(shown: Text, tokens: "list[Token]") -> None:
    styles: list[str] = []
    links: list[tuple[str, int]] = []
    for token in tokens:
        kind, _, edge = token.type.rpartition("_")
        if token.type == "link_open":
            links.append((str(token.attrs.get("href", "")), len(shown)))
        elif token.type == "link_close":
            address, start = links.pop()
            if address and shown.plain[start:] != address:
                shown.append(f" ({address})", "dim")
        elif edge == "open":
            styles.append(_STYLES.get(kind, ""))
        elif edge == "close":
            styles.pop()
        elif token.type == "code_inline":
            shown.append(token.content, CODE_STYLE)
        elif token.type in ("softbreak", "hardbreak"):
            shown.append("\n")
        else:
            shown.append(token.content, " ".join(style for style in styles if style))


def _with_formulas(shown: Text, kept: list[str]) -> Text:
    """Put the formulas where they stood."""
    result = Text()
    start = 0
    for place, character in enumerate(shown.plain):
        index = ord(character) - _FIRST_PLACE
        if 0 <= index < len(kept):
            result.append_text(shown[start:place])
            style = " ".join(str(span.style) for span in shown.spans if span.start <= place < span.end)
            result.append(kept[index], style)
            start = place + 1
    result.append_text(shown[start:])
    return result


def _cells(line: str) -> list[str]:
    """Return the cells of a row; a bar behind a backslash belongs to its cell."""
    cells = line.strip().replace("\\|", "\0").removeprefix("|").removesuffix("|").split("|")
    return [cell.strip().replace("\0", "|") for cell in cells]


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 (only where a terminal renders)

    return (
        MarkdownIt("commonmark", {"html": False, "typographer": False})
        .enable("strikethrough")
        .disable(["entity", "image", "html_inline", "autolink"])
    )

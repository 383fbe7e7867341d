r"""What a step of reasoning says, without the dress of Markdown and LaTeX.

In: the text of a step, which may begin or end anywhere. Out: plain text on one line, and the equations in it.
"""

import re
from typing import Final, NamedTuple

from marco_cli.reward.equations import false_equations
from marco_cli.view.formula import formulas, with_plain_formulas
from marco_cli.view.line import flat

_READ: Final = 4_000
"""Characters of a step that are looked at."""
_MOST: Final = 120
"""Characters of an equation that are kept."""
_MOST_EQUATIONS: Final = 8
_DRESS: Final = re.compile(
    r"(?m)^[ \t]{0,8}(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+(?=\S)|```[^\n]*$|(?:[-*_][ \t]?){3,}$)|\*\*|`+|(?<!\w)__|__(?!\w)"
)
_OPERAND: Final = r"[($€£√-]*\d[\d.,]*[%)²³]*"
_SUM: Final = rf"{_OPERAND}(?:\s*[-+*/×÷·^]\s*{_OPERAND})"  # noqa: RUF001 (what models write)
_EQUATION: Final = re.compile(rf"(?<!\w){_SUM}*(?:\s*=\s*{_SUM}*)+")


class Gist(NamedTuple):
    """A step in short."""

    text: str
    """A space at either end is kept."""
    equations: tuple[str, ...]
    """Those that the text holds."""
    slip: str
    """The first that is false, "" where none is."""


def gist(text: str, limit: int, *, is_beginning: bool, is_end: bool) -> Gist:
    """Return a step in at most `limit` characters.

    A step that does not begin at the beginning of a line (`is_beginning`), or end at the end of one, may cut an equation:
    nothing is said of one that touches that edge.
    """
    text = text[:_READ]
    bare = flat(with_plain_formulas(_DRESS.sub("", text)), limit)
    found = formulas(text) or [each[0].rstrip(".,") for each in _EQUATION.finditer(bare)]
    equations = tuple(flat(each, _MOST).strip() for each in found[:_MOST_EQUATIONS])
    return Gist(bare, equations, _slip(text, is_beginning=is_beginning, is_end=is_end))


def _slip(text: str, *, is_beginning: bool, is_end: bool) -> str:
    if not is_beginning:
        text = text[text.find("\n") + 1 :] if "\n" in text else ""
    if not is_end:
        text = text[: text.rfind("\n") + 1]
    return next((flat(each, 40) for each in false_equations(text)), "")

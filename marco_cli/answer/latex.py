r"""LaTeX without its dress: no size, no spacing, no dollars, and Unicode signs as LaTeX has them.

In: a formula. Out: text in which U+FE50 stands between grouped digits, and U+FE51 behind repeating ones: 0.1(6).
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import product
from typing import Final

from marco_cli.answer.signs import SIZES

_GONE: Final = re.compile(
    rf"\\(?:{'|'.join(sorted(SIZES))})(?![A-Za-z])\.?"
    r"|(?<!\\)\\[!:;> ]|\\q?quad(?![A-Za-z])|\\(?:phantom|hspace)\{[^{}]*\}|(?<!\\)\$|(?<!\\)\\[()\[\]]|[\u200b-\u200f\u2060-\u2064\ufeff]"
)
_GROUPED: Final = re.compile(r"(?<=[0-9])(?:,\\[!,]\s*|\{,\}\s?|\\,)(?=[0-9]{3}(?![0-9]))")
_REPEATING: Final = re.compile(
    r"(?P<fixed>[0-9]*\.[0-9]*)\\(?:overline|bar)\s*\{?(?P<lined>[0-9]+)\}?"
    r"|(?<![0-9])(?P<before>0?\.[0-9]*|[0-9]+\.)\((?P<round>[0-9]{1,12})\)(?![0-9^])"
)
_BASE_NAMES: Final = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_BASE: Final = re.compile(
    r"(?<=[0-9A-F])(?:_\{?\s*\\(?:text|mathrm|mbox)\s*\{\s*(?:base[\s~]*\}?\s*)?|\s*(?:\\(?:text|mathrm|mbox)\s*\{\s*)?(?:\(|in\s)?\s?base[\s~]*)"
    rf"(?P<base>[0-9]{{1,2}}|{'|'.join(_BASE_NAMES)})(?![\w.])\s*[)}}]*"
)
_ARRAY: Final = re.compile(r"\\(begin|end)\s*\{array\}(?:\{[clr|\s]*\})?")
_SUPERSCRIPTS: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_CHARACTERS: Final = str.maketrans({"−": "-", "–": "-", "\u2009": " ", "\u00a0": " ", "\u202f": " ", "⁄": "/"})
_PLUS_MINUS: Final = re.compile(r"\\pm(?![A-Za-z])|±|\\mp(?![A-Za-z])|∓|\+/-")
_MOST_SIGNS: Final = 3
"""Of one formula; each doubles it."""


def normal(text: str) -> str:
    """Return a formula without size, spacing and dollars, its Unicode signs as LaTeX has them."""
    text = _SUPERSCRIPTS.sub(
        lambda run: "^{" + unicodedata.normalize("NFKC", run.group()).replace("−", "-") + "}", text
    )
    text = "".join(_vulgar(character) for character in text.translate(_CHARACTERS))
    text = _GROUPED.sub("\ufe50", text)
    text = _ARRAY.sub(lambda found: rf"\{found[1]}{{matrix}}", text)
    text = _BASE.sub(lambda found: f"_{{{_base(found['base'])}}}", text)
    text = _REPEATING.sub(
        lambda found: f"{found['fixed'] or found['before']}({found['lined'] or found['round']})\ufe51", text
    )
    return _GONE.sub("", text).strip()


def _base(name: str) -> int:
    return int(name) if name.isdigit() else _BASE_NAMES.index(name) + 2


def _vulgar(character: str) -> str:
    """Return the plain form of a vulgar fraction or a full-width character."""
    if character.isascii():
        return character
    form = unicodedata.normalize("NFKC", character)
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return " " + form.replace("⁄", "/") + " "
    digit = unicodedata.decimal(character, None)
    return str(digit) if digit is not None else form if len(form) == 1 else character


def sign_choices(text: str) -> Iterator[str]:
    r"""Yield the formula with each choice of its signs ±; ∓ is the opposite of the first ±."""
    found = _PLUS_MINUS.findall(text)
    if not found:
        yield text
        return
    plus_minus = [sign for sign in found if "mp" not in sign and sign != "∓"]
    if not 0 < len(plus_minus) <= _MOST_SIGNS:
        yield text
        return
    for chosen in product("+-", repeat=len(plus_minus)):
        left = iter(chosen)
        opposite = "-" if chosen[0] == "+" else "+"
        yield _PLUS_MINUS.sub(
            lambda sign: opposite if "mp" in sign.group() or sign.group() == "∓" else next(left),  # noqa: B023
            text,
        )

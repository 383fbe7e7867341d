r"""One notation for what models write in plain text, Markdown and LaTeX.

In: a reply. Out: the same text with `*`, `/`, `^`, brackets and units in plain characters: `\frac{30 \text{ km}}{2}` becomes
`((30 km)/(2))`. What has no plain form keeps its backslash, and the equations around it are left alone. Lines stay lines,
except that a line which begins with `=` goes on with the one before. Linear in the length of the text.
"""

import re
from typing import Final

from marco_cli.answer.signs import SIGNS, SIZES, TEXTS

OPENS: Final = "⟦"
"""Where a displayed formula begins."""
CLOSES: Final = "⟧"

_SIGNS: Final = str.maketrans(
    "×✕⋅∙•∗⨯·÷∕−–＋＝（）＜＞？！％≃≅≒\u00a0\u2009\u202f",  # noqa: RUF001 (what models write)
    "********//--+=()<>?!%≈≈≈   ",
)
_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_HALVES: Final = {"½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "⅓": "(1/3)", "⅔": "(2/3)", "⅛": "(1/8)"}
_ARITHMETIC: Final = ("times", "cdot", "ast", "div", "approx", "lt", "gt", "Rightarrow", "implies", "therefore")
"""Commands that have a part in arithmetic. The others keep their backslash, and the equations around them are left alone."""
_COMMANDS: Final = {
    **{name: SIGNS[name].translate(_SIGNS) for name in _ARITHMETIC},
    **dict.fromkeys(SIZES, ""),
    **dict.fromkeys(("quad", "qquad"), " "),
}
_ESCAPED: Final = {
    "[": OPENS,
    "]": CLOSES,
    "(": " ",
    ")": " ",
    "$": "$",
    "%": "%",
    "{": "(",
    "}": ")",
    "\\": "\n",
    "!": "",
}

_EMPHASIS: Final = re.compile(r"(?<![\d)\s*])\*\*(?!\*)|(?<!\*)\*\*(?![\s\d(*])|(?<![^\s])\*\*(?=[\d(])|`+")
_GSM8K_NOTE: Final = re.compile(r"<<[^<>\n]{0,200}>>")
_LABEL: Final = re.compile(rf"\\(?:{'|'.join(TEXTS)})\s*\{{([^{{}}]*)\}}")
_ENVIRONMENT: Final = re.compile(r"\\(?:begin|end)\{[^{}\n]{0,20}\}(?:\{[lcr| ]{0,9}\})?|&")
_LINE_BREAK: Final = re.compile(r"\\\\(?:\[[^\]\n]{0,9}\])?[ \t]*\n?")
_FRACTION: Final = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SHORT_FRACTION: Final = re.compile(r"\\[dtc]?frac\s*(\d)(\d)")
_MIXED: Final = re.compile(r"(?<=\d) +(?=\\[dtc]?frac|[½¼¾⅓⅔⅛])")
_COMMAND: Final = re.compile(r"\\(?:([A-Za-z]+)|(.))", re.DOTALL)
_RAISED_DIGITS: Final = re.compile(r"(?<=[\d)])[⁰¹²³⁴-⁹]+")
_DISPLAY: Final = re.compile(rf"\s{{0,9}}({OPENS})\s*|\s{{0,9}}({CLOSES})")
_CONTINUED: Final = re.compile(r"\n[ \t]*(?==[^=>])")
_ASIDE: Final = re.compile(r"(\d) +\( ?([A-Za-z]+(?: [A-Za-z]+)?) ?\)")
"""A unit in brackets: `13 (tickets)`."""
_DEEPEST: Final = 4
"""Fractions inside fractions that are read."""


def plain(text: str) -> str:
    """Return the text in plain notation; what was plain already is unchanged."""
    text = text.translate(_SIGNS)
    if "\\" in text or "^{" in text:
        text = _without_latex(text)
    text = text.replace("$$", f" {OPENS} ")
    text = _GSM8K_NOTE.sub("", _EMPHASIS.sub("", text))
    for sign, fraction in _HALVES.items():
        text = text.replace(sign, fraction)
    text = _RAISED_DIGITS.sub(lambda digits: "^" + digits.group().translate(_RAISED), text)
    return _CONTINUED.sub(" ", _ASIDE.sub(r"\1 \2 ", text))


def _without_latex(text: str) -> str:
    text = _MIXED.sub("", text.replace("{,}", ","))
    text = _ENVIRONMENT.sub(" ", text)
    text = _LINE_BREAK.sub("\n", text)
    for _ in range(2):  # \textbf{\text{…}}, \boxed{\text{…}}
        text = _LABEL.sub(r" \1 ", text)
    text = _SHORT_FRACTION.sub(r"(\1/\2)", text)
    for _ in range(_DEEPEST):
        text = _FRACTION.sub(_quotient, text)
    text = _COMMAND.sub(_plain_command, text).replace("{", "(").replace("}", ")")
    return _DISPLAY.sub(lambda edge: f" {edge[1]} " if edge[1] else f" {edge[2]}", text)


def _quotient(fraction: re.Match[str]) -> str:
    above, below = fraction[1].strip(), fraction[2].strip()
    return f"({above}/{below})" if above.isdigit() and below.isdigit() else f"(({above})/({below}))"


def _plain_command(command: re.Match[str]) -> str:
    if command[1]:
        return _COMMANDS.get(command[1], command.group())
    return _ESCAPED.get(command[2], " ")

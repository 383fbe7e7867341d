r"""LaTeX as people write formulas in plain text: `\frac{30}{2} + x^2` becomes `30/2 + x²`.

In: text with or without formulas, or a formula without its dollars. Out: text. A command that is not known keeps its name;
nothing is left out but braces, size and spacing. Linear in the length of the text.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from marco_cli.answer.signs import SIGNS, SIZES, TEXTS

_ESCAPED: Final = {
    "quad": "  ",
    "qquad": "  ",
    " ": " ",
    ",": " ",
    ";": " ",
    ":": " ",
    ">": " ",
    "!": "",
    "\\": "\n",
    **dict.fromkeys("()[]", ""),
}
_MARKS: Final = {"&": "", "~": " ", "}": "}"}
_CHOICES: Final = frozenset({"binom", "dbinom", "tbinom"})
_EDGES: Final = frozenset({"begin", "end"})
_STYLES: Final = (
    "texttt textsf mathsf mathtt mathbb mathcal mathfrak boldsymbol underline overbrace underbrace tag cancel"
)
_UNDRESSED: Final = frozenset({*TEXTS, *_STYLES.split()})
_OVER: Final = {
    "overline": "\u0305",
    "bar": "\u0304",
    "hat": "\u0302",
    "vec": "\u20d7",
    "tilde": "\u0303",
    "dot": "\u0307",
}
_RAISED: Final = dict(zip("0123456789+-=()nix", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ", strict=True))
_LOWERED: Final = dict(zip("0123456789+-=()aeoxijnk", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓᵢⱼₙₖ", strict=True))
_BARE_EXPONENTS: Final = frozenset("°′*")  # noqa: RUF001 (a prime)
"""What is raised as it is."""
_FRACTIONS: Final = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
_ROOTS: Final = {"": "√", "3": "∛", "4": "∜"}
_DEEPEST: Final = 16

_INLINE: Final = re.compile(
    r"\\\((?P<round>.{1,4000}?)\\\)|\\\[(?P<square>.{1,4000}?)\\\]|\$\$(?P<display>.{1,4000}?)\$\$"
    r"|(?<![\\$\w])\$(?P<dollar>[^$\n]+)(?<!\\)\$(?![\d$])",
    re.DOTALL,
)
_LOOSE: Final = re.compile(
    r"\\(?:[dt]?frac|boxed|text|textbf|mathrm|mathbf|sqrt)\s*\{|\\(?:times|cdot|div|approx|leq?|geq?|neq?|pm|pi|rightarrow)(?![A-Za-z])"
)
"""Commands that models write outside of dollars, too."""
_RELATION: Final = re.compile(r"[=<>]|\\(?:approx|[lg]eq?|neq?)(?![A-Za-z])")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_TOKEN: Final = re.compile(r"\\([A-Za-z]+)\*?[ \t]*|\\(.)|([{}^_&~])|([^\\{}^_&~]+)", re.DOTALL)
_COMPOUND: Final = re.compile(r"[-+ */×·÷=,−]")  # noqa: RUF001 (what it writes itself)


def with_plain_formulas(text: str, show: Callable[[str], str] = str) -> str:
    r"""Return a text whose formulas (`$…$`, `\(…\)`, `\[…\]`, and commands like `\boxed{}` alone) are `show`n in plain form.

    An amount of money is not a formula: what stands between dollars must look like mathematics.
    """
    if "\\" not in text and "$" not in text:
        return text
    pieces, place = [], 0
    for start, end, body in _bodies(text):
        pieces += [_loose(text[place:start], show), show(plain_formula(body))]
        place = end
    return "".join((*pieces, _loose(text[place:], show)))


def formulas(text: str) -> list[str]:
    """Return the formulas of a text between its dollars and brackets, in plain form, those with a relation alone."""
    return [plain_formula(body) for _, _, body in _bodies(text) if _RELATION.search(body)]


def plain_formula(body: str) -> str:
    """Return a formula in plain form, on one line but for the rows of its arrays."""
    text = _Reader(body).read()
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def open_dollar(text: str) -> int:
    """Return where a dollar stands that may yet begin a formula in a text that grows; -1 where none does."""
    end = max((end for _, end, _ in _bodies(text)), default=0)
    place = text.rfind("$", end)
    if place < 0 or (place and text[place - 1] == "\\"):
        return -1
    tail = text[place + 1 :]
    return -1 if _WORD.search(tail) and not re.search(r"[\\^_=]", tail) else place


def _bodies(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a formula begins and ends, dollars and all, and what it says."""
    place = 0
    while found := _INLINE.search(text, place):
        body = next(each for each in found.groups() if each is not None)
        if found["dollar"] is None or _is_mathematics(body):
            yield found.start(), found.end(), body
            place = found.end()
        else:
            place = found.start() + 1


def _is_mathematics(body: str) -> bool:
    """Say whether what stands between dollars is a formula, not what lies between two amounts of money."""
    if body != body.strip():
        return bool(re.search(r"\\[A-Za-z]", body))
    return bool(re.search(r"[\\^_=]", body)) or not _WORD.search(body)


def _loose(text: str, show: Callable[[str], str]) -> str:
    """Show the commands of a text that stand outside of any formula."""
    pieces, place = [], 0
    while found := _LOOSE.search(text, place):
        reader = _Reader(text, found.start())
        shown = reader.command()
        pieces += [text[place : found.start()], show(shown)]
        place = reader.place
    return "".join((*pieces, text[place:]))


class _Reader:
    """Reads a formula from left to right; what it cannot read stays as it is."""

    def __init__(self, text: str, place: int = 0) -> None:
        self.place = place
        self._text = text
        self._depth = 0
        self._nested = 0

    def read(self) -> str:
        """Return all that is left, or all up to the brace that closes."""
        parts: list[str] = []
        while self.place < len(self._text) and not (self._depth and self._text[self.place] == "}"):
            parts.append(self._next())
        return "".join(parts)

    def command(self) -> str:
        """Return what a command and its arguments come to."""
        return self._next()

    def _next(self) -> str:
        found = _TOKEN.match(self._text, self.place)
        if found is None:  # a backslash at the end
            self.place += 1
            return ""
        self.place = found.end()
        name, escaped, mark, plain = found.groups()
        if name is not None:
            return self._command(name, found[0])
        if escaped is not None:
            return _ESCAPED.get(escaped, escaped)
        if mark == "{":
            self.place -= 1
            return self._argument()
        return _shifted(self._argument(), mark) if mark in ("^", "_") else _MARKS.get(mark, plain or "")

    def _command(self, name: str, written: str) -> str:
        gap = " " if written.endswith(" ") else ""
        if name in SIGNS:
            return SIGNS[name] + gap
        if name in SIZES:
            self._skip(r"\.")  # that of `\left.`, which stands for nothing
            return ""
        if name in _OVER:
            return "".join(f"{each}{_OVER[name]}" for each in self._argument())
        reads = {
            **dict.fromkeys(_UNDRESSED, self._argument),
            **dict.fromkeys(_FRACTIONS, self._fraction),
            **dict.fromkeys(_CHOICES, self._choice),
            **dict.fromkeys(_EDGES, self._edge),
            "sqrt": self._root,
        }
        read = reads.get(name)
        return _ESCAPED.get(name, name + gap) if read is None else read()

    def _choice(self) -> str:
        return f"C({self._argument()}, {self._argument()})"

    def _edge(self) -> str:
        """Leave out where an environment begins or ends."""
        self._argument()
        self._skip(r"\{[clr|\s]*\}")
        return "\n"

    def _skip(self, pattern: str) -> None:
        found = re.compile(pattern).match(self._text, self.place)
        self.place = found.end() if found else self.place

    def _fraction(self) -> str:
        start = self._text.rfind("\\", 0, self.place)
        is_mixed = self._text[start - 1 : start].isdigit()
        above, below = self._argument(), self._argument()
        text = f"{_bracketed(above)}/{_bracketed(below)}"
        return f" {text}" if is_mixed else text

    def _root(self) -> str:
        found = re.compile(r"\s*\[([^\]]*)\]").match(self._text, self.place)
        degree = ""
        if found:
            self.place, degree = found.end(), found[1].strip()
        body = self._argument()
        sign = _ROOTS.get(degree) or _shifted(degree, "^") + "√"
        return sign + (body if len(body) == 1 or body.isdigit() else f"({body})")

    def _argument(self) -> str:
        """Return the group in braces that follows, or the one sign; nothing is read deeper than `_DEEPEST`."""
        while self.place < len(self._text) and self._text[self.place].isspace():
            self.place += 1
        if self.place >= len(self._text):
            return ""
        first = self._text[self.place]
        if first not in "{\\" or self._nested >= _DEEPEST:
            self.place += 1
            return first
        self._nested += 1
        body = self._next() if first == "\\" else self._group()
        self._nested -= 1
        return body

    def _group(self) -> str:
        self.place += 1
        self._depth += 1
        body = self.read()
        self._depth -= 1
        self.place += 1
        return body.strip() if "\n" in body else body


def _shifted(text: str, mark: str) -> str:
    """Return an exponent or an index in small characters where there are such, else in brackets."""
    text = text.strip()
    table = _RAISED if mark == "^" else _LOWERED
    if text in _BARE_EXPONENTS:
        return text
    if text and all(character in table for character in text):
        return "".join(table[character] for character in text)
    return f"{mark}{text}" if len(text) == 1 or (mark == "_" and text.isalnum()) else f"{mark}({text})"


def _bracketed(text: str) -> str:
    text = text.strip()
    return f"({text})" if _COMPOUND.search(text) else text

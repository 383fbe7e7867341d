r"""Text without its dress: Unicode forms, LaTeX and Markdown removed, with the way back to the original characters.

In: any text. Out: a `Plain` whose characters each know where they came from. It knows nothing of numbers or answers.

- Every character in its NFKC form: full-width digits and punctuation become ASCII, digits of any script 0-9.
- Dashes that serve as a minus sign become "-"; the en dash stays, since it joins ranges.
- Superscripts become "^2", vulgar fractions " 1/2"; invisible characters vanish.
- `\frac{3}{4}` becomes "3/4"; `\text{}` and its like leave their content; spacing commands become a space or nothing.
- Bold markers and backticks vanish; a fenced block of several lines is code, not prose, and vanishes whole.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from marco_cli.answer.signs import SIGNS, SIZES, TEXTS

THIN_SPACE = "\N{THIN SPACE}"  # stands for every space that may group digits but not end a word

_MINUS = frozenset("\N{MINUS SIGN}\N{SMALL HYPHEN-MINUS}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}")
_SIGNS = _MINUS | {"-"}
_THIN = frozenset("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}")
_NUMBER = r"-?[0-9]{1,40}(?:[.,][0-9]{1,40})?"
_FENCE = re.compile(r"^[ \t]*```[^`\n]*\n(?P<body>.*?)(?:^[ \t]*```|\Z)", re.MULTILINE | re.DOTALL)
_DRESS = re.compile(
    rf"""
    (?P<fraction>\\[dtc]?frac\s?(?:\{{\s?(?P<above>{_NUMBER})\s?\}}|(?P<above1>[0-9]))
        \s?(?:\{{\s?(?P<below>{_NUMBER})\s?\}}|(?P<below1>[0-9])))
  | (?P<wrapper>\\(?:{"|".join(TEXTS)})\s?\{{)
  | (?P<degree>\^\s?\{{?\s?\\circ(?:\s?\}})?|\\(?:circ|degree)(?![A-Za-z]))
  | (?P<comma>\{{,\}})
  | (?P<operator>\\(?:times|cdot|div|approx|pm)(?![A-Za-z]))
  | (?P<escaped>\\[%$\#&_])
  | (?P<space>\\[;:>\ ]|\\q?quad(?![A-Za-z])|\\\\|\\[()\[\]])
  | (?P<gone>\\[,!]|\\(?:{"|".join(sorted(SIZES))})(?![A-Za-z])|(?<![0-9)])\*\*|\*\*(?![0-9(])|`+)
  | (?P<argument>(?<=[A-Za-z^_}}])\{{)
  | (?P<brace>\{{)
  | (?P<close>\}})
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Plain text; character i came from `original[starts[i]:ends[i]]`.

    `nested[i]` is 1 where the character stands in braces that belong to a LaTeX command, an exponent or an index.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    nested: bytes

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that became `text[start:end]`; needs start < end."""
        return self.starts[start], self.ends[end - 1]


def clean(text: str, start: int = 0, end: int | None = None) -> Plain:
    """Undress `text[start:end]`; the origins count in the whole text."""
    end = len(text) if end is None else end
    builder = _Builder(source=text)
    for fence in _FENCE.finditer(text, start, end):
        if fence["body"].strip().count("\n"):
            builder.undress(start, fence.start())
            start = fence.end()
    builder.undress(start, end)
    return Plain(
        text="".join(builder.pieces),
        starts=tuple(builder.starts),
        ends=tuple(builder.ends),
        nested=bytes(builder.nested),
    )


@lru_cache(maxsize=4096)
def _undressed(character: str) -> str:
    """Return the plain form of one character, possibly several or none."""
    if character in _MINUS:
        return "-"
    if character in _THIN:
        return THIN_SPACE
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    form = unicodedata.normalize("NFKC", character).replace("\N{FRACTION SLASH}", "/").replace("\N{MINUS SIGN}", "-")
    kind = unicodedata.decomposition(character).partition(" ")[0]
    if kind == "<super>":
        return "^" + form
    if kind == "<fraction>":
        return " " + form
    return "" if unicodedata.category(character) == "Cf" else form


@dataclass(slots=True)
class _Builder:
    """Plain text under construction."""

    source: str
    pieces: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    nested: bytearray = field(default_factory=bytearray)
    braces: list[str] = field(default_factory=list)  # what opened each brace that is still open
    depth: int = 0  # open braces that belong to a command

    def undress(self, start: int, end: int) -> None:
        at = start
        for dress in _DRESS.finditer(self.source, start, end):
            self._copy(at, dress.start())
            self._replace(dress)
            at = dress.end()
        self._copy(at, end)

    def _copy(self, start: int, end: int) -> None:
        part = self.source[start:end]
        if part.isascii():
            self.pieces.append(part)
            self.starts.extend(range(start, end))
            self.ends.extend(range(start + 1, end + 1))
            self.nested.extend(bytes([self.depth > 0]) * len(part))
            return
        raised = False
        for at, character in enumerate(part, start):
            plain = _undressed(character)
            if plain[1:] and plain[0] == " " and self.source[at - 1 : at] in _SIGNS:
                plain = plain[1:]  # "-½" keeps its sign; "2½" is a mixed number
            # A run of superscripts is one exponent: ten to the "^12", not "^1^2".
            self._emit(plain[1:] if raised and plain.startswith("^") else plain, at, at + 1)
            raised = plain.startswith("^")

    def _emit(self, plain: str, start: int, end: int) -> None:
        self.pieces.append(plain)
        self.starts.extend([start] * len(plain))
        self.ends.extend([end] * len(plain))
        self.nested.extend(bytes([self.depth > 0]) * len(plain))

    def _replace(self, dress: re.Match[str]) -> None:
        kind = dress.lastgroup or ""
        if kind == "close":
            self._close(dress)
        elif kind in {"wrapper", "argument", "brace"}:
            self.braces.append(kind)
            self._emit("" if kind == "wrapper" else "{", *dress.span())
            self.depth += kind == "argument"
        else:
            self._emit(self._plain(kind, dress), *dress.span())

    def _close(self, dress: re.Match[str]) -> None:
        kind = self.braces.pop() if self.braces else "brace"
        self.depth -= kind == "argument"
        self._emit("" if kind == "wrapper" else "}", *dress.span())

    def _plain(self, kind: str, dress: re.Match[str]) -> str:
        if kind == "fraction":
            mixed = dress.start() > 0 and self.source[dress.start() - 1].isdigit()
            above, below = dress["above"] or dress["above1"], dress["below"] or dress["below1"]
            if below[0] == "-":  # the sign of the whole
                above, below = above[1:] if above[0] == "-" else f"-{above}", below[1:]
            quotient = f"{above}/{below}"
            return " " * mixed + quotient.replace(",", "")
        if kind == "operator":
            return SIGNS[dress.group()[1:]]
        if kind == "escaped":
            return dress.group()[1:]
        return {"degree": "\N{DEGREE SIGN}", "comma": ",", "space": " "}.get(kind, "")

r"""The symbols of a formula: LaTeX and typed mathematics as one row of tokens.

In: text such as `\dfrac{1}{2}\,\text{cm}`, `2×π`, `x >= 5`. Out: `Token`s, the same for all spellings of a symbol: size, spacing
and font commands vanish, Unicode signs become the LaTeX command or the key for the same thing, digits are grouped. It knows
no grammar.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from marco_cli.answer.latex import normal
from marco_cli.answer.notation import (
    ALIASES,
    CLOSING,
    FUNCTIONS,
    GREEK,
    NAMES,
    OPENING,
    PLAIN_WORDS,
    RELATIONS,
    SIGNS,
    TAKE_A_DIGIT,
    UNITS,
    WORDS,
)

MOST_TOKENS: Final = 300
_LONGEST: Final = 2000
"""Characters of a formula."""


class NotFormulaError(Exception):
    """A text is not a formula, or none that is understood; it is then compared as text."""


Kind = Literal["number", "letter", "function", "open", "close", "sign", "relation", "text", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    r"""A symbol; `is_latex` tells a digit after a command, which LaTeX reads alone: `\frac12`."""

    kind: Kind
    text: str
    is_latex: bool = False


_TOKEN: Final = re.compile(
    r"""
    (?P<space>[\s~]+|\\,)
  | (?P<text>\\(?:text(?:bf|it|rm|sf|tt|normal)?|mbox|mathrm|mathbf|mathit|mathsf|operatorname\*?|boldsymbol|bm|vec|hat)\s*
      \{(?P<words>[^{}]*)\})
  | (?P<grouped>[0-9]{1,3}(?:\ufe50[0-9]{3})+(?:\.[0-9]+)?)
  | (?P<commas>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?)
  | (?P<number>[0-9]*\.[0-9]*\([0-9]+\)(?=\ufe51)\ufe51|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
  | (?P<environment>\\(?:begin|end)\s*\{[a-z]*\})
  | (?P<command>\\(?:[A-Za-z]+|.))
  | (?P<letters>[A-Za-z]+)
  | (?P<sign>[<>!:=]=|\*\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenise(text: str, *, is_math: bool) -> list[Token]:
    """Return the tokens of a formula.

    Raises:
        NotFormulaError: a symbol or a word does not belong to mathematics, or there are too many of them.
    """
    if len(text) > _LONGEST:
        raise NotFormulaError("too long")
    reader = _Reader(is_math=is_math)
    source = normal(text)
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if found is None:
            raise NotFormulaError(source[at])
        at = reader.read(found)
    if len(reader.tokens) > MOST_TOKENS:
        raise NotFormulaError("too many symbols")
    return reader.tokens


class _Reader:
    """Tokens so far, and which bracket is open: within ( ) and [ ] a comma never groups digits."""

    def __init__(self, *, is_math: bool) -> None:
        self.tokens: list[Token] = []
        self._is_math = is_math
        self._open: list[str] = []

    def read(self, found: re.Match[str]) -> int:
        """Take in one match; return where the next one begins."""
        kind, written = found.lastgroup or "", found.group()
        if kind == "words":
            kind = "text"
        if kind == "commas" and self._open and self._open[-1] != "{":
            written = written.partition(",")[0]
            self._put("number", written)
        elif kind in {"grouped", "commas", "number"}:
            self._put("number", re.sub("[,\ufe50\ufe51]", "", written))
        elif kind == "text":
            self._text(found["words"], is_font="text" not in written[:6] and "mbox" not in written[:6])
        elif kind == "letters":
            self._letters(written, found.end(), found.string)
        elif kind == "environment":
            self._put("open" if "begin" in written else "close", written)
        elif kind == "command":
            self._command(written)
        elif kind == "sign":
            self._sign(written)
        return found.start() + len(written)

    def _put(self, kind: Kind, text: str) -> None:
        last = self.tokens[-1] if self.tokens else None
        is_latex = last is not None and (last.text in TAKE_A_DIGIT or last.is_latex)
        self.tokens.append(Token(kind, text, is_latex=is_latex and kind == "number"))

    def _text(self, words: str, *, is_font: bool) -> None:
        inside = words.strip()
        name = ALIASES.get(inside, inside)
        if name in FUNCTIONS:
            self._put("function", name)
        elif len(inside) == 1 and inside.isalpha() and (is_font or not self._follows_number()):
            self._put("letter", f"bold {inside}" if is_font else inside)
        elif inside.lower() in {"and", "or", ",", ", and", ", or"}:
            self._put("sign", "or" if "or" in inside.lower() else "and")
        elif not inside:
            return
        elif any(character.isdigit() for character in inside):
            raise NotFormulaError(words)
        else:
            self._put("text", inside)

    def _follows_number(self) -> bool:
        return bool(self.tokens) and self.tokens[-1].kind == "number"

    def _letters(self, run: str, end: int, source: str) -> None:
        """Take in letters without a command: a function, a unit, a word that joins, or variables side by side."""
        name = ALIASES.get(run, run)
        before = self.tokens[-1] if self.tokens else None
        if name in FUNCTIONS:
            self._put("function", "√" if name == "sqrt" else name)
        elif run.lower() in WORDS and (len(run) > 1):
            word = WORDS[run.lower()]
            kind: Kind = "sign" if word in {"and", "or"} else "relation" if word == "=" else "letter"
            self._put(kind, word)
        elif len(run) == 1:
            self._put("letter", run)
        elif (
            self._is_math
            and before is not None
            and run in UNITS
            and before.kind in {"number", "text", "letter", "close", "sign"}
        ):
            self._put("text", run)
        elif self._are_variables(run) and (self._is_joined(before) or _goes_on(source, end)):
            for letter in run:
                self._put("letter", letter)
        else:
            raise NotFormulaError(run)

    def _are_variables(self, run: str) -> bool:
        """Say whether letters side by side may be variables: two or three in a formula, two small ones in prose."""
        is_short = len(run) <= 3 if self._is_math else len(run) == 2 and run.islower()
        return is_short and run.lower() not in PLAIN_WORDS

    def _is_joined(self, before: Token | None) -> bool:
        return before is not None and (
            before.kind in {"number", "open", "relation", "letter"}
            or before.text in {"+", "-", "*", "/", "^", "}", ")"}
        )

    def _command(self, written: str) -> None:
        name = ALIASES.get(written[1:], written[1:])
        if written in NAMES or written in GREEK:
            self._put("letter", NAMES.get(written, written))
        elif name in FUNCTIONS:
            self._put("function", name)
        elif written in RELATIONS:
            self._put("relation", RELATIONS[written])
        elif written in SIGNS:
            self._degree(written)
        elif written in OPENING or written in CLOSING:
            self._bracket(written)
        elif written == r"\\":
            self._put("sign", r"\\")
        elif written in {r"\$", r"\#", r"\&"}:
            return
        else:
            raise NotFormulaError(written)

    def _degree(self, written: str) -> None:
        r"""Take in a sign; of `^\circ` and `^{\circ}` the degree alone is left."""
        sign = SIGNS[written]
        if sign == "deg" and [token.text for token in self.tokens[-1:]] == ["^"]:
            self.tokens.pop()
        elif sign == "deg" and [token.text for token in self.tokens[-2:]] == ["^", "{"]:
            del self.tokens[-2:]
            self._open[-1:] = ["deg"]
        self._put("sign", sign)

    def _bracket(self, written: str) -> None:
        if written in OPENING:
            self._open.append(written)
            self._put("open", written)
            return
        opened = self._open.pop() if self._open else ""
        if opened != "deg":
            self._put("close", written)

    def _sign(self, written: str) -> None:
        if written in NAMES:
            self._put("letter", NAMES[written])
        elif written in RELATIONS:
            self._put("relation", RELATIONS[written])
        elif written in SIGNS:
            self._degree(written)
        elif written in OPENING or written in CLOSING:
            self._bracket(written)
        elif written == "√":
            self._put("function", written)
        elif written in "+-^_|!,;:'&":
            self._put("sign", written)
        elif unicodedata.category(written) == "Lu" or "α" <= written <= "ω":
            self._put("letter", written)
        elif unicodedata.category(written) == "Sc":
            return
        else:
            raise NotFormulaError(written)


def _goes_on(source: str, end: int) -> bool:
    """Say whether a sign of mathematics follows a run of letters."""
    return bool(re.match(r"\s*[-+*/=<>^_(0-9]", source[end:]))

"""A text in plain notation as tokens: numbers, words, operators, edges of a statement, and what stops the reading."""

import re
from enum import Enum
from typing import Final, NamedTuple


class Kind(Enum):
    """What a token is to an equation."""

    NUMBER = "number"
    WORD = "word"
    OPERATOR = "operator"
    """One of `+ - * / ^`."""
    OPEN = "open"
    CLOSE = "close"
    PERCENT = "percent"
    CURRENCY = "currency"
    EQUALS = "equals"
    EDGE = "edge"
    """Where a statement may begin or end: a line's end, a stop, a bracket, a quotation mark, the mark of a list's item."""
    STRANGE = "strange"
    """What cannot be read: a date, a ratio, `==`, `π`."""


class Token(NamedTuple):
    """A piece of the text at `[start:end]`."""

    kind: Kind
    text: str
    start: int
    end: int


_TOKEN: Final = re.compile(
    r"""
      (?P<edge> (?m:^) [ \t>]* (?: (?: [-*+•] | \(?\d{1,2}[.)] | \(?[a-z][.)] ) [ \t]+ )+ )
    | (?P<date> \d{4}-\d{1,2}-\d{1,2}(?!\d) | \d{1,2}/\d{1,2}/\d{2,4}(?!\d) )
    | (?P<number> \d+(?:[.,:]\d+)* | (?<![\w.])\.\d+ )
    | (?P<stop> [\n.,;:，。；：、!?<>"“”'‘’\[\]|⟦⟧≈—→⇒∴「」✓✔✅] (?<! \.\. ) )
    | (?P<strange> [=!<>:+*/^~-]=+ | =[=>~]+ | -+> | <- | // | --+ | _+ | \\[A-Za-z]* )
    | (?P<word> [A-Za-z]+(?:['’][a-z]+)? | [\u3400-\u9fff]+ )
    | (?P<operator> \*\* | [-+*/^] )
    | (?P<open> \( ) | (?P<close> \) ) | (?P<percent> % ) | (?P<currency> [$£€¥₹] ) | (?P<equals> = )
    | (?P<other> \S )
    """,  # noqa: RUF001 (what models write)
    re.VERBOSE,
)
_READABLE: Final = re.compile(r"(?:(?:[1-9]\d{0,2}(?:,\d{3})+|(?!0\d)\d{1,30})(?:\.\d{1,30})?|\.\d{1,30})\Z")

_NAME: Final = re.compile(r"(?:[A-WYZa-wyz#]|(?<!\d)[xX]|(?<!\d)0[xX])\Z")
"""What makes a number behind it a part of a name; the x of `3x4` does not."""


def tokens_of(text: str) -> list[Token]:
    """Return the tokens from left to right, blanks left out."""
    tokens = [_token(found) for found in _TOKEN.finditer(text)]
    for place in range(1, len(tokens) - 1):
        is_times = tokens[place].text in {"x", "X"} and _is_times(*tokens[place - 1 : place + 2])
        if is_times or (tokens[place].text == "of" and _is_share(tokens, place)):
            tokens[place] = tokens[place]._replace(kind=Kind.OPERATOR, text="*")
    return tokens


def _token(found: re.Match[str]) -> Token:
    group, text = found.lastgroup or "other", found.group()
    if group in {"date", "other"} or (group == "number" and not _READABLE.match(text)):
        return Token(Kind.STRANGE, text, *found.span())
    if group == "number" and _NAME.search(found.string, max(0, found.start() - 3), found.start()):
        return Token(Kind.STRANGE, text, *found.span())  # H2O, x1, #3
    return Token(Kind.EDGE if group == "stop" else Kind(group), "^" if text == "**" else text, *found.span())


def _is_times(before: Token, sign: Token, after: Token) -> bool:
    """Say whether an x multiplies: `3 x 4` and `3x4`, not `3x + 4` or `3x 4`."""
    is_between = before.kind in {Kind.NUMBER, Kind.CLOSE, Kind.WORD} and after.kind in {
        Kind.NUMBER,
        Kind.OPEN,
        Kind.CURRENCY,
    }
    touches = before.end == sign.start, sign.end == after.start
    return is_between and (
        touches == (False, False) or (all(touches) and before.kind is not Kind.WORD and after.kind is Kind.NUMBER)
    )


def _is_share(tokens: list[Token], place: int) -> bool:
    """Say whether an `of` multiplies: `20% of 50`, `3/4 of 20`, not `half of 20` or `3 of 20`."""
    if tokens[place + 1].kind not in {Kind.NUMBER, Kind.OPEN, Kind.CURRENCY}:
        return False
    before = [token.text for token in tokens[max(0, place - 5) : place] if token.kind not in {Kind.OPEN, Kind.CLOSE}]
    return before[-1:] == ["%"] or (
        len(before) > 2 and before[-2] == "/" and before[-1].isdigit() and before[-3].isdigit()
    )

"""Where a text states an equation, and what its two sides are.

In: the tokens of a text. Out: `Statement`s, one for each equals sign with a number on both sides. The sides reach as far as
the arithmetic does, units included; what stands before and behind decides whether it is whole. It cannot begin like
`20% off 5 + 3`, `3x + 4`, `Day 2 - 5` or `… + 9 + 10`, nor end like `8 million` and `8?`.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final, NamedTuple

from marco_cli.reward.equations.expression import MOST_TOKENS, MOST_WORDS, Side, read_side
from marco_cli.reward.equations.tokens import Kind, Token
from marco_cli.reward.equations.units import CURRENCY, GLUE, MEASURES, NO_UNITS, unit_of, words
from marco_cli.reward.equations.values import UnreadableError


class Statement(NamedTuple):
    """`left = right` at `[start:end]` of the text."""

    left: Side
    right: Side
    start: int
    end: int
    is_plain: bool
    """Whether nothing but what joins sentences stands before the left side: no words that it may be a label of."""


_PARTS: Final = frozenset({Kind.NUMBER, Kind.OPERATOR, Kind.OPEN, Kind.CLOSE, Kind.PERCENT, Kind.CURRENCY})
_ENDS_OPERAND: Final = frozenset({Kind.NUMBER, Kind.CLOSE, Kind.PERCENT, Kind.WORD})
_BEGINS_OPERAND: Final = frozenset({Kind.NUMBER, Kind.OPEN, Kind.CURRENCY})
_NO_BEGINNING: Final = words(
    "of by than times plus minus negative over choose div mod modulo root sqrt sin cos tan log ln lg exp max min gcd lcm abs "
    "twice double half triple thrice quadruple quarter third less more from between off dozen hundred thousand million "
    "day days week month year hour step part option case group team problem question example round trip box bag stage phase "
    "number no figure table page level room line chapter class grade bus person student equation eq section item version "
    "python base mean median average lesson exercise act task"
)
"""Words before a number that say more of it: `twice 5 + 3`, `Day 2 - 5 + 3`."""
_AMOUNTS: Final = words("total sum rate profit change combined")
"""What may be `of` an expression that is worked out: `a total of 3 + 4 = 7`."""
_CONCLUDES: Final = words("is are was so because since then thus therefore")
"""Words that end what was said of a number before them."""
_CONCLUDES_IN_CHINESE: Final = "共是有为得即"
_JOINS: Final = GLUE | words(
    "be was were has have had get gets got gives give equals equal thus therefore hence this it we calculate compute sum have "
    "becomes made makes paid pays costs spent earned earns needs used collected only first second next finally also 是 为 有 共 "
    "所以 因此 总共 一共 就是 等于"
)
"""Words after which an equation begins."""
_NO_END: Final = NO_UNITS - {"remainder", "so", "then", "is", "if", "more", "less", "fewer", "to", "or"}
_OTHER_ARITHMETIC: Final = words("mod modulo base binary octal hex hexadecimal clock o'clock am pm")
"""Words close behind a result that is not one of decimal numbers: `10 + 4 = 2 o'clock`."""
_NO_BEGINNING_IN_CHINESE: Final = re.compile(r"[负第比]\Z")
_NO_END_IN_CHINESE: Final = re.compile(r"[万亿千百十倍折成半乘加减除以的吗又点分]")


def statements_of(tokens: Sequence[Token]) -> Iterator[Statement]:
    """Yield all statements, left to right; each token is looked at a bounded number of times."""
    for place, token in enumerate(tokens):
        if token.kind is Kind.EQUALS:
            try:
                yield _statement(tokens, place)
            except UnreadableError:
                continue


def _statement(tokens: Sequence[Token], place: int) -> Statement:
    start = _start(tokens, place)
    before = tokens[start - 1] if start else None
    _check_beginning(tokens, start, place)
    stop = _stop(tokens, place + 1)
    unit = _check_end(tokens, stop)
    left, right = read_side(tokens[start:place]), read_side(tokens[place + 1 : stop])
    if before is not None and before.kind is Kind.EDGE and "-" in before.text:  # a list's mark, or a minus
        minus = Token(Kind.OPERATOR, "-", before.start, before.end)
        left = left._replace(values=left.values + read_side([minus, *tokens[start:place]]).values)
    is_label = before is not None and before.kind is Kind.WORD and before.text.lower() not in _JOINS
    return Statement(
        left=left,
        right=right._replace(units=right.units | {unit}) if unit else right,
        start=tokens[start].start,
        end=tokens[stop - 1].end,
        is_plain=not left.units - {CURRENCY} and not is_label,
    )


def _start(tokens: Sequence[Token], place: int) -> int:
    """Return where the arithmetic begins that ends before `place`."""
    depth, start = 0, place
    while start and place - start <= MOST_TOKENS:
        token = tokens[start - 1]
        if token.kind is Kind.WORD:
            number = _number_of_unit(tokens, start - 1)
            if number is None:
                break
            start = number + 1
            continue
        if token.kind not in _PARTS:
            break
        depth += (token.kind is Kind.CLOSE) - (token.kind is Kind.OPEN)
        if depth < 0:
            break
        start -= 1
    if depth > 0:
        raise UnreadableError
    return start


def _number_of_unit(tokens: Sequence[Token], last: int) -> int | None:
    """Return where the number is whose unit ends at `last`; None when these words are not a unit."""
    after = tokens[last + 1]
    if after.kind in {Kind.NUMBER, Kind.OPEN, Kind.CURRENCY} or after.text == "^":
        return None
    place = last
    while place >= 0 and last - place < MOST_WORDS and tokens[place].kind is Kind.WORD:
        place -= 1
    if place > 0 and place < last and tokens[place].text == "/" and tokens[place - 1].kind in {Kind.WORD, Kind.NUMBER}:
        if tokens[place - 1].kind is Kind.NUMBER:
            return place - 1
        return _number_of_unit(tokens, place - 1) if last - place < MOST_WORDS else None
    return place if place >= 0 and tokens[place].kind in _ENDS_OPERAND - {Kind.WORD} else None


def _check_beginning(tokens: Sequence[Token], start: int, place: int) -> None:
    """Refuse what is only the end of an expression, or says more of its first number."""
    first = tokens[start]
    before = tokens[start - 1] if start else None
    ahead = tokens[start - 2] if start > 1 else None
    if before is None:
        return
    if before.kind is Kind.STRANGE or (first.kind is Kind.OPERATOR and not _may_carry_sign(before, first)):
        raise UnreadableError
    if (before.text == "." and before.end == first.start) or before.text == "]":
        raise UnreadableError  # v.5, [3 + 1] (1/2)
    if ahead is not None and before.kind is Kind.OPEN and ahead.kind is Kind.WORD and ahead.end == before.start:
        raise UnreadableError  # f(3 + 4 = …
    if ahead is not None and before.text == ":" and ahead.kind is Kind.NUMBER and ahead.end < before.start:
        raise UnreadableError  # 3 : 4
    if before.kind is Kind.WORD:
        _check_word(before.text.lower(), ahead, is_result=start > 2 and tokens[start - 3].kind is Kind.EQUALS)
        if first.kind is Kind.OPEN and (before.end == first.start or _closes(tokens, start) == place - 1):
            raise UnreadableError  # log(5), Cost (3 + 2) = 16


def _check_word(word: str, ahead: Token | None, *, is_result: bool) -> None:
    """Refuse a word before the first number that says more of it; `is_result` tells that `ahead` ends an equation."""
    if word == "of" and ahead is not None and ahead.text.lower() in _AMOUNTS:
        return
    is_variable = len(word) == 1 and word.isascii() and word not in "ai"
    if word in _NO_BEGINNING or is_variable or _NO_BEGINNING_IN_CHINESE.search(word):
        raise UnreadableError
    if ahead is None:
        return
    if ahead.text.lower() == "of" or ahead.kind in {Kind.STRANGE, Kind.OPERATOR}:
        raise UnreadableError  # 20% of the 5 + 3, 25 + his 1 + 2
    concludes = word in _CONCLUDES or word[-1] in _CONCLUDES_IN_CHINESE
    if ahead.kind in _ENDS_OPERAND - {Kind.WORD} and not concludes and not is_result:
        raise UnreadableError  # 5 feet 3 + 2


def _may_carry_sign(before: Token, first: Token) -> bool:
    return first.text == "-" and before.kind in {Kind.EDGE, Kind.OPEN, Kind.EQUALS} and before.text not in "!?|"


def _closes(tokens: Sequence[Token], start: int) -> int:
    """Return where the bracket is closed that opens at `start`."""
    depth = 0
    for place in range(start, min(len(tokens), start + MOST_TOKENS)):
        depth += (tokens[place].kind is Kind.OPEN) - (tokens[place].kind is Kind.CLOSE)
        if depth == 0:
            return place
    return -1


def _stop(tokens: Sequence[Token], start: int) -> int:
    """Return where the arithmetic ends that begins at `start`, the words behind its last number left out."""
    depth, stop, place = 0, start, start
    while place < len(tokens) and place - start <= MOST_TOKENS:
        token = tokens[place]
        is_per = token.text == "/" and place + 1 < len(tokens) and tokens[place + 1].kind is Kind.WORD
        if token.kind is Kind.WORD or is_per:
            last = _end_of_unit(tokens, place + is_per)
            if last is None or place == start:
                break
            place = last
            continue
        if token.kind not in _PARTS or (token.kind is Kind.OPEN and _is_aside(tokens, place, start)):
            break
        depth += (token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE)
        if depth < 0:
            break
        place += 1
        stop = place
    if depth > 0 or stop == start or _is_range(tokens[start:stop]):
        raise UnreadableError
    return stop


def _is_range(tokens: Sequence[Token]) -> bool:
    """Say whether this is `8-10`."""
    if [token.kind for token in tokens] != [Kind.NUMBER, Kind.OPERATOR, Kind.NUMBER]:
        return False
    low, dash, high = tokens
    return dash.text == "-" and low.end + 1 == high.start and len(low.text) <= len(high.text)


def _end_of_unit(tokens: Sequence[Token], place: int) -> int | None:
    """Return the end of the words from `place` on when the expression goes on behind them; None when it ends here."""
    end = place
    while end < len(tokens) and tokens[end].kind is Kind.WORD:
        end += 1
    if end - place > MOST_WORDS or end + 1 >= len(tokens):
        return None
    if tokens[end].text == "/" and tokens[end + 1].kind is Kind.WORD:
        return _end_of_unit(tokens, end + 1)
    goes_on = tokens[end].kind is Kind.OPERATOR and tokens[end].text != "^" and tokens[end + 1].kind in _BEGINS_OPERAND
    return end if goes_on or tokens[end].kind is Kind.CLOSE else None


def _is_aside(tokens: Sequence[Token], place: int, start: int) -> bool:
    """Say whether a bracket opens an aside: `= 8 (5 + 3)`, `= 8 (apples)`."""
    return place > start and tokens[place - 1].kind in _ENDS_OPERAND and tokens[place - 1].end < tokens[place].start


def _check_end(tokens: Sequence[Token], stop: int) -> str:
    """Refuse what goes on in a way that changes the value; return the unit behind the last number, "" without one."""
    end = stop
    while end < len(tokens) and end - stop < MOST_WORDS and tokens[end].kind is Kind.WORD:
        end += 1
    after = tokens[end] if end < len(tokens) else None
    if any(token.text.lower() in _OTHER_ARITHMETIC for token in tokens[stop : stop + MOST_WORDS]):
        raise UnreadableError
    if after is not None and (after.kind in {Kind.STRANGE, Kind.CURRENCY} or after.text in {"!", "?", "^"}):
        raise UnreadableError
    if after is not None and end + 1 < len(tokens) and after.kind in {Kind.OPEN, Kind.OPERATOR}:
        _check_continuation(
            after, tokens[end + 1], is_behind_word=end > stop, touches=tokens[end - 1].end == after.start
        )
    if end == stop or _is_remainder(tokens, stop):
        return ""
    behind = [token.text.lower() for token in tokens[stop:end]]
    touches = tokens[stop].start == tokens[stop - 1].end
    if touches and behind[0].isascii() and (len(behind[0]) == 1 or unit_of(behind[0]) not in MEASURES):
        raise UnreadableError  # 15x
    if behind[0] in _NO_END or "than" in behind or _NO_END_IN_CHINESE.match(behind[0]):
        raise UnreadableError
    if behind[:3] == ["and", "a", "half"] or _is_compound(tokens, end):
        raise UnreadableError
    if behind == ["a"]:
        return "a"  # a variable: no article ends a statement
    noun = list(takewhile(lambda word: word not in GLUE | NO_UNITS, behind))
    return unit_of(noun[-1]) if noun else ""


def _check_continuation(sign: Token, following: Token, *, is_behind_word: bool, touches: bool) -> None:
    """Refuse what multiplies or divides the result: `6/x`, `r(9 + 12)`, `3 (67/2)`; `8 (apples)` is an aside."""
    if sign.kind is Kind.OPEN and ((is_behind_word and touches) or following.kind in _BEGINS_OPERAND):
        raise UnreadableError
    if sign.text == "/" and following.kind is Kind.WORD and len(following.text) == 1 and not is_behind_word:
        raise UnreadableError


def _is_remainder(tokens: Sequence[Token], stop: int) -> bool:
    """Say whether this is the `R 1` of `7 / 2 = 3 R 1`."""
    return tokens[stop].text in {"r", "R"} and stop + 1 < len(tokens) and tokens[stop + 1].kind is Kind.NUMBER


def _is_compound(tokens: Sequence[Token], end: int) -> bool:
    """Say whether another number belongs to the one whose words end here: `5 feet 3 inches`, `2 to 3`, `2 and 1/2`."""
    if end + 2 >= len(tokens):
        return False
    here, number, follower = tokens[end - 1 : end + 2]
    if number.text == ",":
        number, follower = follower, tokens[end + 2]
    elif number.kind is Kind.NUMBER and here.text.lower() not in GLUE - {"to", "or"}:
        return True
    return number.kind is Kind.NUMBER and (follower.text == "/" or unit_of(follower.text) in MEASURES)

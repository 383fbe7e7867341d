"""One side of an equation worked out: all that it can mean.

In: the tokens of a side. Out: a `Side` with the values that its readings have, exact but for numbers that are roundings
themselves, and the units in it. `2(1/2)` is a mixed number or a product, `12 / 2 * 3` is 18 or, to some, 2, `20%` is 20 or
0.2, `1.250` may be twelve hundred and fifty: an equation is false only when no reading of it is true. Never evaluates
anything as code; numbers, powers and depth are bounded.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Final, NamedTuple

from marco_cli.reward.equations.tokens import Kind, Token
from marco_cli.reward.equations.units import CURRENCY, NO_UNITS, unit_of
from marco_cli.reward.equations.values import UnreadableError, Value, combine, few, literal, raised


class Side(NamedTuple):
    """One side of an equation."""

    values: tuple[Value, ...]
    first: Fraction
    """The number that it begins with."""
    key: str
    """The same arithmetic has the same key, units aside."""
    decimals: int
    """Digits behind the point, the most of any of its numbers."""
    divides: bool
    is_sum: bool
    """Whether there is anything to work out."""
    units: frozenset[str]
    per: frozenset[str]
    """Units that something is divided by: the hour of `km/hour`."""
    adds: bool
    is_mixed: bool
    """Whether what is added has different units."""


MOST_TOKENS: Final = 160
_MOST_DEPTH: Final = 12
MOST_WORDS: Final = 5
"""Of a unit: `cups of sugar per cake`."""
_PER: Final = re.compile(r"(?:^| )(?:per|each|in|of|for)(?: |$)|(?:^| )an? (?!$)")


class _Term(NamedTuple):
    values: tuple[Value, ...]
    units: frozenset[str] = frozenset()


def read_side(tokens: Sequence[Token]) -> Side:
    """Work out one side.

    Raises:
        UnreadableError: it is not arithmetic, or too long.
    """
    if not 0 < len(tokens) <= MOST_TOKENS:
        raise UnreadableError
    reader = _Reader(tokens)
    term = reader.sum(0)
    if reader.token is not None:
        raise UnreadableError
    values = term.values + _long_quotient(tokens) if reader.adds and reader.divides else term.values
    signs = [
        token for token in tokens if token.kind in {Kind.NUMBER, Kind.OPERATOR, Kind.OPEN, Kind.CLOSE, Kind.PERCENT}
    ]
    return Side(
        values=values,
        first=Fraction(next(token.text for token in signs if token.kind is Kind.NUMBER).replace(",", "")),
        key="".join(token.text for token in signs),
        decimals=max(len(token.text.partition(".")[2]) for token in signs),
        divides=reader.divides,
        is_sum=reader.num_operations > 0,
        units=frozenset(reader.units),
        per=frozenset(reader.per),
        adds=reader.adds,
        is_mixed=reader.is_mixed,
    )


def _long_quotient(tokens: Sequence[Token]) -> tuple[Value, ...]:
    """Read `5 + 6 + 7 / 3` as all before the only stroke by all behind it, as some mean it."""
    depths = accumulate((token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE) for token in tokens)
    strokes = [
        place
        for place, (token, depth) in enumerate(zip(tokens, depths, strict=True))
        if token.text == "/" and not depth
    ]
    if len(strokes) != 1:
        return ()
    above, below = _Reader(tokens[: strokes[0]]), _Reader(tokens[strokes[0] + 1 :])
    return combine(above.sum(0).values, "/", below.sum(0).values)


class _Reader:
    """A recursive descent over the tokens of one side."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self.num_operations = 0
        self.divides = False
        self.adds = False
        self.is_mixed = False
        self.units: set[str] = set()
        self.per: set[str] = set()

    @property
    def token(self) -> Token | None:
        """The next token."""
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def sum(self, depth: int) -> _Term:
        """Read what + and - join."""
        if depth > _MOST_DEPTH:
            raise UnreadableError
        total = self._product(depth)
        while (sign := self._take("+-")) is not None:
            term = self._product(depth)
            self.num_operations += 1
            self.adds = True
            self.is_mixed |= _differ(total.units, term.units)
            total = _Term(combine(total.values, sign, term.values), total.units | term.units)
        return total

    def _product(self, depth: int) -> _Term:
        """Read what * and / join, from the left and, as some mean `12 / 2 * 3`, from the right."""
        factors, signs = [self._factor(depth)], list[str]()
        while (sign := self._take("*/")) is not None:
            signs.append(sign)
            factors.append(self._factor(depth))
            self.num_operations += 1
            self.divides |= sign == "/"
        values = factors[0].values
        for sign, factor in zip(signs, factors[1:], strict=True):
            values = combine(values, sign, factor.values)
        if "/" in signs[:-1]:
            other = factors[-1].values
            for sign, factor in zip(reversed(signs), reversed(factors[:-1]), strict=True):
                other = combine(factor.values, sign, other)
            values = few(values + other)
        return _Term(values, frozenset[str]().union(*(factor.units for factor in factors)))

    def _factor(self, depth: int) -> _Term:
        """Read a power with its sign, or `2(3 + 4)`, which multiplies."""
        if depth > _MOST_DEPTH:
            raise UnreadableError
        if self._take("-") is not None:
            start = self._next
            term = self._factor(depth + 1)
            values = few(Value(-middle, slack) for middle, slack in term.values)
            is_power = any(token.text == "^" for token in self._tokens[start : self._next])
            return _Term(few(values + term.values) if is_power else values, term.units)  # -2^2
        start = self._next
        term = self._atom(depth)
        if self._take("^") is not None:
            exponents = self._atom(depth).values
            self.num_operations += 1
            return _Term(few(raised(base, exponents) for base in term.values), term.units)
        while self._is_next(Kind.OPEN) and self._tokens[self._next].start == self._tokens[self._next - 1].end:
            if start and self._tokens[start - 1].text == "/":
                raise UnreadableError  # 12 / 2(3)
            whole, opened = self._tokens[start].text, self._next
            factor = self._atom(depth)
            values = combine(term.values, "*", factor.values)
            if whole.isdigit() and opened == start + 1 and _is_fraction(self._tokens[opened : self._next]):
                values = few(values + combine(term.values, "+", factor.values))
            self.num_operations += 1
            term = _Term(values, term.units | factor.units)
        return term

    def _atom(self, depth: int) -> _Term:
        is_money = self._take_kind(Kind.CURRENCY) is not None
        if is_money and self._take("-") is not None:  # $-5
            values, units = self._atom(depth)
            return _Term(tuple(Value(-middle, slack) for middle, slack in values), units | {CURRENCY})
        if self._take_kind(Kind.OPEN) is not None:
            values, units = self.sum(depth + 1)
            if self._take_kind(Kind.CLOSE) is None:
                raise UnreadableError
        else:
            values, units = self._number(), frozenset()
        if is_money:
            units |= {CURRENCY}
        if self._take_kind(Kind.PERCENT) is not None:
            units |= {"%"}
            values = few([*values, *(Value(middle / 100, slack / 100) for middle, slack in values)])
        units |= self._unit()
        self.units |= units
        return _Term(values, units)

    def _number(self) -> tuple[Value, ...]:
        number = self._take_kind(Kind.NUMBER)
        if number is None:
            raise UnreadableError
        values = literal(number.text)
        if self._is_next(Kind.NUMBER) and _is_fraction(self._tokens[self._next : self._next + 3]):  # 2 1/2
            above, _, below = self._tokens[self._next : self._next + 3]
            self._next += 3
            values = combine(values, "+", combine(literal(above.text), "/", literal(below.text)))
        return values

    def _unit(self) -> frozenset[str]:
        """Read the words behind a number: `muffins`, `pencils per pack`, `km / hour`."""
        start, words = self._next, list[str]()
        while (word := self._take_kind(Kind.WORD)) is not None:
            words.append(word.text.lower())
        while self._is_next(Kind.OPERATOR, "/") and self._next + 1 < len(self._tokens):
            if self._tokens[self._next + 1].kind is not Kind.WORD:
                break
            if not words and _is_letter(self._tokens[self._next + 1].text):
                raise UnreadableError  # 300/N
            self._next += 1
            words.append("per")
            while (word := self._take_kind(Kind.WORD)) is not None:
                words.append(word.text.lower())
        phrase, *below = _PER.split(" ".join(words))
        if (
            len(words) > MOST_WORDS
            or not NO_UNITS.isdisjoint(phrase.split())
            or (_is_letter(phrase) and self._touches(start))
        ):
            raise UnreadableError
        self.per |= {unit_of(unit) for unit in below if unit}
        return frozenset({unit_of(phrase)}) if phrase else frozenset()

    def _touches(self, place: int) -> bool:
        return self._tokens[place].start == self._tokens[place - 1].end

    def _take(self, signs: str) -> str | None:
        token = self.token
        if token is None or token.kind is not Kind.OPERATOR or token.text not in signs:
            return None
        self._next += 1
        return token.text

    def _take_kind(self, kind: Kind) -> Token | None:
        token = self.token
        if token is None or token.kind is not kind:
            return None
        self._next += 1
        return token

    def _is_next(self, kind: Kind, text: str = "") -> bool:
        token = self.token
        return token is not None and token.kind is kind and text in token.text


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isascii()


def _differ(left: frozenset[str], right: frozenset[str]) -> bool:
    """Say whether terms that are added have no unit in common; a sign of money may be left out."""
    if left & right or not left | right:
        return False
    return bool(left and right) or CURRENCY not in left | right


def _is_fraction(tokens: Sequence[Token]) -> bool:
    """Say whether this is `1/2` or `(1/2)`, written without blanks."""
    inner = [token for token in tokens if token.kind not in {Kind.OPEN, Kind.CLOSE}]
    above, sign, below = (token.text for token in inner) if len(inner) == 3 else ("", "", "")
    return above.isdigit() and sign == "/" and below.isdigit() and inner[0].end + 1 == inner[2].start

"""What a false equation should say: the result that its left side comes to.

In: a text. Out: where its first wrong result begins, and the right one as the text would write it. Only arithmetic with one
reading is put right, and only if the equation, read again, is then true.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from marco_cli.reward.equations.check import false_statements
from marco_cli.reward.equations.expression import read_side
from marco_cli.reward.equations.notation import plain
from marco_cli.reward.equations.statements import Statement
from marco_cli.reward.equations.tokens import Kind, Token, tokens_of
from marco_cli.reward.equations.values import UnreadableError


class Correction(NamedTuple):
    """From `start` on, where a number or a fraction is wrong, the text should go on with `right`."""

    start: int
    right: str


def correction(text: str) -> Correction | None:
    """Return what puts the first false equation right that can be; None where there is nothing to be done."""
    return next((found for statement in false_statements(text) if (found := _correction(text, statement))), None)


_EQUALS: Final = re.compile("[=＝]")  # noqa: RUF001 (what models write)
_RESULT: Final = re.compile(
    r"(?:[ \t\n&~]|\\[ ,;!$(]|[*_$£€¥₹({]|\\(?:text|mathbf|boxed)\{)*(?P<minus>[-−–])?[ $]*(?P<number>\d[\d,]*(?:\.\d+)?)"  # noqa: RUF001
)
"""A number behind an equals sign, with what models write between the two."""
_FRACTION: Final = re.compile(
    r"\s*(?P<side>\\[dtc]?frac\s*\{[\d., ]+\}\s*\{[\d., ]+\})[ \t]*(?=[=\n]|\\[^a-z]|\\(?:text|quad)|$)"
)
"""A right side that is one fraction."""
_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DIGITS: Final = 2
"""Behind the point, of results that have no end."""
_MOST_DIGITS: Final = 6


def _correction(text: str, statement: Statement) -> Correction | None:
    """Return what the right side should be, if it can be told and is found in the text as it was before `plain`."""
    readings = {value.middle for value in statement.left.values}
    if len(readings) != 1 or not statement.left.is_sum:
        return None
    value = readings.pop()
    ordinal = plain(text).count("=", 0, statement.start)
    place = next((sign.end() for turn, sign in enumerate(_EQUALS.finditer(text)) if turn == ordinal), None)
    if place is None:
        return None
    if statement.right.is_sum:
        side = _FRACTION.match(text, place)
        if side is None:
            return _term_correction(text, place, statement)
        found = Correction(side.start("side"), _signed(value))
    else:
        result = _RESULT.match(text, place)
        if result is None or (result["minus"] is not None and value >= 0):
            return None
        number = result["number"].rstrip(",")
        found = Correction(
            result.start("number"), _signed(value if result["minus"] is None else -value, has_commas="," in number)
        )
    return found if _holds(text, statement, found) else None


def _term_correction(text: str, place: int, statement: Statement) -> Correction | None:
    """Return what the only wrong term should be: `391` for the `401` of `17 * 23 - 4 = 401 - 4`.

    Behind `387` the model would take the 4 off once more.
    """
    tokens = tokens_of(plain(text)[statement.start : statement.end])
    equals = next(i for i, token in enumerate(tokens) if token.kind is Kind.EQUALS)
    (left_signs, left), (right_signs, right) = _terms(tokens[:equals]), _terms(tokens[equals + 1 :])
    if left_signs != right_signs or any([token.kind for token in term] != [Kind.NUMBER] for term in right):
        return None
    numbers = list(_NUMBER.finditer(text, place))[: len(right)]
    values = [_value(term) for term in left]
    if None in values or [found[0].rstrip(",") for found in numbers] != [term[0].text for term in right]:
        return None
    wrong = [
        Correction(found.start(), _signed(value, has_commas="," in found[0].rstrip(",")))
        for found, value in zip(numbers, values, strict=True)
        if value is not None and _is_off(value, found[0].rstrip(","))
    ]
    return wrong[0] if len(wrong) == 1 else None


def _terms(tokens: Sequence[Token]) -> tuple[list[str], list[list[Token]]]:
    """Return the signs between the terms of a side, and the terms."""
    signs, terms, depth = list[str](), [list[Token]()], 0
    for token in tokens:
        depth += (token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE)
        if token.text in {"+", "-"} and token.kind is Kind.OPERATOR and not depth and terms[-1]:
            signs.append(token.text)
            terms.append([])
        else:
            terms[-1].append(token)
    return signs, terms


def _value(term: Sequence[Token]) -> Fraction | None:
    """Return what a term comes to; None if it is no arithmetic, or has several readings."""
    try:
        readings = {value.middle for value in read_side(term).values}
    except UnreadableError:
        return None
    return readings.pop() if len(readings) == 1 else None


def _is_off(value: Fraction, number: str) -> bool:
    """Say whether a number is not the value, to the digits that it has."""
    decimals = len(number.partition(".")[2])
    return abs(Fraction(number.replace(",", "")) - value) >= Fraction(1, 10**decimals)


def _holds(text: str, statement: Statement, correction: Correction) -> bool:
    """Say whether the statement is false no longer, in a text that ends with the right result."""
    changed = f"{text[: correction.start]}{correction.right}\n"
    return all(each.start != statement.start for each in false_statements(changed))


def _signed(value: Fraction, *, has_commas: bool = False) -> str:
    """Write a number as a text would: whole, with the digits that it has, or rounded to two."""
    for digits in range(_MOST_DIGITS + 1):
        if (value * 10**digits).denominator == 1:
            break
    else:
        digits = _DIGITS
    return f"{Decimal(value.numerator) / value.denominator:{',' if has_commas else ''}.{digits}f}"

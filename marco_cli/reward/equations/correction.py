"""What a false equation should say: the result that its left side comes to.

In: a text. Out: where its first wrong result begins, and the right one as the text would write it. Only arithmetic with one
reading is put right, and only if the equation, read again, is then true.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from marco_cli.reward.equations.check import false_statements
from marco_cli.reward.equations.notation import plain
from marco_cli.reward.equations.statements import Statement


class Correction(NamedTuple):
    """From `start` on, where a number or a fraction is wrong, the text should go on with `right`."""

    start: int
    right: str


def correction(text: str) -> Correction | None:
    """Return what puts the first false equation right that can be; None where there is nothing to be done."""
    found = ((statement, _correction(text, statement)) for statement in false_statements(text))
    return next((each for statement, each in found if each is not None and _holds(text, statement, each)), None)


_EQUALS: Final = re.compile("[=＝]")  # noqa: RUF001 (what models write)
_RESULT: Final = re.compile(
    r"(?:[ \t\n&~]|\\[ ,;!$(]|[*_$£€¥₹({]|\\(?:text|mathbf|boxed)\{)*(?P<minus>[-−–])?[ $]*(?P<number>\d[\d,]*(?:\.\d+)?)"  # noqa: RUF001
)
"""A number behind an equals sign, with what models write between the two."""
_FRACTION: Final = re.compile(
    r"\s*(?P<side>\\[dtc]?frac\s*\{[\d., ]+\}\s*\{[\d., ]+\})[ \t]*(?=[=\n]|\\[^a-z]|\\(?:text|quad)|$)"
)
"""A right side that is one fraction. Of other arithmetic, the model may still write the rest: in `17 * 23 - 4 = 401 - 4`, `401` is
wrong, and behind `387` the model would take the 4 off once more."""
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
        return None if side is None else Correction(side.start("side"), _signed(value))
    result = _RESULT.match(text, place)
    if result is None or (result["minus"] is not None and value >= 0):
        return None
    number = result["number"].rstrip(",")
    right = _signed(value if result["minus"] is None else -value, has_commas="," in number)
    return Correction(result.start("number"), right)


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

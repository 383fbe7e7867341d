"""What a number can mean, and how readings are added, multiplied and raised.

In: digits and operators. Out: tuples of `Value`s, one for each reading. Exact, but for numbers that are roundings themselves;
nothing grows beyond its bounds.
"""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple


class UnreadableError(Exception):
    """Not arithmetic that can be worked out without doubt."""


class Value(NamedTuple):
    """What one reading comes to."""

    middle: Fraction
    slack: Fraction = Fraction(0)
    """How far from `middle` it may be because numbers in it were rounded (`0.33`)."""


_MOST_READINGS: Final = 12
_MOST_BITS: Final = 512
_COARSEST: Final = Fraction(1, 100)
"""Of roundings that are recognised; a number with fewer digits is taken at its word."""
_HIGHEST_POWER: Final = 64
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}\.\d{3}\Z")
"""A thousand in half of the world, and a small number in the other half."""
_PERIODS: Final = (3, 6, 7, 9, 12)
_PI: Final = Fraction(314159265358979, 10**14)


def literal(text: str) -> tuple[Value, ...]:
    """Read a number; `3.33` may be a rounding of ten thirds, `1.250` twelve hundred and fifty."""
    number = Fraction(text.replace(",", ""))
    unit = Fraction(1, 10 ** len(text.partition(".")[2]))
    values = [Value(number, _rounded_off(number, unit))]
    if _THOUSANDS.match(text):
        values.append(Value(number * 1000))
    return tuple(values)


def _rounded_off(number: Fraction, unit: Fraction) -> Fraction:
    """Return how much a number has lost if it is a third, a seventh, …, or pi, rounded or cut at its last digit; 0 if none."""
    if unit > _COARSEST:
        return Fraction(0)
    near = [_PI, *(Fraction(round(number * period), period) for period in _PERIODS)]
    return max((abs(value - number) for value in near if -unit / 2 <= value - number < unit), default=Fraction(0))


def combine(left: Iterable[Value], sign: str, right: Sequence[Value]) -> tuple[Value, ...]:
    """Join all readings of two sides of an operator."""
    return few(_operate(one, sign, other) for one in left for other in right)


def _operate(left: Value, sign: str, right: Value) -> Value:
    """Work out one operation; slacks grow as errors do, to first order."""
    (a, da), (b, db) = left, right
    if sign == "+":
        return Value(a + b, da + db)
    if sign == "-":
        return Value(a - b, da + db)
    if sign == "*":
        return Value(a * b, abs(a) * db + abs(b) * da + da * db)
    if abs(b) <= db:
        raise UnreadableError
    return Value(a / b, (abs(a) * db + abs(b) * da) / (abs(b) * (abs(b) - db)))


def raised(base: Value, exponents: Sequence[Value]) -> Value:
    """Raise to a whole power that is bounded, and so is the result."""
    exponent = exponents[0].middle
    if len(exponents) != 1 or exponent.denominator != 1 or not 0 <= exponent <= _HIGHEST_POWER:
        raise UnreadableError
    number, slack = base
    if max(number.numerator.bit_length(), number.denominator.bit_length()) * int(exponent) > _MOST_BITS:
        raise UnreadableError
    power = number ** int(exponent)
    return Value(power, (abs(number) + slack) ** int(exponent) - abs(power) if slack else Fraction(0))


def few(values: Iterable[Value]) -> tuple[Value, ...]:
    """Keep the different ones, if they are few and no giants."""
    kept = tuple(dict.fromkeys(values))
    if len(kept) > _MOST_READINGS:
        raise UnreadableError
    if any(
        max(value.middle.numerator.bit_length(), value.middle.denominator.bit_length()) > _MOST_BITS for value in kept
    ):
        raise UnreadableError
    return kept

"""Plain arithmetic, worked out exactly.

In: a `Node` of numbers alone. Out: a fraction. Nothing is rounded, and nothing large is begun.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, comb, factorial, floor
from typing import Any, Final

from marco_cli.answer.formula import Node
from marco_cli.answer.symbols import NotFormulaError

MOST_FACTORIAL: Final = 1_000
_BITS: Final = 12_000
"""Of an exact numerator or denominator; Python prints no more than 4 300 digits."""
OPERATIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda *terms: sum(terms),
    "negative": lambda value: -value,
    "multiply": lambda left, right: left * right,
    "divide": lambda left, right: left / right,
    "percent": lambda value: value / 100,
    "degrees": lambda value: value,
    "abs": abs,
}
"""What is done alike to fractions and to values of many digits."""


def exact(node: Node) -> Fraction:
    """Return the value of plain arithmetic.

    Raises:
        NotFormulaError: it has variables, constants or roots that do not come out even, or it is too large.
    """
    if node.op == "number":
        return decimal(node.text)
    try:
        value = _exact(node, [exact(arg) for arg in node.args])
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        raise NotFormulaError(str(error)) from error
    if max(abs(value.numerator).bit_length(), value.denominator.bit_length()) > _BITS:
        raise NotFormulaError("too large")
    return value


def decimal(digits: str) -> Fraction:
    """Read a decimal, repeating digits in brackets."""
    if len(digits) > _BITS // 4:
        raise NotFormulaError("too long")
    plain, _, repeating = digits.partition("(")
    value = Fraction(plain.removesuffix(".") or "0")
    if repeating:
        repeating = repeating.rstrip(")")
        places = len(plain.partition(".")[2])
        value += Fraction(int(repeating), (10 ** len(repeating) - 1) * 10**places)
    return value


def _exact(node: Node, args: list[Fraction]) -> Fraction:
    if node.op == "power":
        return _exact_power(*args)
    if node.op in {"factorial", "binomial"}:
        return _counted(node.op, args)
    if node.op in {"floor", "ceil"}:
        return Fraction(floor(args[0]) if node.op == "floor" else ceil(args[0]))
    if node.op not in OPERATIONS:
        raise NotFormulaError(node.op)
    return Fraction(OPERATIONS[node.op](*args))


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction:
    size = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or abs(exponent) * size > _BITS:
        raise NotFormulaError("no exact power")
    return Fraction(base ** int(exponent))


def _counted(op: str, args: list[Fraction]) -> Fraction:
    """Return n! or n over k."""
    if any(value.denominator != 1 or not 0 <= value <= MOST_FACTORIAL for value in args):
        raise NotFormulaError("no count")
    return Fraction(factorial(int(args[0])) if op == "factorial" else comb(int(args[0]), int(args[1])))

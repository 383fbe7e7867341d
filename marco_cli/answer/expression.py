"""What an expression is worth: the same for all expressions that are equal as mathematics.

In: a `Node` without commas and relations. Out: an exact fraction where arithmetic alone makes one, else its value to
`DIGITS` digits, of an expression with variables its values at `POINTS` fixed points (Schwartz, Zippel: two different ones agree
there with a probability of about 10^-40). So equality is equality of short strings, and 1 000 answers are compared in linear
time. No work is unbounded: numbers larger than 10^1000 are left alone, and the text is then compared.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from marco_cli.answer.arithmetic import MOST_FACTORIAL, OPERATIONS, decimal, exact
from marco_cli.answer.formula import Node
from marco_cli.answer.symbols import NotFormulaError

DIGITS: Final = 40
POINTS: Final = 3
_GUARD: Final = 80
"""Digits that are calculated with."""
_LARGEST: Final = 3_400
"""Binary exponent of a value that is still calculated with."""
_STEEPEST: Final = 100
"""Binary exponent of a tangent or the like that is still one."""
_NEAREST: Final = 10**6
"""Largest denominator of a value that is taken for a fraction, as log_2 8 and sin 30° are."""


def worth(node: Node) -> Fraction | str:
    """Return the value of an expression: a fraction if it is one, else what all equal expressions share.

    Raises:
        NotFormulaError: it has no value anywhere that was looked, or one too large to be calculated.
    """
    with suppress(NotFormulaError):
        return exact(node)
    names = set(variables(node))
    values = [_value(node, names, point) for point in range(POINTS if names else 1)]
    known = [value for value in values if value is not None]
    if not known:
        raise NotFormulaError("no value")
    first = known[0]
    if all(_written(value) == _written(first) for value in values if value is not None) and len(known) == len(values):
        return _near_fraction(first) or _written(first)
    return _digest("|".join("?" if value is None else _written(value) for value in values))


def proportion(node: Node, *, keeps_sign: bool) -> str:
    """Return what all multiples of an expression share: what is 0 where it is; with `keeps_sign` only positive multiples.

    Raises:
        NotFormulaError: it has no variables, or no values.
    """
    names = set(variables(node))
    values = [_value(node, names, point) for point in range(POINTS + 2)]
    known = [value for value in values if value is not None]
    scale = next((value for value in known if _written(value) != "0"), None)
    if not names or scale is None or len(known) < 2:
        raise NotFormulaError("no equation")
    scale = abs(scale) if keeps_sign else scale
    return _digest("|".join("?" if value is None else _written(value / scale) for value in values))


def variables(node: Node) -> Iterator[str]:
    """Yield the names of the variables."""
    if node.op == "variable":
        yield node.text
    for arg in node.args:
        yield from variables(arg)


@cache
def _context() -> Any:
    from mpmath import MPContext  # noqa: PLC0415 (24 ms that most answers do not need)

    context = MPContext()
    context.dps = _GUARD
    return context


def _point(name: str, point: int) -> Any:
    """Return where a variable is looked at: drawn from its name, positive, then negative, then large."""
    seed = int.from_bytes(blake2b(f"{name} {point}".encode(), digest_size=16).digest(), "big")
    place = Fraction(3, 10) + Fraction(2 * seed, 2**128)
    place *= (1, -1, 7, -3, 5)[point]
    return _context().mpf(place.numerator) / place.denominator


def _value(node: Node, names: set[str], point: int) -> Any | None:
    """Return the value at a point, None where the expression has none."""
    places = {name: _point(name, point) for name in names}
    try:
        return _worked_out(node, places, in_degrees=False)
    except (ZeroDivisionError, ValueError, TypeError, OverflowError):
        return None


def _worked_out(node: Node, places: dict[str, Any], *, in_degrees: bool) -> Any:
    context = _context()
    if node.op == "number":
        value = decimal(node.text)
        return context.mpf(value.numerator) / value.denominator
    if node.op == "variable":
        return places[node.text]
    if node.op == "constant":
        return _constant(node.text)
    is_trigonometric = node.op == "call" and node.text in {"sin", "cos", "tan", "cot", "sec", "csc"}
    args = [_worked_out(arg, places, in_degrees=is_trigonometric or in_degrees) for arg in node.args]
    if node.op == "degrees":
        result = context.radians(args[0]) if in_degrees else args[0]
    elif node.op == "call":
        result = _called(node.text, args)
    else:
        result = _operated(node.op, args)
    if _size(result) > _LARGEST:
        raise NotFormulaError("too large")
    return result


def _constant(name: str) -> Any:
    context = _context()
    if name == "inf":
        raise NotFormulaError("infinity has no value")
    if name not in {"pi", "e", "i"}:
        raise NotFormulaError(name)
    return {"pi": +context.pi, "e": +context.e, "i": context.mpc(0, 1)}[name]


def _operated(op: str, args: list[Any]) -> Any:
    context = _context()
    if op in {"power", "root"}:
        return _power(args[0], args[1]) if op == "power" else _root(args[0], args[1])
    if op in {"factorial", "binomial"} and max(map(abs, args)) > MOST_FACTORIAL:
        raise NotFormulaError("too large")
    operations: dict[str, Any] = {
        **OPERATIONS,
        "floor": context.floor,
        "ceil": context.ceil,
        "factorial": context.factorial,
        "binomial": context.binomial,
    }
    if op not in operations:
        raise NotFormulaError(op)
    return operations[op](*args)


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > _LARGEST * 4 or abs(exponent) * max(1, abs(_magnitude(base))) > _LARGEST:
        raise NotFormulaError("too large")
    return base**exponent


def _root(degree: Any, value: Any) -> Any:
    """Return a root; the odd ones of negative numbers are negative, as they are in school."""
    is_odd = degree == int(degree.real) and int(degree.real) % 2 == 1
    if is_odd and value.imag == 0 and value.real < 0:
        return -((-value) ** (1 / degree))
    return value ** (1 / degree)


def _called(name: str, args: list[Any]) -> Any:
    context = _context()
    if name == "log":
        return context.log(args[0]) / context.log(args[1] if len(args) > 1 else 10)
    if max(map(abs, args)) > _LARGEST:
        raise NotFormulaError("too large")
    result = getattr(context, name)(args[0])
    if _size(result) > _STEEPEST and name not in {"exp", "sinh", "cosh"}:
        raise NotFormulaError("a pole, of which only noise is left")
    return result


def _magnitude(value: Any) -> int:
    """Return the binary exponent of a value."""
    return 0 if value == 0 else int(_context().mag(value))


def _size(value: Any) -> int:
    return abs(_magnitude(value))


def _written(value: Any) -> str:
    """Return a value to `DIGITS` digits; what is only noise counts as 0."""
    context = _context()
    noise = max(abs(value), 1) * context.mpf(10) ** (15 - _GUARD)
    real, imaginary = (0 if abs(part) < noise else part for part in (value.real, value.imag))
    written = "0" if real == 0 else str(context.nstr(real, DIGITS))
    return f"{written} + {context.nstr(imaginary, DIGITS)}i" if imaginary else written


def _near_fraction(value: Any) -> Fraction | None:
    """Return a value as a fraction with a small denominator; None where it is not one."""
    context = _context()
    if abs(value.imag) > context.mpf(10) ** -50 or _magnitude(value) > 100:
        return None
    scaled = int(context.nint(value.real * 10**60))
    near = Fraction(scaled, 10**60).limit_denominator(_NEAREST)
    return near if abs(Fraction(scaled, 10**60) - near) < Fraction(1, 10**50) else None


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()

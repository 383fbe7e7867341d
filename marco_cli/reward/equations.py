"""Arithmetic that a reply gets wrong, found without a model: `17*6=92`, and `9.11 > 9.9`.

In: text. Out: how many of its equations and comparisons hold, and how many do not. Small models are as sure of those as of
anything else, so no token score tells; working them out again does. Only what can be read without doubt counts: numbers
joined by + - * / and brackets on one side of a sign, the same or a number on the other. Units, variables, powers,
percentages, roundings that fit, questions, suppositions and versions are left alone: a sound text must not be blamed for
the way it is written.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple


class Equations(NamedTuple):
    """How many equations and comparisons of a text hold."""

    true: int
    false: int


def check_equations(text: str) -> Equations:
    """Work out all equations and comparisons of a text; `1+1=2<1` are two. Linear in the length of the text."""
    plain = _THOUSANDS.sub("", text.translate(_SIGNS))
    true = false = 0
    for chain in _CHAIN.finditer(plain):
        if not _stands_alone(plain, chain.start(), chain.end()):
            continue
        sides = [_side(part) for part in _SIGN.split(chain.group())]
        signs = _SIGN.findall(chain.group())
        if set(signs) != {"="} and _is_supposed(plain, chain.start(), chain.end()):
            continue
        for (left, right), sign in zip(pairwise(sides), signs, strict=True):
            if left is None or right is None or (holds := _holds(left, sign, right)) is None:
                continue
            true += holds
            false += not holds
    return Equations(true, false)


class _Side(NamedTuple):
    value: Fraction
    decimals: int
    """Digits after the point, the most of any of its numbers."""
    is_sum: bool
    """Whether there is anything to work out."""
    divides: bool


_SIGNS: Final = str.maketrans(
    dict(zip("×✕÷−–＋＝（）·＜＞", "**/--+=()*<>", strict=True)) | {"≤": "<=", "≥": ">="}  # noqa: RUF001 (what models write)
)
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CHAIN: Final = re.compile(r"[\d(][-+*/(). \d]{0,200}(?:(?:[<>]=?(?!-)|=)[-+*/(). \d]{1,200})+")
_SIGN: Final = re.compile(r"[<>]?=|[<>]")
_MOST_NUMBERS: Final = 64
_BEGUN_BEFORE: Final = re.compile(
    r"(?:[A-Za-z_0-9.]|\d[:,]|[-+*/^%$\\}\])!√] *|\b(?:of|sin|cos|tan|log|ln|sqrt|mod|root) *)\Z"
)
_GOES_ON: Final = re.compile(r"(?<! )[A-Za-z_]|[:,]\d| *[%^!?\\√]")
_SUPPOSED: Final = re.compile(
    r"(?i:\b(?:if|unless|until|while|when|whether|suppose|assume|check|not|never|versions?|release|section|python)\b)"
    r"|[如若假是否不版章节][^,.;，。；\n]*\Z"  # noqa: RUF001 (what models write)
)
_DENIED: Final = re.compile(r"[ ,，]*(?:is |was |are )?(?:not|false|wrong|incorrect|no\b|不|错|✗|✘)")  # noqa: RUF001
_GROUPED: Final = re.compile(r"\b\d{1,3}(?:\.\d{3})+\b")
"""A thousand in half of the world, and a small number in the other half."""
_NOISE: Final = Fraction(1, 10**9)
"""Of binary floating point: 0.30000000000000004."""
_NUMBER: Final = re.compile(r"\d+(?:\.(\d+))?")
_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether the match is a whole statement: no `2^`, `x`, `20% of` before it, no `x`, `%`, `?` behind it."""
    if _BEGUN_BEFORE.search(text, max(0, start - 12), start):
        return False
    return not _GOES_ON.match(text, end)


def _is_supposed(text: str, start: int, end: int) -> bool:
    """Say whether a comparison is only considered, or denied: `if 3 > 5`, `3 > 5 is false`; or is one of versions."""
    line = text[max(text.rfind("\n", 0, start) + 1, start - 80) : start]
    return bool(_SUPPOSED.search(line) or _DENIED.match(text, end))


def _side(text: str) -> _Side | None:
    """Read one side; None when it is no arithmetic that can be worked out."""
    text = text.strip(" .")
    numbers = _NUMBER.findall(text)
    if (
        not numbers
        or len(numbers) > _MOST_NUMBERS
        or _GROUPED.search(text)
        or re.search(r"\d\s+[\d(]|\)\s*\d|\d\(|\*\*|//", text)
    ):
        return None
    try:
        tree = ast.parse(re.sub(r"(?<![.\d])0+(?=\d)", "", text), mode="eval").body
        value = _work_out(tree, _literals(text))
    except (SyntaxError, ZeroDivisionError, _NoArithmeticError, RecursionError):
        return None
    return _Side(value, max(map(len, numbers)), not isinstance(tree, ast.Constant), "/" in text)


class _NoArithmeticError(Exception):
    pass


def _literals(text: str) -> Mapping[float, Fraction]:
    """Return the numbers of a text exactly, by what Python reads them as."""
    return {float(match.group()): Fraction(match.group()) for match in _NUMBER.finditer(text)}


def _work_out(node: ast.expr, literals: Mapping[float, Fraction]) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return literals.get(float(node.value), Fraction(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_work_out(node.operand, literals)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_work_out(node.left, literals), _work_out(node.right, literals))
    raise _NoArithmeticError


def _holds(left: _Side, sign: str, right: _Side) -> bool | None:
    """Say whether a statement is true; None when it says nothing: `9.9 = 9.90`, or a comparison of what rounding hides."""
    if sign == "=":
        return _agree(left, right) if left.is_sum or right.is_sum else None
    if left.value == right.value:
        return sign.endswith("=")
    return None if _agree(left, right) else (left.value < right.value) == sign.startswith("<")


def _agree(left: _Side, right: _Side) -> bool:
    """Say whether two sides are equal, or one is the other rounded or cut to the digits that it is written with."""
    difference = abs(left.value - right.value)
    if difference == 0:
        return True
    exact, written = (right, left) if right.is_sum else (left, right)
    is_rounding = exact.divides or written.decimals > 0
    return is_rounding and difference < max(Fraction(1, 10**written.decimals), _NOISE)

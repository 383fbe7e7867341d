"""Arithmetic that a reply gets wrong, found without a model: `17*6=92`, and `9.11 > 9.9` on a line of its own.

In: text. Out: how many of its equations and comparisons hold, and how many do not. Small models are as sure of those as of
anything else, so no token score tells; working them out again does. Only what can be read without doubt counts: numbers
joined by + - * / and brackets on one side of an equals sign, the same or a number on the other. Units, variables, powers,
percentages, roundings that fit, questions, what is supposed, denied or set right later are left alone: a sound text must not
be blamed for the way it is written. Comparisons count where a line holds nothing else, since `3 > 5` is said of versions,
menus, conditions and quotations too.
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
    """Work out all equations and comparisons of a text; `1+1=2=3` are two equations. Linear in the length of the text.

    A false one counts unless the text says it again and right: whoever finds a slip and mends it is no worse for it.
    """
    plain = _THOUSANDS.sub("", _COMMANDS.sub(_plain_sign, text.translate(_SIGNS)))
    true, slips = 0, set()
    for chain in _CHAIN.finditer(plain):
        if not _stands_alone(plain, chain.start(), chain.end()):
            continue
        for left, right in pairwise(_side(part) for part in chain.group().split("=")):
            if left is None or right is None or not (left.is_sum or right.is_sum):
                continue
            expression = left.text if left.is_sum else right.text
            if _agree(left, right):
                true += 1
                slips.discard(expression)
            else:
                slips.add(expression)
    comparisons = [_is_true(*found.groups()) for found in _COMPARISON.finditer(plain)]
    return Equations(true + sum(comparisons), len(slips) + comparisons.count(False))


class _Side(NamedTuple):
    text: str
    value: Fraction
    decimals: int
    """Digits after the point, the most of any of its numbers."""
    is_sum: bool
    """Whether there is anything to work out."""
    divides: bool


_SIGNS: Final = str.maketrans(
    "×✕⋅∙•∗⨯·÷∕−–＋＝（）＜＞？！％\u00a0\u2009\u202f",  # noqa: RUF001 (what models write)
    "********//--+=()<>?!%   ",
)
_COMMANDS: Final = re.compile(r"\\(times|cdot|div|left|right|[,;! ])")
"""Of LaTeX, what stands between numbers."""
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CHAIN: Final = re.compile(r"[\d(][-+*/(). \d]{0,200}(?:=[-+*/(). \d]{1,200})+")
_COMPARISON: Final = re.compile(r"^ *(\d+(?:\.\d+)?) *(<|>) *(\d+(?:\.\d+)?) *[.。]? *$", re.MULTILINE)
_MOST_NUMBERS: Final = 64
_BEGUN_BEFORE: Final = re.compile(
    r"(?:[A-Za-z_0-9.]|\d[:,]|[-+*/^%$\\}\])!√<>≤≥≠≈] *|\d *(?:[xX]|[加减乘除]以?|[加乘]上|减去) *|[负第] *"
    r"|\b(?:of|sin|cos|tan|log|ln|sqrt|mod|root|times|plus|minus|negative|by|over|choose|div) *)\Z"
)
_GOES_ON: Final = re.compile(
    r"(?<! )[A-Za-z_]|[:,]\d| *[%^!?\\√⁰¹²³⁴-⁹₀-₉½¼¾⅓⅔°‰′″π]|[万亿千百的乘加减除]| *[xX] *[\d(]"  # noqa: RUF001
    r"| *(?:times|plus|minus|squared|cubed|dozen|hundred|thousand|million|billion|percent)\b"
)
_SUPPOSED: Final = re.compile(
    r"(?i:\b(?:if|unless|whether|suppos\w+|assum\w+|not|never|cannot|wrong\w*)\b|n't\b)[^,.;\n]*\Z"
    r"|[若假误吗][^，。；\n]*\Z|如果[^，。；\n]*\Z|是否[^，。；\n]*\Z"  # noqa: RUF001 (what models write)
)
_DENIED: Final = re.compile(
    r"[^.;。；\n]{0,40}?(?:\b(?:not|false|wrong|incorrect|impossible|fails?|contradict\w*)\b|n't\b|[?❌✗✘吗错假误]|不成立|不对|矛盾)",  # noqa: RUF001
    re.IGNORECASE,
)
_GROUPED: Final = re.compile(r"\b\d{1,3}(?:\.\d{3})+\b")
"""A thousand in half of the world, and a small number in the other half."""
_NOISE: Final = Fraction(1, 10**9)
"""Of binary floating point: 0.30000000000000004."""
_NUMBER: Final = re.compile(r"\d+(?:\.(\d+))?")
_OPERATIONS: Final[Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)


def _plain_sign(command: re.Match[str]) -> str:
    return {"times": "*", "cdot": "*", "div": "/", "left": "", "right": ""}.get(command[1], " ")


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether the match is a whole statement, and one that is made.

    No `2^`, `x`, `20% of` before it, no `x`, `%`, `million` behind it; nor `if` before it, or `is wrong` behind it.
    """
    if _BEGUN_BEFORE.search(text, max(0, start - 12), start) or _GOES_ON.match(text, end):
        return False
    return not (_SUPPOSED.search(text, max(0, start - 60), start) or _DENIED.match(text, end))


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
    is_sum = not isinstance(tree, ast.Constant)
    return _Side(text.replace(" ", ""), value, max(map(len, numbers)), is_sum, "/" in text)


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


def _is_true(left: str, sign: str, right: str) -> bool:
    return Fraction(left) < Fraction(right) if sign == "<" else Fraction(left) > Fraction(right)


def _agree(left: _Side, right: _Side) -> bool:
    """Say whether two sides are equal, or one is the other rounded or cut to the digits that it is written with."""
    difference = abs(left.value - right.value)
    if difference == 0:
        return True
    exact, written = (right, left) if right.is_sum else (left, right)
    is_rounding = exact.divides or written.decimals > 0
    return is_rounding and difference < max(Fraction(1, 10**written.decimals), _NOISE)

r"""Arithmetic that a reply gets wrong, found without a model: `17*6=92`, and `9.11 > 9.9` on a line of its own.

In: text. Out: how many of its equations and comparisons hold, and how many do not. Small models are as sure of those as of
anything else, so no token score tells; working them out again does. A false alarm costs more than a miss: an equation is false
when no reading of it is true, its units allow no other, and the text means it. Roundings that fit, questions, what is
supposed, denied or set right later are left alone.

| read | left alone |
|---|---|
| `24 - 18 = 6`, `3 x 4 = 12`, `2^3 = 8`, `2(3 + 4) = 14` | `3x + 4 = 7`, `5! = 120`, `sin 30 = 0.5`, `√16 = 4` |
| `\[ \frac{30}{2} = 15 \]`, `2\frac{1}{2} + 1 = 3.5` | `x_1 + 2 = 5`, `5 + \Box = 8` |
| `\text{Total} = 5 \times 3 = 15 \text{ apples}` | `Cost (3 + 2) = 16`, `Day 2 - 5 + 8 = 3` |
| `\$20 - \$36 = -\$16`, `1,200 - 200 = 1,000` | `1 000 + 5`, `1,5 + 2`, `2024-01-05`, `3:4 = 6:8` |
| `2 hours * 60 minutes = 120 minutes`, `35 packs * 4 pens per pack = 140 pens` | `1 hour = 60 minutes`, `5 boxes + 3 = 23` |
| `20% of 50 = 10`, `3/4 of 20 = 15`, `1/4 = 25%` | `half of 50 + 10 = 35`, `100 + 20% = 120` |
| `10 / 3 = 3.33`, `7 / 2 = 3 remainder 1` | `47 * 3 ≈ 150`, `900 + 100 = 1 thousand` |

Comparisons count where a line holds nothing else, since `3 > 5` is said of versions, menus, conditions and quotations too.
"""

import re
from fractions import Fraction
from typing import Final, NamedTuple

from marco_cli.reward.equations.doubts import may_be_blamed
from marco_cli.reward.equations.expression import Side
from marco_cli.reward.equations.notation import plain
from marco_cli.reward.equations.statements import Statement, statements_of
from marco_cli.reward.equations.tokens import tokens_of
from marco_cli.reward.equations.values import Value


class Equations(NamedTuple):
    """How many equations and comparisons of a text hold."""

    true: int
    false: int


def check_equations(text: str) -> Equations:
    """Work out all equations and comparisons of a text; `1+1=2=3` are two equations. Linear in the length of the text.

    A false one does not count where the text later says it right: a slip that is found and mended costs nothing.
    """
    true, slips = _worked_out(text)
    return Equations(true, len(slips))


def false_equations(text: str) -> tuple[str, ...]:
    """Return what `check_equations` counts as false, in plain notation and in order: `("22+7=39",)`."""
    return _worked_out(text)[1]


def _worked_out(text: str) -> tuple[int, tuple[str, ...]]:
    """Return how many equations and comparisons hold, and those that do not."""
    if not _RELATION.search(text):
        return 0, ()
    text = plain(text)
    true, false = _sorted_out(text)
    slips = (" ".join(text[statement.start : statement.end].split()) for statement in false)
    comparisons = [(_is_true(*found.groups()), found[0].strip(" .。")) for found in _COMPARISON.finditer(text)]
    untrue = tuple(comparison for is_true, comparison in comparisons if not is_true)
    return true + len(comparisons) - len(untrue), (*slips, *untrue)


def false_statements(text: str) -> tuple[Statement, ...]:
    """Return the false equations of a text, in order; their places are those in `plain(text)`."""
    return _sorted_out(plain(text))[1] if _RELATION.search(text) else ()


def _sorted_out(text: str) -> tuple[int, tuple[Statement, ...]]:
    """Return how many equations hold of a text in plain notation, and those that do not and are not said right later."""
    true, slips = 0, dict[str, Statement]()
    for statement in statements_of(tokens_of(text)):
        left, right = statement.left, statement.right
        if not (left.is_sum or right.is_sum) or _has_variable(left, right) or not _is_stated(text, statement):
            continue
        key = left.key if left.is_sum else right.key
        if _holds(statement):
            true += 1
            slips.pop(key, None)
        elif may_be_blamed(statement):
            slips.setdefault(key, statement)
    return true, tuple(slips.values())


_RELATION: Final = re.compile(r"[=<>＝＜＞\\]")  # noqa: RUF001 (what models write)
_COMPARISON: Final = re.compile(r"^ *(\d+(?:\.\d+)?) *(<|>) *(\d+(?:\.\d+)?) *(?:[.。] *)?$", re.MULTILINE)
_SUPPOSED: Final = re.compile(
    r"(?i:\b(?:if|unless|whether|suppos\w+|assum\w+|not|never|cannot|wrong\w*|incorrect\w*|mistaken\w*|instead)\b|n't\b)[^,.;\n]*\Z"
    r"|[若假误吗][^，。；\n]*\Z|如果[^，。；\n]*\Z|是否[^，。；\n]*\Z"  # noqa: RUF001 (what models write)
)
_DENIED: Final = re.compile(
    r"[^.;。；\n]{0,40}?(?:\b(?:not|false|wrong|incorrect|impossible|fails?|contradict\w*)\b|n't\b|[?❌✗✘吗错假误]|不成立|不对|矛盾)",  # noqa: RUF001
    re.IGNORECASE,
)
_NOISE: Final = Fraction(1, 10**9)
"""Of binary floating point: 0.30000000000000004."""
_HALF: Final = Fraction(1, 2)


def _is_stated(text: str, statement: Statement) -> bool:
    """Say whether the text means it: no `if` before it, no `is wrong` behind it."""
    start, end = statement.start, statement.end
    return not (_SUPPOSED.search(text, max(0, start - 60), start) or _DENIED.match(text, end))


def _has_variable(left: Side, right: Side) -> bool:
    """Say whether a letter behind a number may be more than a unit: `5 g - 3 g = 2 g` holds for both, `3 m + 2 = 8` does not."""
    units = left.units | right.units
    is_letter = any(len(unit) == 1 and unit.isalpha() and unit.isascii() for unit in units)
    return is_letter and (len(units) > 1 or left.units != right.units or left.is_mixed or right.is_mixed)


def _holds(statement: Statement) -> bool:
    """Say whether any reading of the two sides agrees."""
    left, right = statement.left, statement.right
    return any(_agree(one, left, other, right) for one in left.values for other in right.values)


def _agree(one: Value, left: Side, other: Value, right: Side) -> bool:
    """Say whether two values are equal, or one is the other rounded or cut to the digits that it is written with."""
    difference = abs(one.middle - other.middle) - one.slack - other.slack
    if difference <= 0:
        return True
    if left.is_sum and right.is_sum:
        decimals = max(left.decimals, right.decimals)
    else:
        decimals = right.decimals if left.is_sum else left.decimals
    if left.divides or right.divides or decimals:
        return difference < max(Fraction(1, 10**decimals), _NOISE)
    return bool(left.decimals or right.decimals) and difference <= _HALF


def _is_true(left: str, sign: str, right: str) -> bool:
    return Fraction(left) < Fraction(right) if sign == "<" else Fraction(left) > Fraction(right)

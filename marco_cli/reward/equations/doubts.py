"""What speaks for a text whose numbers disagree: other units, a label, a running total.

In: a `Statement` that no reading makes true. Out: whether it is wrong beyond doubt. `2 hours = 120` and `5 boxes + 3 = 23` may be
right in units that are not written; `Box 2 + 3 = 4 * 5` names a box.
"""

from marco_cli.reward.equations.expression import Side
from marco_cli.reward.equations.statements import Statement
from marco_cli.reward.equations.units import CURRENCY, MEASURES, are_mixed


def may_be_blamed(statement: Statement) -> bool:
    """Say whether an equation whose sides differ cannot be meant in another way."""
    left, right = statement.left, statement.right
    if left.is_mixed or right.is_mixed or are_mixed(left.units | right.units | left.per | right.per):
        return False
    if right.is_sum and not statement.is_plain:
        return False  # Box 2 + 3 = 4 * 5
    return not _runs_on(left, right) and not _is_turned(left, right) and _have_one_unit(left, right)


def _have_one_unit(left: Side, right: Side) -> bool:
    """Say whether both sides are in the same unit, as far as the text tells."""
    expression, result = (left, right) if left.is_sum else (right, left)
    if expression.adds and ("%" in left.units) != ("%" in right.units):
        return False  # 48 = 100% + 20%
    inside, stated = expression.units - {"%"}, result.units - {"%"}
    if stated == inside or (stated and stated < inside):
        return True
    has_measure = not MEASURES.keys().isdisjoint(inside | stated)
    if inside and expression.adds:
        return not stated and CURRENCY in inside  # 2 pens + 3 pens = 25: what they cost
    if inside and stated and has_measure:
        return False  # 2 hours * 3 = 360 minutes
    return not ((inside or has_measure) and _is_multiple(left, right))  # 6 boxes * 4 = 48 pens, two in each


def _runs_on(left: Side, right: Side) -> bool:
    """Say whether the right side goes on from the left one's result: `5 + 3 = 8 + 2 = 10`."""
    return right.is_sum and any(value.middle == right.first for value in left.values)


def _is_turned(left: Side, right: Side) -> bool:
    """Say whether a quotient is right in percent, the sign left out, or upside down: `3/4 = 75`, `2 / 50 = 25`."""
    pairs = [(one.middle, other.middle) for one in left.values for other in right.values]
    return left.divides and any(100 * one == other or one * other == 1 for one, other in pairs)


def _is_multiple(left: Side, right: Side) -> bool:
    """Say whether one side is a whole multiple of the other, as one measure is of another."""
    small, large = sorted((abs(left.values[0].middle), abs(right.values[0].middle)))
    return small == 0 or (large / small).denominator == 1

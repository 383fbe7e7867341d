r"""What a formula says, in a form that all formulas with the same meaning share.

In: the text of a formula. Out: a `Meaning`: a kind and a string. Tuples keep their order and their brackets, sets and lists do
not (`1, -2` is `-2, 1`, and $\{2, 2\}$ is $\{2\}$, though the list `2, 2` is not `2`). Intervals keep their ends open or closed;
`x > 5` is the interval that it says. `(2, 3)` may be a pair or an interval and is one `tuple`. An equation that says what a
single letter is worth (`x = 5`) is worth that; other equations are one with their multiples.
"""

from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from marco_cli.answer.base import Kind
from marco_cli.answer.expression import proportion, variables, worth
from marco_cli.answer.formula import Node
from marco_cli.answer.grammar import parse
from marco_cli.answer.latex import sign_choices
from marco_cli.answer.symbols import NotFormulaError
from marco_cli.answer.value import fraction_text


class Meaning(NamedTuple):
    """What equal formulas share."""

    kind: Kind
    form: str


@lru_cache(maxsize=4096)
def meaning(text: str, *, is_math: bool = True) -> Meaning:
    r"""Return what a formula says.

    Raises:
        NotFormulaError: it is not understood.
    """
    variants = [_of(parse(variant, is_math=is_math)) for variant in sign_choices(text)]
    if len(variants) == 1:
        return variants[0]
    return _set({part for variant in variants for part in _members(variant)})


def number_text(value: Fraction) -> str:
    """Return the canonical form of a number: a finite decimal, else lowest terms."""
    return "-" * (value < 0) + fraction_text(abs(value))


def _of(node: Node) -> Meaning:  # noqa: PLR0911 (one line a kind)
    match node.op:
        case "list":
            return _alternatives(node) or _listed(node.args, is_either=node.text == "or")
        case "relation":
            return _related(node)
        case "bracket":
            return _bracketed(node)
        case "union":
            return Meaning("interval", " ∪ ".join(sorted(_of(part).form for part in node.args)))
        case "ratio":
            return Meaning("text", ":".join(_element(part) for part in node.args))
        case "matrix":
            rows = ";".join(",".join(map(_element, row.args)) for row in node.args)
            return Meaning("matrix", f"{'det' if node.text[0] in 'vV' else ''}[{rows}]")
        case "percent":
            value = worth(node.args[0])
            if isinstance(value, Fraction):
                return Meaning("number", number_text(value) + "%")
    return _scalar(node)


def _scalar(node: Node) -> Meaning:
    if _infinite(node):
        return Meaning("expression", _infinite(node))
    value = worth(node)
    return Meaning("number", number_text(value)) if isinstance(value, Fraction) else Meaning("expression", value)


def _infinite(node: Node) -> str:
    """Return "∞" or "-∞", and nothing for what is finite."""
    if node == Node("constant", text="inf"):
        return "∞"
    if node == Node("constant", text="empty"):
        return "{}"
    return "-∞" if node.op == "negative" and _infinite(node.args[0]) == "∞" else ""


def _element(node: Node) -> str:
    """Return the form of a part, with its kind unless it is a number or an expression."""
    kind, form = _of(node)
    return form if kind in {"number", "expression", "tuple", "interval"} else f"{kind} {form}"


def _members(each: Meaning) -> list[str]:
    return each.form[1:-1].split("; ") if each.kind == "set" else [each.form]


def _set(members: set[str] | list[str]) -> Meaning:
    return Meaning("set", "{" + "; ".join(sorted(members)) + "}")


def _alternatives(node: Node) -> Meaning | None:
    """Return the union that `x < 1 or x > 2` says; None for other lists."""
    if node.text != "or" or not all(part.op == "relation" and set(part.text) <= set("<≤>≥ ") for part in node.args):
        return None
    parts = [_of(part) for part in node.args]
    letters = {name for part in node.args for name in variables(part)}
    if len(letters) > 1 or any(part.kind not in {"interval", "tuple"} for part in parts):
        return None
    return Meaning("interval", " ∪ ".join(sorted(part.form for part in parts)))


def _listed(items: tuple[Node, ...], *, is_either: bool) -> Meaning:
    """Return a list without brackets; `x = 2, x = 3` lists what x is worth, `x = 2, y = 3` keeps the letters."""
    letters = [_solved(item) for item in items]
    found = [each for each in letters if each is not None]
    if len(found) == len(items):
        if len({name for name, _ in found}) == 1:
            return _set([_element(value) for _, value in found])
        return _set([f"{name}={_element(value)}" for name, value in found])
    if letters[0] is not None and len(found) == 1:  # x = 2, 3
        items = (letters[0][1], *items[1:])
    members = [_element(item) for item in items]
    names = [" ".join(sorted(set(variables(item)))) if item.op == "relation" else "" for item in items]
    if len(set(filter(None, names))) > 1:  # x > 0, y < 1
        members = [f"{name}: {member}" for name, member in zip(names, members, strict=True)]
    if is_either and len(set(members)) == 1:
        return _of(items[0])  # 5/2 or 2.5
    return Meaning("number", members[0]) if _is_said_twice(items, members) else _set(members)


def _is_said_twice(items: tuple[Node, ...], members: list[str]) -> bool:
    """Say whether a list is a number and the same in per cent: 1/2, or 50 %."""
    if len(items) != 2 or [member.endswith("%") for member in members] != [False, True]:
        return False
    value, share = worth(items[0]), worth(items[1])
    return isinstance(value, Fraction) and value == share


def _bracketed(node: Node) -> Meaning:
    if node.text == r"\{\}":
        items = node.args
        return _set({_element(item) for item in items}) if items else Meaning("expression", "{}")
    if any(part.op == "relation" for part in node.args):
        raise NotFormulaError("a relation in brackets")
    opening, closing = ("⟨", "⟩") if node.text.startswith(r"\langle") else (node.text[0], node.text[-1])
    form = f"{opening}{', '.join(map(_element, node.args))}{closing}"
    if len(node.args) != 2 or opening == "⟨":
        return Meaning("tuple", form)
    is_interval = node.text != "()" or any(map(_infinite, node.args))
    return Meaning("interval" if is_interval else "tuple", form)


def _related(node: Node) -> Meaning:
    sides, signs = node.args, node.text.split()
    if "∈" in signs:
        if len(signs) > 1 or sides[0].op != "variable":
            raise NotFormulaError("∈ with other relations")
        return _of(sides[1])
    solved = _solved(node)
    if solved is not None:
        return _of(solved[1])
    if set(signs) <= {"=", "≈"}:
        return _equated(sides, signs)
    if set(signs) <= set("<≤") or set(signs) <= set(">≥"):
        return _ordered(sides, signs)
    if signs == ["≠"]:
        return Meaning("equation", f"≠{proportion(_difference(*sides), keeps_sign=False)}")
    raise NotFormulaError("relations of several kinds")


def _solved(node: Node) -> tuple[str, Node] | None:
    """Return the letter, and what an equation or a chain of them says that it is worth; None if it says no such thing."""
    if node.op != "relation" or not set(node.text.split()) <= {"=", "≈"}:
        return None
    first, last = node.args[0], node.args[-1]
    if first.op == "variable" and not any(variables(last)):
        return first.text, last
    if last.op == "variable" and not any(variables(first)) and len(node.args) == 2:
        return last.text, first
    if (_is_value_of_function(first) or _is_length(first)) and len(node.args) == 2:
        return "f", last
    return None


def _is_value_of_function(node: Node) -> bool:
    """Say whether this is f(x), f'(2), g^{-1}(x), P(A) ..., which the other side then says."""
    if node.op != "multiply" or len(node.args) != 2:
        return False
    name = node.args[0].args[0] if node.args[0].op == "power" else node.args[0]
    return name.op == "variable" and name.text.rstrip("'") in {"f", "g", "h", "F", "G", "P", "Q", "p", "q"}


def _is_length(node: Node) -> bool:
    """Say whether this is AB, the name of what two points make."""
    names = [part.text for part in node.args if part.op == "variable"]
    return node.op == "multiply" and len(names) == 2 and all(name.isupper() for name in names)


def _equated(sides: tuple[Node, ...], signs: list[str]) -> Meaning:
    if not any(any(variables(side)) for side in sides):
        # A calculation, of which the end is the result, but for what is only nearly that.
        return _of(sides[signs.index("≈") if "≈" in signs else -1])
    if any(side.op in {"bracket", "matrix", "union"} for side in sides):
        if sides[0].op == "variable" or _is_value_of_function(sides[0]) or _are_letters(sides[0]):
            return _of(sides[-1])
        raise NotFormulaError("an equation of brackets")
    forms = sorted(proportion(_difference(left, right), keeps_sign=False) for left, right in pairwise(sides))
    return Meaning("equation", "=" + " ".join(forms))


def _are_letters(node: Node) -> bool:
    """Say whether this is (x, y), in the order of the alphabet, which the other side then says."""
    names = [part.text for part in node.args]
    return node.op == "bracket" and all(part.op == "variable" for part in node.args) and names == sorted(names)


def _difference(left: Node, right: Node) -> Node:
    return Node("add", (left, Node("negative", (right,))))


def _ordered(sides: tuple[Node, ...], signs: list[str]) -> Meaning:
    """Return the interval that `2 < x ≤ 3` or `x > 5` says; other inequalities are one with their positive multiples."""
    if signs[0] in ">≥":
        sides, signs = sides[::-1], ["<≤"[">≥".index(sign)] for sign in reversed(signs)]
    is_letter = [side.op == "variable" for side in sides]
    bounds = [_element(side) for side in sides if not any(variables(side))]
    if sum(is_letter) == 1 and len(bounds) == len(sides) - 1:
        at = is_letter.index(True)
        low = ("(" if signs[0] == "<" else "[") + bounds[0] if at else "(-∞"
        high = bounds[-1] + (")" if signs[-1] == "<" else "]") if at < len(sides) - 1 else "∞)"
        if len(sides) <= 3:
            is_open = low[0] == "(" and high[-1] == ")" and "∞" not in low + high
            return Meaning("tuple" if is_open else "interval", f"{low}, {high}")
    forms = [
        sign + proportion(_difference(right, left), keeps_sign=True)
        for (left, right), sign in zip(pairwise(sides), signs, strict=True)
    ]
    return Meaning("equation", " ".join(forms))

"""`math:`, a check that calculates.

In: an expression that the answer must equal (`math:sqrt(2)/2`), or equations and inequalities that it must satisfy (`math:x**2 = 4`,
`math:x + y = 5, x - y = 1`). Out: right or wrong where the answer can be read as mathematics, else unknown. Formulas are read and
worked out by marco_cli/answer/, exactly or to 40 digits, whose work is bounded: no process is needed.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from marco_cli.answer import Answer, matches
from marco_cli.answer.expression import variables, worth
from marco_cli.answer.formula import Node
from marco_cli.answer.grammar import parse
from marco_cli.answer.symbols import NotFormulaError
from marco_cli.check.base import UNKNOWN, Submission, Verdict
from marco_cli.errors import ConfigError, quoted

_LONGEST: Final = 1000


class MathCheck:
    """An expression to equal, or relations to satisfy."""

    def __init__(self, text: str) -> None:
        self._text = text
        node = _parsed(text)
        parts = node.args if node.op == "list" else (node,)
        self._relations = parts if all(part.op == "relation" for part in parts) else ()
        self._names = sorted({name for part in self._relations for name in variables(part)})

    def key(self, submission: Submission) -> Hashable:
        """Return the answer that is judged."""
        return None if submission.answer is None else submission.answer.key

    async def check(self, submission: Submission) -> Verdict:
        """Work it out."""
        answer = submission.answer
        if answer is None:
            return Verdict(judgement="unknown", why="no answer can be read")
        if not self._relations:
            is_right = matches(answer, self._text)
            return Verdict(
                judgement="right" if is_right else "wrong",
                why=f"{answer.canonical} {'=' if is_right else 'is not'} {self._text}",
            )
        try:
            solutions = list(self._solutions(answer))
            failing = next(
                (each for each in solutions if not all(_holds(part, each) for part in self._relations)), None
            )
        except NotFormulaError:
            return Verdict(judgement="unknown", why=f"{answer.canonical} cannot be put into {self._text}")
        if not solutions:
            return UNKNOWN
        says = f"{answer.canonical} {'solves' if failing is None else 'does not solve'} {self._text}"
        return Verdict(judgement="right" if failing is None else "wrong", why=says)

    async def close(self) -> None:
        """Do nothing: nothing was opened."""

    def _solutions(self, answer: Answer) -> Iterator[Mapping[str, Node]]:
        """Yield what the answer says the variables are: values of the only one, or `x = 2, y = 3`."""
        node = _parsed(answer.text)
        parts = _members(node)
        named: dict[str, Node] = {}
        for part in parts:
            name, value = _named(part)
            if name and len(self._names) > 1:
                named[name] = value
            elif len(self._names) == 1 and name in ("", self._names[0]):
                yield {self._names[0]: value}
            else:
                raise NotFormulaError(answer.text)
        if named.keys() == set(self._names):
            yield named
        elif named:
            raise NotFormulaError(answer.text)


def open_math(argument: str) -> MathCheck:
    """Return the check of `math:EXPR`.

    Raises:
        ConfigError: it is not a formula.

    """
    try:
        return MathCheck(argument)
    except NotFormulaError as error:
        raise ConfigError(
            f"the check math:{quoted(argument)} is not a formula",
            hint="--check 'math:x**2 = 4', --check 'math:sqrt(2)/2'",
        ) from error


def _parsed(text: str) -> Node:
    if len(text) > _LONGEST:
        raise NotFormulaError("too long")
    return parse(text.replace("**", "^").replace("==", "=").replace("<=", "≤").replace(">=", "≥").strip(" $"))


def _members(node: Node) -> Sequence[Node]:
    """Return the values of a list, a set or a pair in brackets."""
    while node.op == "bracket" and len(node.args) == 1:
        node = node.args[0]
    return node.args if node.op in ("list", "bracket") else (node,)


def _named(node: Node) -> tuple[str, Node]:
    """Return the name and the value of `x = 2`; "" and the node itself where there is no such name."""
    if node.op == "relation" and node.text == "=" and node.args[0].op == "variable":
        return node.args[0].text, node.args[1]
    if node.op == "relation":
        raise NotFormulaError("a relation is not a value")
    return "", node


def _holds(relation: Node, values: Mapping[str, Node]) -> bool:
    sides = [_with(side, values) for side in relation.args]
    return all(
        _compares(sign, left, right) for sign, left, right in zip(relation.text.split(), sides, sides[1:], strict=False)
    )


def _with(node: Node, values: Mapping[str, Node]) -> Node:
    """Put values in the place of variables."""
    if node.op == "variable":
        return values[node.text]
    return Node(node.op, tuple(_with(arg, values) for arg in node.args), node.text)


def _compares(sign: str, left: Node, right: Node) -> bool:
    difference = worth(Node("add", (left, Node("negative", (right,)))))
    try:
        value = Fraction(difference)
    except ValueError:  # a complex number, or one with variables, which equals nothing here
        value = None
    if sign == "=":
        return value == 0
    if value is None or sign not in _ORDERS:
        raise NotFormulaError(sign)
    return _ORDERS[sign](value)


_ORDERS: Final[Mapping[str, Callable[[Fraction], bool]]] = {
    "<": lambda value: value < 0,
    ">": lambda value: value > 0,
    "≤": lambda value: value <= 0,
    "≥": lambda value: value >= 0,
    "≠": lambda value: value != 0,
}

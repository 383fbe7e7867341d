"""Which traces are wanted: a small language of comparisons over what is known of an answer.

    confidence > 0.9 and answer == target
    not forced and (strategy == "mcts" or candidates >= 8) and "pens" in question

In: an expression. Out: a `Filter` that says of a trace whether it fits. Nothing is ever evaluated as a program: the text is
parsed, each part is checked against a table of fields and types, and what is not in the table is an error that says where.
What is missing (a target that was not given) makes a comparison neither true nor false, and only what is true fits.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from marco_cli.answer import Answer, equal, matches
from marco_cli.errors import ConfigError, nearest
from marco_cli.trace.fields import FIELDS, Value
from marco_cli.trace.record import Trace

_LONGEST: Final = 2000
_SHOWN: Final = 60


_Test = Callable[[Trace], bool | None]
"""Says whether something is true of a trace; None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """An expression that was understood."""

    test: _Test

    def fits(self, trace: Trace) -> bool:
        """Say whether the expression is true of a trace."""
        return self.test(trace) is True


_NAMED: Final = MappingProxyType({"true": True, "false": False, "none": None, "null": None})
_KINDS: Final = MappingProxyType(
    {"number": "a number", "text": "a text", "answer": "an answer", "flag": "true or false", "none": "nothing"}
)

_Operation = Callable[[Any, Any], bool]
_EQUALITY: Final[Mapping[type[ast.cmpop], bool]] = MappingProxyType({ast.Eq: True, ast.NotEq: False})
_ORDER: Final[Mapping[type[ast.cmpop], _Operation]] = MappingProxyType(
    {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
)
_MEMBERSHIP: Final[Mapping[type[ast.cmpop], bool]] = MappingProxyType({ast.In: True, ast.NotIn: False})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operand:
    """A field or a constant, with what it is."""

    kind: str
    shown: str
    read: Callable[[Trace], Value]


def parse(source: str) -> Filter:
    """Understand an expression.

    Raises:
        ConfigError: it is not one; the message says what was found, and for an unknown field which one is near.
    """
    if len(source) > _LONGEST:
        raise ConfigError(f"the filter has {len(source)} characters, expected at most {_LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of the text is no concern of the user's
            tree = ast.parse(source.strip(), mode="eval")
        return Filter(test=_condition(tree.body, source.strip()))
    except SyntaxError as error:
        at = f" at character {error.offset}" if error.offset else ""
        raise _refusal(f"the filter {_cropped(source)} cannot be read{at}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise _refusal(f"the filter {_cropped(source)} cannot be read: {type(error).__name__}") from error


def _condition(node: ast.expr, source: str) -> _Test:
    if isinstance(node, ast.BoolOp):
        parts = [_condition(value, source) for value in node.values]
        return _joined(parts, decisive=isinstance(node.op, ast.Or))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _condition(node.operand, source)
        return lambda trace: None if (value := inner(trace)) is None else not value
    if isinstance(node, ast.Compare):
        return _comparison(node, source)
    operand = _operand(node, source)
    if operand.kind not in ("flag", "none"):
        raise _refusal(f"{operand.shown} is {_KINDS[operand.kind]}, expected a comparison, e.g. {operand.shown} == …")
    return lambda trace: None if (value := operand.read(trace)) is None else bool(value)


def _joined(parts: list[_Test], *, decisive: bool) -> _Test:
    """Join with `or` (decisive: true) or `and` (decisive: false); unknown where one is unknown and none decides."""

    def test(trace: Trace) -> bool | None:
        values = [part(trace) for part in parts]
        return decisive if decisive in values else None if None in values else not decisive

    return test


def _comparison(node: ast.Compare, source: str) -> _Test:
    """Compare neighbours: `0.5 < confidence < 0.9` is two comparisons."""
    terms = [node.left, *node.comparators]
    pairs = zip(terms, node.ops, terms[1:], strict=False)
    return _joined([_pair(left, operation, right, source) for left, operation, right in pairs], decisive=False)


def _pair(left: ast.expr, operation: ast.cmpop, right: ast.expr, source: str) -> _Test:
    kind = type(operation)
    if kind in _MEMBERSHIP:
        return _membership(_operand(left, source), right, source, is_wanted=_MEMBERSHIP[kind])
    first, second = _operand(left, source), _operand(right, source)
    if kind in _EQUALITY:
        return _equality(first, second, is_wanted=_EQUALITY[kind])
    if kind not in _ORDER:
        raise _refusal(f"the filter says {_text(operation, source)}, expected ==, !=, <, <=, >, >=, in or not in")
    for operand in (first, second):
        if operand.kind != "number":
            raise _refusal(f"{operand.shown} is {_KINDS[operand.kind]}, expected a number beside < and >")
    return _known(first, second, _ORDER[kind])


def _known(first: _Operand, second: _Operand, operation: _Operation) -> _Test:
    """Apply an operation where both sides are known."""

    def test(trace: Trace) -> bool | None:
        left, right = first.read(trace), second.read(trace)
        return None if left is None or right is None else operation(left, right)

    return test


def _equality(first: _Operand, second: _Operand, *, is_wanted: bool) -> _Test:
    if "none" in (first.kind, second.kind):  # here, and only here, what is missing is a value
        return lambda trace: ((first.read(trace) is None) == (second.read(trace) is None)) == is_wanted
    if "answer" not in (first.kind, second.kind) and first.kind != second.kind:
        raise _refusal(
            f"{first.shown} is {_KINDS[first.kind]} and {second.shown} is {_KINDS[second.kind]}: they are never equal"
        )
    return _known(first, second, lambda left, right: _is_same(left, right) == is_wanted)


def _membership(item: _Operand, group: ast.expr, source: str, *, is_wanted: bool) -> _Test:
    """`"pens" in question` looks into a text, `strategy in ("mcts", "beam")` into a list."""
    if isinstance(group, ast.Tuple | ast.List | ast.Set):
        choices = [_equality(item, _operand(entry, source), is_wanted=True) for entry in group.elts]
        one_of = _joined(choices, decisive=True)
        return one_of if is_wanted else lambda trace: None if (found := one_of(trace)) is None else not found
    text = _operand(group, source)
    for operand in (item, text):
        if operand.kind != "text":
            raise _refusal(f"{operand.shown} is {_KINDS[operand.kind]}, expected a text beside `in`")
    return _known(item, text, lambda left, right: (str(left) in str(right)) == is_wanted)


def _is_same(left: object, right: object) -> bool:
    if isinstance(left, Answer) and isinstance(right, Answer):
        return equal(left, right)
    if isinstance(left, Answer):
        return matches(left, _written(right))
    if isinstance(right, Answer):
        return matches(right, _written(left))
    return left == right


def _written(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _operand(node: ast.expr, source: str) -> _Operand:
    shown = _text(node, source)
    if isinstance(node, ast.Name):
        return _named(node.id)
    value: object = node.value if isinstance(node, ast.Constant) else node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        inner = node.operand.value
        value = -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else node
    if value is None:
        return _Operand(kind="none", shown=shown, read=lambda _: None)
    if isinstance(value, bool):
        return _Operand(kind="flag", shown=shown, read=lambda _: value)
    if isinstance(value, int | float):
        return _Operand(kind="number", shown=shown, read=lambda _: value)
    if isinstance(value, str):
        return _Operand(kind="text", shown=shown, read=lambda _: value)
    raise _refusal(f"the filter says {_cropped(shown)}, expected fields, numbers, texts and comparisons only")


def _named(name: str) -> _Operand:
    if name.lower() in _NAMED:
        value = _NAMED[name.lower()]
        return _Operand(kind="none" if value is None else "flag", shown=name, read=lambda _: value)
    known = FIELDS.get(name)
    if known is None:
        near = nearest(name, FIELDS)
        hint = f"did you mean {near}?" if near else None
        raise _refusal(f"the filter names {_cropped(name)}, which is not a field", hint=hint)
    return _Operand(kind=known.kind, shown=name, read=known.read)


def _text(node: ast.AST, source: str) -> str:
    return ast.get_source_segment(source, node) or type(node).__name__.lower()


def _cropped(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _refusal(message: str, *, hint: str | None = None) -> ConfigError:
    return ConfigError(message, hint=hint or f"fields: {', '.join(FIELDS)}")

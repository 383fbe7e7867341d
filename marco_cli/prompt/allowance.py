"""What one run of a template may use up: steps of its control flow, and the text and lists that its operations make.

In: lengths, and where one step can multiply them, what it is about to work on. Out: nothing, or the error that
ends the run. It knows neither templates nor their environment. What lists within lists come to as text is not foreseen.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from string import Formatter
from typing import TypeVar

_MAX_COUNTED = 100_000  # of all ranges: far more than a conversation has turns
_MAX_STEPS = 1_000_000  # turns of all loops, and filters: seconds
_CALL = 5  # steps of a call
_MAX_LENGTH = 16_000_000  # characters of one value: above any context
_MAX_MADE = 1_000_000_000  # characters of all: a context that is copied at every turn of its conversation
_MEMBER = 8  # characters that a member of a list counts for
_MAX_PADDING = 1_000  # characters or digits that a number asks for
_PERCENT = re.compile(r"%(?:\([^)]*\))?(?P<spec>[-#0 +*.\d]*)")
_WIDE = re.compile(r"[*{]|\d{4}")

_Value = TypeVar("_Value")


class AllowanceError(Exception):
    """A run wants more than it is allowed."""


@dataclass(slots=True)
class Allowance:
    """What is left to one run."""

    counted: int = _MAX_COUNTED
    steps: int = _MAX_STEPS
    made: int = _MAX_MADE

    def count(self, *bounds: int) -> range:
        """Return a range as `range` does."""
        numbers = range(*bounds)
        self.counted -= len(numbers)
        if self.counted < 0:
            raise AllowanceError(f"it counts beyond {_MAX_COUNTED}")
        return numbers

    def step(self) -> None:
        """Take a turn of a loop, or a filter."""
        self._take(1)

    def call(self) -> None:
        """Take a call of a function, a method or a macro."""
        self._take(_CALL)

    def _take(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise AllowanceError(f"it takes more than {_MAX_STEPS} steps")

    def make(self, length: int) -> None:
        """Take the `length` characters of one value."""
        self.made -= length
        if self.made < 0 or length > _MAX_LENGTH:
            raise AllowanceError(f"it makes more than {_MAX_LENGTH if self.made >= 0 else _MAX_MADE} characters")


_current: ContextVar[Allowance] = ContextVar("allowance")


@contextmanager
def granted() -> Iterator[Allowance]:
    """Give what runs inside the block a full allowance of its own."""
    token = _current.set(Allowance())
    try:
        yield _current.get()
    finally:
        _current.reset(token)


def current() -> Allowance:
    """Return what is left to the run that is going on."""
    return _current.get()


def measured(value: _Value) -> _Value:
    """Take the length of a text or a list that was made, and return it."""
    if isinstance(value, str | bytes):
        current().make(len(value))
    elif isinstance(value, list | tuple):
        current().make(len(value) * _MEMBER)
    return value


def counted(values: Iterable[_Value]) -> Iterator[_Value]:
    """Pass values on, a step for each."""
    for value in values:
        current().step()
        yield value


def check_padding(width: object) -> int:
    """Return the length of a padding, given as a number or as the text itself."""
    length = len(width) if isinstance(width, str) else abs(width) if isinstance(width, int) else 0
    if length > _MAX_PADDING:
        raise AllowanceError(f"it pads by more than {_MAX_PADDING}")
    return length


def check_replacement(text: str, old: str, new: str) -> None:
    """Take what `text.replace(old, new)` makes at most."""
    current().make(text.count(old) * len(new))


def check_join(separator: str, parts: tuple[object, ...]) -> None:
    """Take what `separator.join(parts)` makes."""
    current().make(len(separator) * len(parts) + _length(parts))


def check_product(left: object, right: object) -> None:
    """Refuse a product that is huge: of a sequence and a number, or of two long numbers."""
    sizes = [len(value) for value in (left, right) if isinstance(value, str | bytes | list | tuple)]
    counts = [value for value in (left, right) if isinstance(value, int)]
    repeated = sizes[0] * counts[0] if sizes and counts else sum(count.bit_length() for count in counts)
    if repeated > _MAX_COUNTED:
        raise AllowanceError("* makes too large a value")


def check_percent(text: str, values: object) -> None:
    """Refuse wide columns in `text % values`, and take what it makes at most."""
    members = tuple(values.values()) if isinstance(values, dict) else values if isinstance(values, tuple) else (values,)
    _check_format([found["spec"] for found in _PERCENT.finditer(text)], members)


def check_braces(text: str, values: tuple[object, ...]) -> None:
    """Refuse wide columns in `text.format(*values)`, and take what it makes at most."""
    _check_format([spec or "" for _, name, spec, _ in Formatter().parse(text) if name is not None], values)


def _check_format(specs: list[str], values: tuple[object, ...]) -> None:
    if any(_WIDE.search(spec) for spec in specs):
        raise AllowanceError("it asks for columns that are too wide")
    current().make(len(specs) * (2 * _MAX_PADDING + _length(values)))


def _length(values: tuple[object, ...]) -> int:
    return sum(len(value) for value in values if isinstance(value, str | bytes))

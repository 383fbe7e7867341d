"""JSON values to typed ones: what a file says is checked against the types that the program works with.

In: a type (numbers, texts, literals, tuples, unions, dataclasses of these) and a parsed JSON value. Out: a value of that
type, or an `InputError` that names the place, what was found and what was expected. Keys that a dataclass does not have are
ignored, so that a file may say more than this version knows; keys that it needs may not be missing.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from marco_cli.errors import InputError, MarcoError, quoted

T = TypeVar("T")

_TOO_LARGE: Final = 1 << 63
_NAMES: Final = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    datetime: "a date and time",
    dict: "an object",
    list: "a list",
}


def read(kind: type[T], value: object, where: str) -> T:
    """Return `value` as a `kind`.

    Raises:
        InputError: it is not one; the message begins with `where`, the path of the value in its file.
    """
    return cast("T", _read(kind, value, where))


def member(document: Mapping[str, Any], key: str, kind: type[T], where: str) -> T:
    """Return what an object says under a key that must be there."""
    if key not in document:
        raise InputError(f"{where}: the key {key!r} is missing")
    return read(kind, document[key], f"{where}.{key}")


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise _mismatch(dict, value, where)
    return value


def entries(document: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return the list that an object holds under a key that must be there."""
    if key not in document:
        raise InputError(f"{where}: the key {key!r} is missing")
    value = document[key]
    if not isinstance(value, list):
        raise _mismatch(list, value, f"{where}.{key}")
    return value


def _read(kind: Any, value: object, where: str) -> object:
    origin = get_origin(kind)
    if origin is Annotated:
        return _read(get_args(kind)[0], value, where)
    if origin in (Union, UnionType):
        return _one_of(get_args(kind), value, where)
    if origin is Literal:
        if not isinstance(value, str) or value not in get_args(kind):
            raise _wrong(value, "one of " + ", ".join(map(str, get_args(kind))), where)
        return value
    if origin is tuple:
        return _tuple(get_args(kind), value, where)
    if is_dataclass(kind):
        return _dataclass(cast("type[Any]", kind), value, where)
    return _scalar(kind, value, where)


def _scalar(kind: type, value: object, where: str) -> object:
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        raise _mismatch(kind, value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise _mismatch(kind, value, where)
    if kind is datetime and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _mismatch(kind, value, where) from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _mismatch(kind, value, where)
    return value


def _one_of(members: tuple[Any, ...], value: object, where: str) -> object:
    """Read the first member that the value is; the error is the last member's, null aside."""
    if value is None and NoneType in members:
        return None
    *others, last = (member for member in members if member is not NoneType)
    for each in others:
        try:
            return _read(each, value, where)
        except InputError:
            continue
    return _read(last, value, where)


def _tuple(members: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise _mismatch(list, value, where)
    if members[-1:] == (Ellipsis,):
        return tuple(_read(members[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    if len(value) != len(members):
        raise InputError(f"{where}: got {len(value)} entries, expected {len(members)}")
    return tuple(
        _read(kind, item, f"{where}[{at}]") for at, (kind, item) in enumerate(zip(members, value, strict=True))
    )


def _dataclass(kind: type[Any], value: object, where: str) -> object:
    document = mapping(value, where)
    given = {}
    for name, annotation, is_needed in _fields_of(kind):  # type: ignore[arg-type]  # a class is hashable
        if name in document:
            given[name] = _read(annotation, document[name], f"{where}.{name}")
        elif is_needed:
            raise InputError(f"{where}: the key {name!r} is missing")
    try:
        return kind(**given)
    except InputError:
        raise
    except MarcoError as error:  # a setting whose range has changed is bad data here, not a wrong flag
        raise InputError(f"{where}: {error.message}") from error


@lru_cache(maxsize=64)
def _fields_of(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    """Return name, annotation, and whether there is no default, of each field."""
    annotations = get_type_hints(kind, include_extras=True)
    return tuple(
        (field.name, annotations[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
    )


def _mismatch(kind: type, value: object, where: str) -> InputError:
    return _wrong(value, _NAMES.get(kind, kind.__name__), where)


def _wrong(value: object, expected: str, where: str) -> InputError:
    return InputError(f"{where}: got {quoted(value)}, expected {expected}")

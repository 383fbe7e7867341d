"""One option: its key, its type, its range, and how its values are read and checked.

The option `top_p` is the YAML key `top_p`, the flag `--top-p` and the environment variable `MARCO_TOP_P`.
In: a value from Python or a text as typed in a shell, with the name of the place it stood in. Out: an immutable value of
the option's type, or a `ConfigError` with got and expected. Which options exist is `settings`' business, how YAML spells
values is `document`'s.
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NewType, TypeGuard, cast

from marco_cli.errors import ConfigError, nearest, quoted
from marco_cli.sections.format import AUTO, TAG_STYLES, read_tags
from marco_cli.sections.format import EXPECTED as TAGS_EXPECTED

Json = NewType("Json", str)
"""One value of any type, as JSON."""
Pairs = tuple[tuple[str, str], ...]
TypedPairs = tuple[tuple[str, Json], ...]
Value = str | int | float | bool | tuple[str, ...] | Pairs | TypedPairs | None
Kind = Literal["text", "integer", "number", "switch", "texts", "pairs", "typed pairs", "tags"]

_NOUNS: dict[Kind, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "switch": "true or false",
    "texts": "a list of texts",
    "pairs": "names with a text each (name=value)",
    "typed pairs": "names with a JSON value or a text each (name=value)",
    "tags": TAGS_EXPECTED,
}
# Decimal and without leading zeros: 012 is ten for YAML 1.1 and twelve for everybody else.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")
_DIGITS = re.compile(r"[-+]?[0-9]{1,99}")
# What JSON, traces and llama.cpp hold: 64 bits, one of them the sign.
_TOO_LARGE = 1 << 63
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an option means and which numbers it takes: `above` excludes its bound, `least` and `most` include theirs."""

    help: str
    above: float | None = None
    least: float | None = None
    most: float | None = None
    words: tuple[tuple[str, int | None], ...] = ()
    """Words that stand for a value, e.g. `all` for -1."""
    choices: Collection[str] = ()
    """The only values, where they are names; a table of the program stays the authority on its keys."""
    kind: Kind | None = None
    """Where the type does not say it."""
    is_prose: bool = False
    """Whether every text is a value: on a command line its words are texts like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key of the namespace; reads and checks its values."""

    key: str
    kind: Kind
    about: About
    default: Value = None
    is_optional: bool = False
    """Whether None is a value, meaning "decided by the model or the machine"."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Name the only values; empty where they are not a list of names."""
        return tuple(self.about.choices)

    @property
    def flag(self) -> str:
        """Name the option on the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def has_names(self) -> bool:
        """Whether its values are named, and add up name by name over the layers."""
        return self.kind in ("pairs", "typed pairs")

    @property
    def variable(self) -> str:
        """Name the environment variable."""
        return "MARCO_" + self.key.upper()

    @property
    def expected(self) -> str:
        """Describe the values it takes, e.g. "a number above 0 and at most 1"."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = () if self.about.is_prose or self.kind == "text" else self.about.words
        bounds = (("above", self.about.above), ("at least", self.about.least), ("at most", self.about.most))
        limits = " and ".join(f"{word} {bound:.12g}" for word, bound in bounds if bound is not None)
        return " ".join(filter(None, (_NOUNS[self.kind], limits, *(f"or {word}" for word, _ in words))))

    def check(self, value: object, *, where: str) -> Value:
        """Return `value` unchanged when it is one of this option's immutable values.

        Raises:
            ConfigError: wrong type, out of range or no such choice; the message begins with `where`.
        """
        if (value is None and self.is_optional) or self._has_type(value):
            return cast("Value", value)
        raise self.mismatch(value, where=where)

    def parse(self, text: str, *, where: str) -> Value:
        """Read a value as typed in a shell: lists have one entry a line, pairs one `name=value` a line.

        The value of a typed pair is JSON where it can be read as such (`false`, `3`, `["a"]`, and Python's `False`), else a text.
        """
        is_word = text not in self.choices and not self.about.is_prose
        value: object = dict(self.about.words).get(text, text) if is_word else text
        if self.kind == "texts":
            value = tuple(text.splitlines())
        elif self.has_names:
            value = self._pair_up(text.splitlines(), where=where)
        elif self.kind == "integer" and _INTEGER.fullmatch(text):
            value = int(text)
        elif self.kind == "number" and _NUMBER.fullmatch(text):
            value = float(text)
        elif self.kind == "switch":
            value = _SWITCH.get(text.lower(), text)
        return self.check(value, where=where)

    def accept(self, value: object, *, where: str) -> Value:
        """Read what a caller has at hand: text is parsed, lists and mappings are frozen, everything is checked.

        A mapping holds the values themselves, of any type that JSON has where the pairs are typed.
        """
        if isinstance(value, str):
            return self.check((value,), where=where) if self.kind == "texts" else self.parse(value, where=where)
        if isinstance(value, Mapping):
            value = _typed(value) if self.kind == "typed pairs" else tuple(value.items())
        elif isinstance(value, list | tuple):
            value = tuple(value)
            if self.has_names and all(isinstance(item, str) for item in value):
                value = self._pair_up(value, where=where)
        return self.check(value, where=where)

    def mismatch(self, got: object, *, where: str, hint: str | None = None) -> ConfigError:
        """Build the error that says what was found, what was expected and, for a choice, which one is near."""
        if hint is None and self.choices:
            hint = did_you_mean(str(got), self.choices)
        if hint is None and self.kind == "tags":
            hint = did_you_mean(str(got), (AUTO, *TAG_STYLES))
        if hint is None and self.kind == "integer" and abs(_number(got)) >= _TOO_LARGE:
            hint = "numbers here are below 2^63: 18 digits fit"
        return ConfigError(f"{where}: got {quoted(got)}, expected {self.expected}", hint=hint)

    def _pair_up(self, items: Sequence[str], *, where: str) -> Pairs:
        split = [item.partition("=") for item in items]
        if not all(equals for _, equals, _ in split):
            raise self.mismatch(" ".join(items), where=where)
        return tuple(
            (name.strip(), _read_typed(value) if self.kind == "typed pairs" else value) for name, _, value in split
        )

    def _has_type(self, value: object) -> bool:
        match self.kind:
            case "text" | "tags":
                return isinstance(value, str) and (_is_tags(value) if self.kind == "tags" else self._is_choice(value))
            case "switch":
                return isinstance(value, bool)
            case "integer":
                return isinstance(value, int) and not isinstance(value, bool) and self._is_within(value)
            case "number":
                return isinstance(value, int | float) and not isinstance(value, bool) and self._is_within(value)
            case "texts":
                return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
            case "pairs" | "typed pairs":
                return _is_pairs(value) and (self.kind == "pairs" or all(_is_json(text) for _, text in value))

    def _is_choice(self, value: str) -> bool:
        return not self.choices or value in self.choices

    def _is_within(self, value: float) -> bool:
        if isinstance(value, int) and abs(value) >= _TOO_LARGE:
            return False
        above, least, most = self.about.above, self.about.least, self.about.most
        fits = (
            (above is None or value > above) and (least is None or value >= least) and (most is None or value <= most)
        )
        return fits and math.isfinite(value)


def _number(got: object) -> int:
    """Return the whole number that was meant; 0 where it was none."""
    if isinstance(got, str) and _DIGITS.fullmatch(got):
        return int(got)
    return got if isinstance(got, int) else 0


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return "did you mean …?" for the nearest choice, or the list of all of them when none is near."""
    names = tuple(choices)
    near = nearest(word, names)
    return f"did you mean {near}?" if near else "known: " + ", ".join(names)


def typed_values(pairs: TypedPairs) -> dict[str, object]:
    """Return the values that typed pairs stand for, by name."""
    return {name: json.loads(text) for name, text in pairs}


def _typed(values: Mapping[str, object]) -> TypedPairs:
    """Return a mapping as typed pairs; what JSON has no type for becomes a text that `check` refuses."""
    return tuple((name, _spell_json(value)) for name, value in values.items())


def _read_typed(text: str) -> Json:
    word = _PYTHON_WORDS.get(text, text)
    return _spell_json(json.loads(word) if _is_json(word) else text)


def _spell_json(value: object) -> Json:
    try:
        return Json(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return Json("")


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _is_tags(text: str) -> bool:
    try:
        read_tags(text)
    except ConfigError:
        return False
    return True


def _is_pairs(value: object) -> TypeGuard[Pairs]:
    """Tell whether `value` is a tuple of (name, text) with names that are neither empty nor repeated."""
    if not isinstance(value, tuple):
        return False
    for pair in value:
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(text, str) for text in pair) and pair[0]):
            return False
    return len({name for name, _ in value}) == len(value)

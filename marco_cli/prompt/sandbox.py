"""Runs Jinja2 text of unknown origin, such as the chat template inside a downloaded model.

In: a template and its variables. Out: text, or a one-line `ConfigError`. The sandbox reaches no Python internals and
changes no value that it was given; counting, repetition and output are bounded. It has the functions and options that chat templates
are written for (those of transformers). The only import of `jinja2`.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from marco_cli.errors import ConfigError

_MAX_STEPS = 100_000  # of all ranges of one run: far more than a conversation has turns
_MAX_CHARACTERS = 16_000_000  # of one run: above any context
_SHOWN_LENGTH = 160
# What a template's own code can raise while it runs.
_FAULTS = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def run_template(template: str, variables: Mapping[str, object], *, hint: str) -> str:
    """Return what the template writes.

    Raises:
        ConfigError: it is no Jinja2, fails, refuses (`raise_exception`), leaves the sandbox or exceeds its bounds;
            the error carries `hint`.

    """
    try:
        return _bounded_text(_compiled(template).generate(variables, range=_bounded_range()))
    except _RefusalError as error:
        raise ConfigError(f"the chat template refused the conversation: {_line(error)}", hint=hint) from error
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(
            f"the chat template is not valid Jinja2, line {error.lineno}: {_line(error)}", hint=hint
        ) from error
    except _FAULTS as error:
        raise ConfigError(f"the chat template failed: {_line(error)}", hint=hint) from error


class _RefusalError(jinja2.TemplateError):
    """What a template raises with `raise_exception`."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox without the two operators that turn a short template into a huge value."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Allow products of numbers and small repetitions only."""
        sizes = [len(value) for value in (left, right) if isinstance(value, str | bytes | list | tuple)]
        counts = [value for value in (left, right) if isinstance(value, int)]
        if operator == "**" or (sizes and counts and sizes[0] * counts[0] > _MAX_STEPS):
            raise SecurityError(f"{operator} makes too large a value")
        return super().call_binop(context, operator, left, right)


@functools.lru_cache(maxsize=8)
def _compiled(template: str) -> jinja2.Template:
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals.pop("lipsum", None)
    return environment.from_string(template)


def _tojson(value: Any, indent: int | None = None) -> str:
    """Write JSON without HTML escapes, as chat templates expect."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: object) -> NoReturn:
    raise _RefusalError(str(message))


def _bounded_range() -> Callable[..., range]:
    """Return a `range` whose results may not add up to more than `_MAX_STEPS` numbers."""
    left = _MAX_STEPS

    def bounded(*bounds: int) -> range:
        nonlocal left
        numbers = range(*bounds)
        left -= len(numbers)
        if left < 0:
            raise SecurityError(f"it counts beyond {_MAX_STEPS}")
        return numbers

    return bounded


def _bounded_text(chunks: Iterator[str]) -> str:
    written, length = [], 0
    for chunk in chunks:
        written.append(chunk)
        length += len(chunk)
        if length > _MAX_CHARACTERS:
            raise SecurityError(f"it writes more than {_MAX_CHARACTERS} characters")
    return "".join(written)


def _line(error: BaseException) -> str:
    """Return an error's text on one line of printable characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(character if character.isprintable() else "�" for character in text)
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"

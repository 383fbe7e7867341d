"""Runs Jinja2 text of unknown origin, such as the chat template inside a downloaded model.

In: a template and its variables. Out: text, or a one-line `ConfigError`. The sandbox reaches no Python internals and
changes no value that it was given. Its steps (turns of loops, calls, filters), the numbers it counts, and the text and
lists that its operators, calls, filters and output make are bounded (`allowance`); methods and filters that pad are
refused. That stops runaways and the short ways to a huge value. It is no bound on the seconds and bytes that a template
made for nothing else can take, by lists within lists or by comparing long texts. It has the functions and options that
chat templates are written for (those of transformers). The only import of `jinja2`.
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import jinja2
from jinja2 import filters, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from marco_cli.errors import ConfigError
from marco_cli.prompt import allowance

_MAX_CHARACTERS = 16_000_000  # of one run's output: above any context
_SHOWN_LENGTH = 160
_PADDING_METHODS = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "translate", "to_bytes"})
_PADDING_FILTERS = ("batch", "center", "slice", "urlize", "wordwrap")  # of pages; chat templates have no use for them
# What a template's own code can raise while it runs.
_FAULTS = (
    jinja2.TemplateError,
    allowance.AllowanceError,
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
        with allowance.granted() as granted:
            return _bounded_text(_compiled(template).generate(variables, range=granted.count))
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


class _Generator(CodeGenerator):
    """Writes the code of templates, in which loops, `~` and slices go through the environment."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 - the compiler asks for these names
        """Count the turns of a loop."""
        counted = nodes.EnvironmentAttribute("counted", lineno=node.lineno)
        node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Measure what `~` makes."""
        self._visit_measured(super().visit_Concat, node, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """Measure slices; other items are no copies."""
        if isinstance(node.arg, nodes.Slice):
            self._visit_measured(super().visit_Getitem, node, frame)
        else:
            super().visit_Getitem(node, frame)

    def _visit_measured(self, visit: Callable[..., None], node: nodes.Node, frame: Frame) -> None:
        self.write("environment.measured(")
        visit(node, frame)
        self.write(")")


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox in which every operation that makes something takes it from the run's allowance."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    measured = staticmethod(allowance.measured)
    counted = staticmethod(allowance.counted)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Refuse the methods that pad, too."""
        padded = attr in _PADDING_METHODS and isinstance(obj, str | bytes | int)
        return not padded and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Check before what can multiply, measure the rest afterwards."""
        if operator == "**":
            raise allowance.AllowanceError("** makes too large a value")
        if operator == "*":
            allowance.check_product(left, right)
        elif operator == "%" and isinstance(left, str):
            allowance.check_percent(left, right)
        return allowance.measured(super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Take a step, and check what a method of a text is about to make."""
        allowance.current().call()
        if isinstance(function, LoopContext) and args:  # the next level of a recursive loop
            args = (allowance.counted(args[0]), *args[1:])
        method = getattr(function, "__wrapped__", function)  # `format` comes in the sandbox's own
        owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
        if isinstance(owner, str | bytes):
            args = _checked(owner, name, args, kwargs)
        return allowance.measured(super().call(context, function, *args, **kwargs))


def _checked(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Check a call of a text's method before it is made; return its arguments, those that can be read once as tuples."""
    if name == "replace" and len(args) > 1:
        allowance.check_replacement(owner, args[0], args[1])
    elif name == "join" and args:
        args = (tuple(args[0]), *args[1:])
        allowance.check_join(owner, args[0])
    elif name == "format":
        allowance.check_braces(owner, (*args, *kwargs.values()))
    elif name == "format_map" and args:
        allowance.check_braces(owner, tuple(args[0].values()))
    return args


@functools.lru_cache(maxsize=8)
def _compiled(template: str) -> jinja2.Template:
    environment = _Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], finalize=_written
    )
    for name in _PADDING_FILTERS:
        del environment.filters[name]
    own = {"tojson": _tojson, "indent": _indent, "round": _round, "replace": _replace, "join": _join, "format": _format}
    environment.filters.update(own)
    for name, function in environment.filters.items():
        environment.filters[name] = _stepped(function)
    environment.globals["raise_exception"] = _refuse
    environment.globals.pop("lipsum", None)
    return environment.from_string(template)


def _written(value: object) -> str:
    """Return what an expression writes, wherever that goes."""
    return allowance.measured(str(value))


def _stepped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter take a step and the length of its result."""

    @functools.wraps(function)
    def stepped(*args: Any, **kwargs: Any) -> Any:
        allowance.current().step()
        return allowance.measured(function(*args, **kwargs))

    return stepped


def _tojson(value: Any, indent: int | None = None) -> str:
    """Write JSON without HTML escapes, as chat templates expect."""
    allowance.check_padding(indent)
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: object) -> NoReturn:
    raise _RefusalError(str(message))


def _indent(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:  # noqa: FBT001, FBT002
    text = str(text)
    allowance.current().make((text.count("\n") + 1) * allowance.check_padding(width))
    return filters.do_indent(text, width, first, blank)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    allowance.check_padding(precision)
    return filters.do_round(value, precision, method)


def _replace(text: object, old: object, new: object, count: int | None = None) -> str:
    text, old, new = str(text), str(old), str(new)
    allowance.check_replacement(text, old, new)
    return text.replace(old, new, -1 if count is None else count)


@jinja2.pass_environment
def _join(
    environment: jinja2.Environment, values: Iterable[Any], separator: object = "", attribute: str | int | None = None
) -> str:
    if attribute is not None:
        values = map(filters.make_attrgetter(environment, attribute), values)
    parts = tuple(map(str, values))
    allowance.check_join(str(separator), parts)
    return str(separator).join(parts)


def _format(text: object, *args: Any, **kwargs: Any) -> str:
    allowance.check_percent(str(text), kwargs or args)
    return filters.do_format(str(text), *args, **kwargs)


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

"""How help reads: options under headings, expert settings with `--help-all` only, examples last. Plain text, without rich.

A mistyped option or command is answered with the nearest one that exists.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from marco_cli.commands._output import write
from marco_cli.errors import ConfigError, nearest

EXPERT: Final = "Expert settings"
"""The heading whose options `--help` only names."""

Rows = list[tuple[str, str]]
Function = TypeVar("Function", bound=Callable[..., Any])
_WIDEST_SPELLING: Final = 27
_PLACEHOLDERS: Final = {"int": "N", "int range": "N", "float": "X", "float range": "X", "str": "TEXT", "path": "FILE"}


def show_all(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 (the signature is the library's)
    """Print the whole help of a command, and end it."""
    if wanted:
        ctx.meta[EXPERT] = True
        write(f"{ctx.get_help()}\n".encode())
        raise typer.Exit


def panels(command: Any, ctx: typer.Context) -> dict[str, Rows]:
    """Return what a command takes, by heading: pairs of spelling and help, in the order of its declaration.

    A command without `--help-all` has few options, which stand under one heading.
    """
    found: dict[str, Rows] = {}
    is_grouped = any(param.name == "help_all" for param in command.params)
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            is_argument = param.param_type_name == "argument"
            panel = getattr(param, "rich_help_panel", None) if is_grouped else None
            heading = "Arguments" if is_argument else panel or "Options"
            found.setdefault(heading, []).append((_spelling(param, record[0]), _explained(param, record[1])))
    return dict(sorted(found.items(), key=lambda panel: _order(panel[0])))


def _order(heading: str) -> int:
    return {"Arguments": 0, "Options": 1, EXPERT: 3}.get(heading, 2)


def _spelling(param: Any, text: str) -> str:
    """Return how a parameter is typed, its type as a plain word."""
    if param.param_type_name == "argument":
        return _argument(param)
    return re.sub(r"<([^>]*)>", lambda kind: _PLACEHOLDERS.get(kind[1], kind[1]), text)


def _argument(param: Any) -> str:
    """Return the word for an argument, in brackets where it may be left out."""
    word = (param.metavar or param.name.upper()).strip("[].…") + ("..." if param.nargs == -1 else "")
    return word if param.required else f"[{word}]"


def _explained(param: Any, text: str) -> str:
    """Add the choices of a setting where its placeholder does not spell them out."""
    from marco_cli.commands._completion import choices_of

    choices = choices_of(max(param.opts, key=len).lstrip("-").replace("-", "_"))
    if param.param_type_name == "argument" or not choices or "|" in (param.metavar or ""):
        return text
    return f"{text} One of: {', '.join(choices)}."


def in_quotes(words: Sequence[str]) -> str:
    """Return how to say that a question is to be one argument."""
    text = " ".join(words)
    return f'put it in quotes: marco "{text}"' if 0 < len(text) < 60 else "put it in quotes"


def summary(command: Any) -> str:
    """Return the first sentence of what a command says of itself."""
    text = " ".join((command.help or "").split())
    return re.split(r"(?<=\.) ", text, maxsplit=1)[0]


class _Helpful:
    """What commands and groups have in common; stands before the class of typer's."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (the signature is the library's)
        """Write the examples, a line each, as they are to be typed."""
        examples = getattr(self, "epilog", None)
        if examples:
            with formatter.section("Examples"):
                formatter.write(textwrap.indent(f"{examples.strip()}\n", "  "))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; name the nearest option for one that does not exist."""
        return _parsed(super().parse_args, self, ctx, args)  # type: ignore[misc]  # of the class behind this one


class HelpfulCommand(_Helpful, TyperCommand):
    """A command whose help has headings and examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options under their headings; of the expert ones only the names, unless all are wanted."""
        for heading, rows in panels(self, ctx).items():
            if heading == EXPERT and not ctx.meta.get(EXPERT):
                with formatter.section(f"{EXPERT} (--help-all explains them)"):
                    names = ", ".join(spelling.split()[0].rstrip(",") for spelling, _ in rows)
                    formatter.write("".join(f"  {line}\n" for line in _wrapped(names, formatter.width - 2)))
            else:
                _write_rows(heading, rows, formatter)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 (the signature is the library's)
        """Return what follows the command: options, then the arguments by the names that the help explains."""
        arguments = [_argument(param) for param in self.params if param.param_type_name == "argument"]
        return ["[OPTIONS]", *arguments]


class HelpfulGroup(_Helpful, TyperGroup):
    """A group of commands whose help has examples."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, and the commands with a sentence each."""
        for heading, rows in panels(self, ctx).items():
            _write_rows(heading, rows, formatter)
        _write_rows("Commands", [(name, summary(command)) for name, command in self.commands.items()], formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Find the command; name the nearest one for one that does not exist."""
        if args and args[0] not in self.commands and not ctx.resilient_parsing and not args[0].startswith("-"):
            raise self.no_command(args, ctx.command_path)
        return super().resolve_command(ctx, args)

    def no_command(self, args: Sequence[str], path: str) -> ConfigError:
        """Return the error for a first word that is not a command of the group."""
        word = args[0]
        near = nearest(word, self.commands)
        hint = f"did you mean `{path} {near}`?" if near else f"{path} --help lists the commands"
        return ConfigError(f"{path} has no command {word[:40]!r}", hint=hint)


def _write_rows(heading: str, rows: Rows, formatter: Any) -> None:
    """Write spellings and helps in two columns; no word is broken, at a hyphen either."""
    widest = max(len(spelling) for spelling, _ in rows)
    column = min(widest, _WIDEST_SPELLING) + 4
    lines = []
    for spelling, text in rows:
        first, *more = _wrapped(text, formatter.width - column) or [""]
        if len(spelling) > column - 4:
            lines.append(f"  {spelling}")
            lines.append(f"{'':{column}}{first}")
        else:
            lines.append(f"  {spelling:<{column - 2}}{first}".rstrip())
        lines.extend(f"{'':{column}}{line}" for line in more)
    with formatter.section(heading):
        formatter.write("".join(f"{line}\n" for line in lines))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_on_hyphens=False, break_long_words=False)


def _parsed(parse: Any, command: Any, ctx: Any, args: Sequence[str]) -> list[str]:
    try:
        rest: list[str] = parse(ctx, list(args))
    except Exception as error:
        if "unexpected extra argument" in str(getattr(error, "message", "")) and ctx.info_name in ("ask", "prompt"):
            words = list(takewhile(lambda word: not word.startswith("-"), args))
            raise ConfigError("the question is in several words", hint=in_quotes(words)) from error
        wrong = getattr(error, "option_name", None)
        if wrong is None or not hasattr(error, "possibilities") or ctx.resilient_parsing:
            raise
        raise _no_option(str(wrong), command, ctx) from error
    return rest


def _no_option(wrong: str, command: Any, ctx: Any) -> ConfigError:
    path = ctx.command_path
    near = nearest(wrong, _spellings(command, ctx), cutoff=0.6)
    hint = f"did you mean {near}?" if near else f"{path} --help lists the options"
    if not near and path == "marco":
        elsewhere = nearest(wrong, _spellings(command.commands["ask"], ctx), cutoff=0.6)
        hint = f"did you mean `marco ask {elsewhere}`?" if elsewhere else hint
    return ConfigError(f"{path} has no option {wrong[:40]}", hint=hint)


def _spellings(command: Any, ctx: Any) -> Iterator[str]:
    for param in command.get_params(ctx):
        yield from (text for text in (*param.opts, *param.secondary_opts) if text.startswith("--"))


class Commands(typer.Typer):
    """A set of commands whose help reads like this."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**{"cls": HelpfulGroup, "rich_markup_mode": None, "no_args_is_help": True, **about})

    def command(self, name: str | None = None, **about: Any) -> Callable[[Function], Function]:
        """Register a function as a command; `epilog` holds its examples."""
        return super().command(name, **{"cls": HelpfulCommand, **about})

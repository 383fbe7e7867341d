"""Options that several commands share: declared once, with the help and the range of the setting that they set.

Every one defaults to None, which means "not given": `config.resolve` merges the layers. Values are texts, read where all
settings are read, so that `auto` undoes what a file or a variable says. Those that few people need are under
`EXPERT`: they work like any other, and help shows them when it is asked for all.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Final, Literal

import typer

from marco_cli.commands._completion import complete_assignments, completer_of
from marco_cli.commands._help import EXPERT, show_all
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError

SEARCH: Final = "Search"
REPLY: Final = "Reply"
OUTPUT: Final = "Output"
output: Final = partial(typer.Option, rich_help_panel=OUTPUT)
"""Declare an option under that heading."""
_LONGEST_METAVAR = 24


def _setting(key: str, *short: str, panel: str | None = None, metavar: str | None = None) -> Any:
    """Declare the flag of a setting; its placeholder lists the choices where they are short."""
    option = OPTIONS[key]
    choices = "|".join(option.choices)
    if metavar is None and choices:
        metavar = choices if len(choices) <= _LONGEST_METAVAR else "NAME"
    declared = typer.Option(
        *short,
        option.flag,
        help=option.about.help,
        autocompletion=completer_of(key),
        rich_help_panel=panel,
        metavar=metavar,
    )
    is_repeatable = option.has_names or option.kind == "texts"
    return Annotated[list[str] | None if is_repeatable else str | None, declared]


def no_check() -> ConfigError:
    """Return the error of `--require-check` where nothing could be found right."""
    return ConfigError("--require-check has no check to wait for", hint="name one: --check command:./check.sh")


def settings_given(given: Mapping[str, object]) -> dict[str, object]:
    """Return the settings among the arguments of a command: those of its flags and those of `--set`.

    Raises:
        ConfigError: `--set` holds an unknown key or a wrong value, or a setting that has a flag as well.
    """
    from marco_cli.config.assignment import with_assignments

    texts: Any = given.get("assignments") or ()
    return with_assignments({key: given[key] for key in OPTIONS if key in given}, texts)


_ASSIGNMENTS: Final = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting, e.g. top_p=0.9; repeatable. `marco config show` lists them.",
        autocompletion=complete_assignments,
    ),
]
Config = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Configuration file.", rich_help_panel=EXPERT)
]
_HELP_ALL: Final = Annotated[
    bool | None,
    typer.Option(
        "--help-all", callback=show_all, is_eager=True, help="Show this message with the expert settings, and exit."
    ),
]
_TRACE: Final = Annotated[
    bool | None, typer.Option("--trace/--no-trace", help=OPTIONS["trace"].about.help, rich_help_panel=OUTPUT)
]
_FLAGS: Final[Mapping[str, object]] = {
    "model": _setting("model", "-m", metavar="NAME|PATH"),
    "effort": _setting("effort"),
    "time_limit": _setting("time_limit", metavar="SECONDS"),
    "system": _setting("system", "-s", metavar="TEXT"),
    "preset": _setting("preset", "-p", metavar="NAME|FILE"),
    "think": _setting("think"),
    "strategy": _setting("strategy", panel=SEARCH),
    "simulations": _setting("simulations", panel=SEARCH, metavar="N"),
    "check": _setting("check", panel=SEARCH, metavar="KIND[:ARG]"),
    "temperature": _setting("temperature", panel=REPLY, metavar="X"),
    "max_tokens": _setting("max_tokens", panel=REPLY, metavar="N"),
    "seed": _setting("seed", panel=REPLY, metavar="N"),
    "thought": _setting("thought", panel=OUTPUT),
    "trace": _TRACE,
    "max_search_tokens": _setting("max_search_tokens", panel=EXPERT, metavar="N"),
    "certainty": _setting("certainty", panel=EXPERT, metavar="X"),
    "step": _setting("step", panel=EXPERT),
    "reflection": _setting("reflection", panel=EXPERT),
    "reward": _setting("reward", panel=EXPERT, metavar="NAME"),
    "vote": _setting("vote", panel=EXPERT, metavar="NAME"),
    "prm": _setting("prm", panel=EXPERT, metavar="MODEL[:FORMAT]"),
    "judge": _setting("judge", panel=EXPERT, metavar="MODEL|self"),
    "doubt_below": _setting("doubt_below", panel=EXPERT, metavar="X"),
    "parallel": _setting("parallel", panel=EXPERT, metavar="N"),
    "top_p": _setting("top_p", panel=EXPERT, metavar="X"),
    "top_k": _setting("top_k", panel=EXPERT, metavar="N"),
    "min_p": _setting("min_p", panel=EXPERT, metavar="X"),
    "repeat_penalty": _setting("repeat_penalty", panel=EXPERT, metavar="X"),
    "max_thought_tokens": _setting("max_thought_tokens", panel=EXPERT, metavar="N"),
    "variables": _setting("variables", panel=EXPERT, metavar="NAME=VALUE"),
    "chat_template": _setting("chat_template", panel=EXPERT, metavar="TEXT"),
    "template_var": _setting("template_var", panel=EXPERT, metavar="NAME=VALUE"),
    "ctx": _setting("ctx", panel=EXPERT, metavar="N"),
    "threads": _setting("threads", panel=EXPERT, metavar="N"),
    "gpu_layers": _setting("gpu_layers", panel=EXPERT, metavar="N|all|auto"),
    "config": Config,
    "assignments": _ASSIGNMENTS,
    "help_all": _HELP_ALL,
}
"""Parameters in the order of help. The last two, `--set` and `--help-all`, come after a command's own."""

Given = Mapping[str, Any]
"""What was typed of those, by the keys of `_FLAGS`; None is "not given"."""


def takes_settings(*keys: str, without: Sequence[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the named flags of `_FLAGS`, or all, as its parameter `given`; help has them where that stands."""
    chosen = [key for key in keys or _FLAGS if key not in without]
    flags = [Parameter(key, Parameter.KEYWORD_ONLY, default=None, annotation=_FLAGS[key]) for key in chosen]
    last = [flags.pop() for _ in range(len({"assignments", "help_all"} & {*chosen}))][::-1]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = signature(command)
        place = list(own.parameters).index("given")
        others = [parameter for name, parameter in own.parameters.items() if name != "given"]
        parameters = [*others[:place], *flags, *others[place:], *last]

        @wraps(command)
        def called(**arguments: Any) -> None:
            command(given={key: arguments.pop(key) for key in chosen}, **arguments)

        # typer reads a command's parameters off its signature.
        called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return called

    return decorate


Display = Annotated[
    Literal["auto", "live", "plain"],
    typer.Option(
        "--display", envvar="MARCO_DISPLAY", help="How a search is shown while it runs.", rich_help_panel=OUTPUT
    ),
]
File = Annotated[
    list[str] | None, typer.Option("--file", "-f", metavar="FILE", help="Put a text file before the question.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say how the model was loaded and what the work cost.")]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="Write outputs as the model wrote them, on a terminal too.", rich_help_panel=OUTPUT),
]

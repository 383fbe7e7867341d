"""Options that several commands share: declared once, with the help and the range of the setting that they set.

Every one defaults to None, which means "not given": `config.resolve` merges the layers. Values are texts, read where all
settings are read, so that `auto` undoes what a file or a variable says. Those that few people need are under
`EXPERT`: they work like any other, and help shows them when it is asked for all.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import typer

from marco_cli.commands._completion import complete_assignments, completer_of
from marco_cli.commands._help import EXPERT, show_all
from marco_cli.config.settings import OPTIONS

SEARCH: Final = "Search"
REPLY: Final = "Reply"
OUTPUT: Final = "Output"
_LONGEST_METAVAR = 24


def _setting(key: str, *short: str, panel: str | None = None, metavar: str | None = None, **more: Any) -> Any:
    """Declare the flag of a setting; its placeholder lists the choices where they are short."""
    option = OPTIONS[key]
    choices = "|".join(option.choices)
    if metavar is None and choices:
        metavar = choices if len(choices) <= _LONGEST_METAVAR else "NAME"
    return typer.Option(
        *short,
        option.flag,
        help=option.about.help,
        show_default=False,
        autocompletion=completer_of(key),
        rich_help_panel=panel,
        metavar=metavar,
        **more,
    )


def settings_given(given: Mapping[str, object]) -> dict[str, object]:
    """Return the settings among the arguments of a command: those of its flags and those of `--set`.

    Raises:
        ConfigError: `--set` holds an unknown key or a wrong value, or a setting that has a flag as well.

    """
    from marco_cli.config.assignment import with_assignments

    texts: Any = given.get("assignments") or ()
    return with_assignments({key: given[key] for key in OPTIONS if key in given}, texts)


Model = Annotated[str | None, _setting("model", "-m", metavar="NAME|PATH")]
Preset = Annotated[str | None, _setting("preset", "-p", metavar="NAME|FILE")]
System = Annotated[str | None, _setting("system", "-s", metavar="TEXT")]
Effort = Annotated[str | None, _setting("effort")]
TimeLimit = Annotated[str | None, _setting("time_limit", metavar="SECONDS")]
Think = Annotated[str | None, _setting("think")]

Strategy = Annotated[str | None, _setting("strategy", panel=SEARCH)]
Simulations = Annotated[str | None, _setting("simulations", panel=SEARCH, metavar="N")]
Certainty = Annotated[str | None, _setting("certainty", panel=EXPERT, metavar="X")]
MaxSearchTokens = Annotated[str | None, _setting("max_search_tokens", panel=EXPERT, metavar="N")]
Step = Annotated[str | None, _setting("step", panel=EXPERT)]
Reflection = Annotated[str | None, _setting("reflection", panel=EXPERT)]
Reward = Annotated[str | None, _setting("reward", panel=EXPERT, metavar="NAME")]
Vote = Annotated[str | None, _setting("vote", panel=EXPERT, metavar="NAME")]
Critic = Annotated[str | None, _setting("critic", panel=EXPERT, metavar="NAME|PATH")]
Check = Annotated[list[str] | None, _setting("check", panel=SEARCH, metavar="KIND[:ARG]")]
DoubtBelow = Annotated[str | None, _setting("doubt_below", panel=EXPERT, metavar="X")]
Parallel = Annotated[str | None, _setting("parallel", panel=EXPERT, metavar="N")]

Temperature = Annotated[str | None, _setting("temperature", panel=REPLY, metavar="X")]
MaxTokens = Annotated[str | None, _setting("max_tokens", panel=REPLY, metavar="N")]
Seed = Annotated[str | None, _setting("seed", panel=REPLY, metavar="N")]
TopP = Annotated[str | None, _setting("top_p", panel=EXPERT, metavar="X")]
TopK = Annotated[str | None, _setting("top_k", panel=EXPERT, metavar="N")]
MinP = Annotated[str | None, _setting("min_p", panel=EXPERT, metavar="X")]
RepeatPenalty = Annotated[str | None, _setting("repeat_penalty", panel=EXPERT, metavar="X")]
MaxThoughtTokens = Annotated[str | None, _setting("max_thought_tokens", panel=EXPERT, metavar="N")]
Variables = Annotated[list[str] | None, _setting("variables", panel=EXPERT, metavar="NAME=VALUE")]
ChatTemplate = Annotated[str | None, _setting("chat_template", panel=EXPERT, metavar="TEXT")]
TemplateVar = Annotated[list[str] | None, _setting("template_var", panel=EXPERT, metavar="NAME=VALUE")]
Context = Annotated[str | None, _setting("ctx", panel=EXPERT, metavar="N")]
Threads = Annotated[str | None, _setting("threads", panel=EXPERT, metavar="N")]
GpuLayers = Annotated[str | None, _setting("gpu_layers", panel=EXPERT, metavar="N|all|auto")]

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any setting, e.g. top_p=0.9; repeatable. `marco config show` lists them.",
        autocompletion=complete_assignments,
        show_default=False,
    ),
]
Thought = Annotated[str | None, _setting("thought", panel=OUTPUT)]
Trace = Annotated[
    bool | None,
    typer.Option("--trace/--no-trace", help=OPTIONS["trace"].about.help, show_default=False, rich_help_panel=OUTPUT),
]
Display = Annotated[
    Literal["auto", "live", "plain"],
    typer.Option(
        "--display", envvar="MARCO_DISPLAY", help="How a search is shown while it runs.", rich_help_panel=OUTPUT
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="Configuration file.", show_default=False, rich_help_panel=EXPERT),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say how the model was loaded and what the work cost.")]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="Write outputs as the model wrote them, on a terminal too.", rich_help_panel=OUTPUT),
]
HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all", callback=show_all, is_eager=True, help="Show this message with the expert settings, and exit."
    ),
]

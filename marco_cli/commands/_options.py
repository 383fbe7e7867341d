"""Options that several commands share: declared once, with the help and the range of the setting that they set.

Every one defaults to None, which means "not given": `config.resolve` merges the layers.
"""

from typing import Annotated, Any, Literal

import typer

from marco_cli.commands._completion import completer_of
from marco_cli.config.settings import OPTIONS


def _setting(key: str, *short: str, **more: Any) -> Any:
    option = OPTIONS[key]
    return typer.Option(
        *short, option.flag, help=option.about.help, show_default=False, autocompletion=completer_of(key), **more
    )


Model = Annotated[str | None, _setting("model", "-m", metavar="NAME|PATH")]
Preset = Annotated[str | None, _setting("preset", "-p", metavar="NAME|FILE")]
System = Annotated[str | None, _setting("system", "-s")]
Variables = Annotated[list[str] | None, _setting("variables", metavar="NAME=VALUE")]
ChatTemplate = Annotated[str | None, _setting("chat_template")]
TemplateVar = Annotated[list[str] | None, _setting("template_var", metavar="NAME=VALUE")]
Think = Annotated[str | None, _setting("think", metavar="on|off|auto")]
Temperature = Annotated[float | None, _setting("temperature")]
TopP = Annotated[float | None, _setting("top_p")]
TopK = Annotated[int | None, _setting("top_k")]
MinP = Annotated[float | None, _setting("min_p")]
RepeatPenalty = Annotated[float | None, _setting("repeat_penalty")]
MaxTokens = Annotated[int | None, _setting("max_tokens")]
MaxThoughtTokens = Annotated[int | None, _setting("max_thought_tokens")]
Seed = Annotated[int | None, _setting("seed")]
Context = Annotated[int | None, _setting("ctx")]
Threads = Annotated[int | None, _setting("threads")]
GpuLayers = Annotated[str | None, _setting("gpu_layers", metavar="N|all|auto")]
Thought = Annotated[str | None, _setting("thought", metavar="auto|full|hide")]
Effort = Annotated[str | None, _setting("effort", metavar="auto|none|low|medium|high|max")]
Strategy = Annotated[str | None, _setting("strategy", metavar="NAME")]
Simulations = Annotated[int | None, _setting("simulations")]
MaxSearchTokens = Annotated[int | None, _setting("max_search_tokens")]
TimeLimit = Annotated[float | None, _setting("time_limit", metavar="SECONDS")]
Certainty = Annotated[float | None, _setting("certainty")]
Step = Annotated[str | None, _setting("step", metavar="paragraph|line|mini64|mini32")]
Reflection = Annotated[str | None, _setting("reflection", metavar="never|always|low-confidence|child")]
Reward = Annotated[str | None, _setting("reward", metavar="NAME")]
Vote = Annotated[str | None, _setting("vote", metavar="NAME")]
Critic = Annotated[str | None, _setting("critic", metavar="NAME|PATH")]
DoubtBelow = Annotated[float | None, _setting("doubt_below", metavar="CONFIDENCE")]
Parallel = Annotated[int | None, _setting("parallel")]
Trace = Annotated[bool | None, typer.Option("--trace/--no-trace", help=OPTIONS["trace"].about.help, show_default=False)]
Display = Annotated[
    Literal["auto", "live", "plain"],
    typer.Option("--display", envvar="MARCO_DISPLAY", help="How a search is shown while it runs."),
]
Config = Annotated[str | None, typer.Option("--config", metavar="FILE", help="Configuration file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say how the model was loaded and what the work cost.")]
Raw = Annotated[bool, typer.Option("--raw", help="Write outputs as the model wrote them, on a terminal too.")]

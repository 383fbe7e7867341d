"""`marco chat`: a conversation."""

import os
from contextlib import nullcontext
from typing import Annotated

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._chat_keys import can_edit, unechoed
from marco_cli.errors import ConfigError

EXAMPLES = """
marco chat                                     # /help lists the commands, Ctrl-D leaves
marco chat -m marco-o1 --effort low            # search before each answer
marco chat -s "You are a patient teacher."
marco chat --continue                          # go on with the last conversation
printf 'Hi\\nWhat is 2 + 3?\\n' | marco chat     # a turn a line, outputs on stdout
"""


def chat(
    session: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="With --continue: the conversation, or one of its traces.")
    ] = None,
    *,
    goes_on: Annotated[
        bool, typer.Option("--continue", help="Go on with a conversation, the last one unless an ID follows.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Read lines and redraw nothing, as in a pipe: for scripts and tests.")
    ] = False,
    model: opt.Model = None,
    effort: opt.Effort = None,
    time_limit: opt.TimeLimit = None,
    system: opt.System = None,
    preset: opt.Preset = None,
    think: opt.Think = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    assignments: opt.Assignments = None,
    help_all: opt.HelpAll = False,
    strategy: opt.Strategy = None,
    simulations: opt.Simulations = None,
    temperature: opt.Temperature = None,
    max_tokens: opt.MaxTokens = None,
    seed: opt.Seed = None,
    thought: opt.Thought = None,
    raw: opt.Raw = False,
    stream: Annotated[
        bool,
        typer.Option("--stream/--no-stream", help="Show replies while they are written.", rich_help_panel=opt.OUTPUT),
    ] = True,
    display: opt.Display = "auto",
    trace: opt.Trace = None,
    max_search_tokens: opt.MaxSearchTokens = None,
    certainty: opt.Certainty = None,
    step: opt.Step = None,
    reflection: opt.Reflection = None,
    reward: opt.Reward = None,
    vote: opt.Vote = None,
    critic: opt.Critic = None,
    doubt_below: opt.DoubtBelow = None,
    check: opt.Check = None,
    parallel: opt.Parallel = None,
    top_p: opt.TopP = None,
    top_k: opt.TopK = None,
    min_p: opt.MinP = None,
    repeat_penalty: opt.RepeatPenalty = None,
    max_thought_tokens: opt.MaxThoughtTokens = None,
    variables: opt.Variables = None,
    chat_template: opt.ChatTemplate = None,
    template_var: opt.TemplateVar = None,
    ctx: opt.Context = None,
    threads: opt.Threads = None,
    gpu_layers: opt.GpuLayers = None,
    config: opt.Config = None,
) -> None:
    """Talk with a model. Outputs go to stdout, everything else to stderr; /help lists the commands."""
    given = dict(locals())
    if session is not None and not goes_on:
        raise ConfigError(
            f"got {session[:40]!r}, expected options only", hint=f"marco chat --continue {session[:40]}, or marco ask"
        )
    edits_lines = not plain and can_edit()
    # From here on: importing and loading take a while, and whoever types meanwhile means the prompt to come.
    with unechoed() if edits_lines else nullcontext():
        from marco_cli.commands._chat_opening import Past, converse
        from marco_cli.commands._chat_turn import Screen
        from marco_cli.commands._signals import run_unless_terminated
        from marco_cli.conversation.setup import Setup

        setup = Setup(flags=opt.settings_given(given), environ=os.environ, config=config)
        screen = Screen(
            display="plain" if plain else display,
            is_streamed=stream,
            is_quiet=quiet,
            is_verbose=verbose,
            is_raw=raw,
            edits_lines=edits_lines,
        )
        run_unless_terminated(converse(setup, screen, Past(session=session) if goes_on else None))

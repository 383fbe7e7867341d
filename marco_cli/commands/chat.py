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


@opt.takes_settings()
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
    given: opt.Given,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    raw: opt.Raw = False,
    stream: Annotated[bool, opt.output("--stream/--no-stream", help="Show replies while they are written.")] = True,
    display: opt.Display = "auto",
) -> None:
    """Talk with a model. Outputs go to stdout, everything else to stderr; /help lists the commands."""
    if session is not None and not goes_on:
        raise ConfigError(
            f"got {session[:40]!r}, expected options only", hint=f"marco chat --continue {session[:40]}, or marco ask"
        )
    edits_lines = not plain and can_edit()
    # From here on: importing and loading take a while, and what is typed meanwhile means the prompt to come.
    with unechoed() if edits_lines else nullcontext():
        from marco_cli.commands._chat_opening import converse
        from marco_cli.commands._chat_turn import ChatScreen
        from marco_cli.commands._signals import run_unless_terminated
        from marco_cli.conversation.setup import Setup

        setup = Setup(flags=opt.settings_given(given), environ=os.environ, config=given["config"])
        screen = ChatScreen(
            display="plain" if plain else display,
            is_streamed=stream,
            is_quiet=quiet,
            is_verbose=verbose,
            is_raw=raw,
            edits_lines=edits_lines,
        )
        run_unless_terminated(converse(setup, screen, goes_on=goes_on, past=session))

"""`marco prompt`: the prompt as the model gets it, without an answer."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._output import say, say_all, write
from marco_cli.errors import ConfigError, InputError

if TYPE_CHECKING:
    from marco_cli.config.settings import Settings
    from marco_cli.engine.llama_weights import Weights
    from marco_cli.prompt.base import Message

    Asked = tuple[str, tuple[Message, ...], Settings]

EXAMPLES = """
marco prompt "What is 2 + 3?"
marco prompt -m marco-nano --think off "…"
marco prompt --messages chat.json --json
"""


@opt.takes_settings(
    "model", "preset", "system", "variables", "chat_template", "template_var", "think", "config", "assignments"
)
def prompt(
    question: Annotated[str | None, typer.Argument(help="What to ask; `-`, or a pipe, reads it from stdin.")] = None,
    *,
    file: opt.File = None,
    messages: Annotated[
        str | None,
        typer.Option("--messages", metavar="FILE|-", help="Chat messages: a JSON array, or JSON lines as for batch."),
    ] = None,
    given: opt.Given,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Show the prompt that the model gets: its text on stdout, control tokens marked on a terminal, their number on stderr."""
    from marco_cli.batch.answering import RowSettings
    from marco_cli.commands._messages import read_conversations
    from marco_cli.commands._question import read_question
    from marco_cli.config.layers import resolve
    from marco_cli.prompt import worker
    from marco_cli.solver import open_vocabulary, resolve_settings

    if messages is not None and (question is not None or file):
        raise ConfigError("--messages holds the question", hint="leave out the other one")
    flags, config = opt.settings_given(given), given["config"]
    settings, located = resolve_settings(flags, os.environ, config)
    asked: list[Asked]
    if messages is None:
        asked = [(read_question(question, file or ()), (), settings)]
    else:
        own = RowSettings(
            settings, lambda name: resolve(flags={**flags, "preset": name}, env=os.environ, config=config).settings
        )
        asked = [(row.question, row.history, own.of(row)) for row in read_conversations(messages)]
    if len(asked) != 1 and not as_json:
        held = f"{'stdin' if messages == '-' else messages} holds {len(asked)} conversations, expected one"
        raise InputError(held, hint="--json prints one a line")
    worker.start()
    vocabulary = open_vocabulary(located, os.environ)
    try:
        for each in asked:
            _show(each, vocabulary, located.name, as_json=as_json, quiet=quiet)
    finally:
        vocabulary.close()


def _show(asked: "Asked", vocabulary: "Weights", name: str, *, as_json: bool, quiet: bool) -> None:
    """Print one prompt."""
    from marco_cli.jsonl import encode
    from marco_cli.phrasing import Phrasing
    from marco_cli.view.prompt import count_line, marked, prompt_document
    from marco_cli.view.terminal import wants_colour

    question, history, settings = asked
    if any(message.role == "system" for message in history):
        settings = replace(settings, system=None)
    phrasing = Phrasing(settings=settings, info=vocabulary.describe(name=name, settings=()))
    rendered = phrasing.render(phrasing.prompt(question, history=history))

    def is_control(token: int) -> bool:
        return not vocabulary.piece(token)

    ids = phrasing.encode(rendered, lambda text, special: vocabulary.tokenize(text, special=special), is_control)
    tokens = phrasing.tokens(ids, is_control, vocabulary.spelling)
    notes = (*phrasing.notices, *rendered.notes)
    if as_json:
        write(encode(prompt_document(rendered.text, ids, tokens, model=name, notes=notes)))
        return
    if sys.stdout.isatty():
        text = marked(tokens, is_coloured=wants_colour(sys.stdout), encoding=sys.stdout.encoding)
        write(f"{text}\n".encode(sys.stdout.encoding, errors="replace"))
    else:
        write(rendered.text.encode())
    if not quiet:
        say_all(notes)
        say(f"marco: {count_line(tokens, len(ids), name)}")

"""`marco ask`: one question, one answer."""

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._help import EXPERT
from marco_cli.commands._output import fitted, say, say_all, write
from marco_cli.errors import EXIT_INTERRUPTED, IncompleteError, StorageError

if TYPE_CHECKING:
    from marco_cli.view.output import Output
    from marco_cli.view.report import Answered

EXAMPLES = """
marco ask "What is 17 * 23 - 4?"               # the answer on stdout, the thought on stderr
marco ask --effort high -m marco-o1 "…"        # search over the reasoning
marco ask --time-limit 30 "…"                  # the best answer of half a minute
cat report.txt | marco ask -f - "Sum it up."   # a question about a text
marco ask --json "…" | jq -r .answer           # one object for a program
"""


@opt.takes_settings()
def ask(
    question: Annotated[str | None, typer.Argument(help="What to ask; `-`, or a pipe, reads it from stdin.")] = None,
    *,
    given: opt.Given,
    file: opt.File = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    raw: opt.Raw = False,
    stream: Annotated[
        bool | None,
        opt.output(
            "--stream/--no-stream",
            help="Write the first reply as it comes, in a pipe too; a reply that a search puts in its place follows it.",
        ),
    ] = None,
    require_check: Annotated[
        bool,
        typer.Option(
            "--require-check", rich_help_panel=EXPERT, help="Exit with 3 unless a check found the answer right."
        ),
    ] = False,
    display: opt.Display = "auto",
    events: Annotated[
        str | None,
        typer.Option(
            "--events", metavar="FILE|-", help="Write the search's events as JSON lines.", rich_help_panel=EXPERT
        ),
    ] = None,
) -> None:
    """Ask a question. The answer goes to stdout, the thought and the tree of a search to stderr."""
    from marco_cli.commands._answering import answer
    from marco_cli.commands._event_file import EventFile
    from marco_cli.commands._question import read_question
    from marco_cli.commands._reply import Screen, say_how
    from marco_cli.jsonl import encode
    from marco_cli.models.choice import BUNDLED_NOTICE
    from marco_cli.solver import open_solver, resolve_settings
    from marco_cli.trace.store import save_if_wanted
    from marco_cli.view.printable import printable
    from marco_cli.view.report import ask_document, cost_lines

    started = time.perf_counter()
    text = read_question(question, file or ())
    settings, located = resolve_settings(opt.settings_given(given), os.environ, given["config"])
    if require_check and not settings.check:
        raise opt.no_check()
    solver = open_solver(settings, located, os.environ)
    loaded = time.perf_counter() - started
    if not quiet:
        say_all(solver.phrasing().notices)
        if located.source == "bundled" and settings.model is None:
            say(f"marco: {BUNDLED_NOTICE}")
    screen = Screen(display=display, is_quiet=quiet, is_verbose=verbose, is_raw=raw)
    with nullcontext() if events is None else EventFile(events) as event_file:
        answered = answer(
            solver,
            text,
            screen,
            streaming="never" if as_json or stream is False else "always" if stream else "final",
            record=None if event_file is None else event_file.record,
        )
    lost_events = None if event_file is None else event_file.problem
    result = answered.result
    notice = save_if_wanted(answered.trace, settings, os.environ)
    is_kept = settings.trace and notice is None
    if as_json:
        write(encode(ask_document(solver, answered, load_seconds=loaded, is_kept=is_kept)))
    elif result.reply.output and not answered.is_output_shown:
        _write_output(answered, screen.output())
    if not quiet:
        say_how(answered.result, doubt_below=settings.doubt_below, is_verbose=verbose)
    for lost in (notice, lost_events):
        if lost is not None:
            say(f"marco: {printable(lost)}")
    if verbose:
        phrasing = solver.phrasing()
        say_all(phrasing.render(phrasing.prompt(text)).notes)
        say(fitted(cost_lines(solver, answered, load_seconds=loaded)))
        say(f"trace    {answered.trace.id if is_kept else 'not kept'}")
    _end(answered, is_without_events=lost_events is not None, must_be_verified=require_check)


def _write_output(answered: "Answered", output: "Output") -> None:
    """Write the output, below the one that it replaces if that was written as it came."""
    from marco_cli.view.summary import replacement

    if answered.is_replaced:
        say(f"marco: {replacement(answered.result)}")
        write(b"\n")
    output.write(answered.result.reply.output)
    output.end()


def _end(answered: "Answered", *, is_without_events: bool, must_be_verified: bool) -> None:
    """Leave with the exit code of what is missing from the answer, or beside it."""
    if answered.was_interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if not answered.result.reply.output:
        raise IncompleteError("the reply has no output", hint="give it more --max-tokens, or another --preset")
    if must_be_verified and not answered.result.reply.is_verified:
        raise IncompleteError(
            "no check found the answer right", hint="search for longer: --effort high, or a larger --time-limit"
        )
    if is_without_events:
        raise typer.Exit(StorageError.exit_code)

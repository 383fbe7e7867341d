"""`marco traces`: list, show, rescore, continue, export, prune, path."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._help import Commands
from marco_cli.commands._output import confirm, say, write
from marco_cli.commands._traces_export import export
from marco_cli.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from marco_cli.search.base import Candidate
    from marco_cli.trace.record import Trace

_EXAMPLES = """
marco traces list
marco traces show --tree                       # the last answer's tree
marco traces continue --simulations +32        # search on from it
marco traces export --open                     # one page, in a browser
marco traces prune --keep 100
"""

app = Commands(epilog=_EXAMPLES, name="traces", help="Look at answers again: their trees, tokens and votes; search on.")


def complete_traces(incomplete: str) -> list[str]:
    """Offer `last` and the ids of the newest traces."""
    from marco_cli.config.state import state_directory

    names = sorted((path.stem for path in (state_directory(os.environ) / "traces").glob("*.jsonl")), reverse=True)
    return [name for name in ("last", *names[:200]) if name.startswith(incomplete)]


TraceName = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Id of a trace, its beginning or its last four characters; or `last`.",
        autocompletion=complete_traces,
    ),
]  # fmt: skip
From = Annotated[
    str | None, typer.Option("--from", metavar="FILE", help="A file of traces, or a folder, instead of your own.")
]
Choice = Annotated[
    int | None, typer.Option("--candidate", metavar="N", min=0, help="Another finished reply than the one given.")
]


@app.command("list")
def list_traces(
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, newest first.")] = 20,
    source: From = None,
    as_json: opt.Json = False,
) -> None:
    """List the newest traces: id, command, model, how it was searched, answer, question."""
    from itertools import islice

    from marco_cli.jsonl import encode
    from marco_cli.trace.store import entries
    from marco_cli.view.trace_table import trace_table

    place = _place(source)
    headings = [entry.heading for entry in islice(entries(place, _say_skipped), limit)]
    if as_json:
        write(encode({"v": 1, "traces": [_row(heading) for heading in headings]}))
    elif headings:
        write(_text(trace_table(headings, width=_stdout_width(), encoding=sys.stdout.encoding)))
    else:
        say(f"marco: there are no traces in {place} yet; each answer of `marco ask` and `marco chat` leaves one")


_SHOW_EXAMPLES = """
marco traces show                              # the last one
marco traces show 9f3a --tree                  # by its last four characters
marco traces show --path                       # the steps of the reply that was given
marco traces show --heat                       # every token, marked by how sure the model was
marco traces show --json | jq .reply
"""


@app.command(epilog=_SHOW_EXAMPLES)
def show(
    trace: TraceName = "last",
    *,
    tree: Annotated[bool, typer.Option("--tree", help="The whole tree, with visits and values.")] = False,
    path: Annotated[bool, typer.Option("--path", help="The steps of the reply that was given.")] = False,
    heat: Annotated[bool, typer.Option("--heat", help="Its tokens, marked by how sure the model was.")] = False,
    candidate: Choice = None,
    source: From = None,
    as_json: opt.Json = False,
) -> None:
    """Show an answer with its evidence; with --json the whole trace as it is kept."""
    from marco_cli.trace.encoding import encode
    from marco_cli.view.terminal import wants_colour
    from marco_cli.view.trace_card import path_text, trace_card, tree_text
    from marco_cli.view.trace_heat import heat as heat_text

    found = _load(trace, source)
    if as_json:
        write(encode(found))
        return
    chosen, encoding = _candidate(found, candidate), sys.stdout.encoding
    is_coloured = wants_colour(sys.stdout)
    parts = []
    if not (tree or path or heat) and chosen is None:
        parts.append(trace_card(found, width=_stdout_width(), is_coloured=is_coloured, encoding=encoding))
    if tree:
        parts.append(tree_text(found, width=_stdout_width() or 120, is_coloured=is_coloured, encoding=encoding))
    if path or (chosen is not None and not heat):
        parts.append(path_text(found, chosen, width=_stdout_width(), is_coloured=is_coloured, encoding=encoding))
    if heat:
        parts.append(heat_text(found, chosen, is_coloured=is_coloured, width=_stdout_width(), encoding=encoding))
    write(_text("\n\n".join(parts)))


@app.command()
@opt.takes_settings("reward", "vote", "check")
def rescore(trace: TraceName = "last", *, given: opt.Given, source: From = None, as_json: opt.Json = False) -> None:
    """Rate the finished replies by another reward, vote or check, and count them anew; nothing is generated."""
    import asyncio

    from marco_cli.jsonl import encode
    from marco_cli.trace.rescoring import checked
    from marco_cli.trace.rescoring import rescore as rescored
    from marco_cli.view.trace_rescored import rescored_document, rescored_text

    found = _load(trace, source)
    if given["check"]:
        found = asyncio.run(checked(found, given["check"]))
    anew = rescored(found, reward=given["reward"], vote=given["vote"])
    if as_json:
        write(encode(rescored_document(found, anew)))
    else:
        write(_text(rescored_text(found, anew, width=_stdout_width(), encoding=sys.stdout.encoding)))


@app.command("continue")
@opt.takes_settings(
    "max_search_tokens",
    "time_limit",
    "certainty",
    "parallel",
    "check",
    "model",
    "ctx",
    "threads",
    "gpu_layers",
    "trace",
)
def continue_(
    name: TraceName = "last",
    *,
    simulations: Annotated[
        str, typer.Option("--simulations", metavar="+N|N", help="So many more, or so many in all.")
    ] = "+32",
    given: opt.Given,
    display: opt.Display = "auto",
    source: From = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> None:
    """Search on from where a search ended; the result is a trace of its own."""
    from marco_cli.commands._continuing import Wish, go_on
    from marco_cli.commands._reply import Screen
    from marco_cli.config.layers import resolve
    from marco_cli.config.settings import OPTIONS

    found = _load(name, source)
    accepted = {
        key: OPTIONS[key].accept(value, where=f"flag {OPTIONS[key].flag}")
        for key, value in given.items()
        if value is not None
    }
    more = _more(simulations, found)
    go_on(
        found,
        Wish(
            more=more,
            flags=accepted,
            own=resolve(flags={}, env=os.environ).settings,
            is_foreign=source is not None,
            screen=Screen(display=display, is_quiet=quiet, is_verbose=verbose),
        ),
    )


_EXPORT_EXAMPLES = """
marco traces export --open                     # the last search as one page, in a browser
marco traces export -F sft --where 'confidence > 0.9' -o sft.jsonl
marco traces export -F dpo --from runs.jsonl -o dpo.jsonl
marco traces export --where help               # the fields of a filter
"""

app.command("export", epilog=_EXPORT_EXAMPLES)(export)


@app.command()
def prune(
    *,
    keep: Annotated[int | None, typer.Option("--keep", metavar="N", min=0, help="Keep the newest N.")] = None,
    days: Annotated[
        float | None, typer.Option("--days", metavar="N", min=0, help="Keep those of the last N days.")
    ] = None,
    megabytes: Annotated[
        int | None,
        typer.Option("--megabytes", metavar="N", min=0, help="Keep so many megabytes, the newest in any case."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Keep none.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete old traces; without a limit, those above the setting `trace_limit`."""
    import time

    from marco_cli.commands._resolved import settings_in_effect
    from marco_cli.trace.store import prune as prune_folder

    if keep is days is megabytes is None and not everything:
        megabytes = settings_in_effect({}, None).settings.trace_limit
    if everything and not yes and not sys.stdin.isatty():
        raise ConfigError("prune --all asks before it deletes, and stdin is not a terminal", hint="use --yes")
    if everything and not yes and not confirm("Delete all traces?", default=False):
        raise ConfigError("nothing was deleted", hint="marco traces prune --all --yes")
    gone = prune_folder(
        _place(None),
        max_bytes=None if megabytes is None else megabytes * 1_000_000,
        max_traces=0 if everything else keep,
        before=None if days is None else time.time() - days * 86_400,
    )
    noun = "trace" if gone.num_traces == 1 else "traces"
    say(f"marco: deleted {gone.num_traces} {noun}, {gone.num_bytes / 1e6:.1f} MB")


@app.command("path")
def print_path(
    trace: Annotated[str | None, typer.Argument(metavar="[ID]", autocompletion=complete_traces)] = None,
) -> None:
    """Print where the traces lie, or the file of one."""
    from marco_cli.trace.store import find

    place = _place(None)
    path = place if trace is None else find(place, trace, _say_skipped).path
    write(f"{path}\n".encode(errors="surrogateescape"))


def _place(source: str | None) -> "Path":
    """Return where to look for traces."""
    from marco_cli.config.home import expanded, is_there
    from marco_cli.trace.store import trace_directory

    if source is None:
        return trace_directory(os.environ)
    place = expanded(source)
    if not is_there(place):
        raise InputError(f"no file of traces at {source}", hint="marco traces path says where your own are")
    return place


def _load(name: str, source: str | None) -> "Trace":
    from marco_cli.trace.store import find, load

    return load(find(_place(source), name, _say_skipped))


def _candidate(trace: "Trace", number: int | None) -> "Candidate | None":
    if number is None:
        return None
    if number >= len(trace.candidates):
        raise InputError(
            f"{trace.id} has {len(trace.candidates)} finished replies, candidate {number} is none of them",
            hint=f"choose one from 0 to {len(trace.candidates) - 1}" if trace.candidates else None,
        )
    return trace.candidates[number]


def _more(text: str, trace: "Trace") -> int:
    """Read `+32` as 32 more and `64` as 64 in all."""
    digits = text.removeprefix("+")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
    if not text.startswith("+"):
        number -= trace.result.num_simulations
    if number < 1:
        raise ConfigError(
            f"--simulations {text} is nothing to go on with: {trace.id} has {trace.result.num_simulations}",
            hint="--simulations +32 makes 32 more",
        )
    return number


def _row(heading: object) -> dict[str, object]:
    from dataclasses import asdict

    row = asdict(heading)  # type: ignore[call-overload]  # a Heading
    return {**row, "created": row["created"].isoformat()}


def _say_skipped(skipped: object) -> None:
    from marco_cli.view.printable import printable

    say(f"marco: {printable(str(skipped))}")


def _stdout_width() -> int | None:
    from marco_cli.view.terminal import columns

    return columns(sys.stdout)


def _text(text: str) -> bytes:
    return f"{text}\n".encode(sys.stdout.encoding or "utf-8", errors="replace")

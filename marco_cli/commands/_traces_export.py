"""`marco traces export`: traces as pages and rows to train on."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from marco_cli.commands import _options as opt
from marco_cli.commands._output import say, write, write_rows
from marco_cli.commands._page import Open, show_page
from marco_cli.config.home import expanded, is_directory
from marco_cli.errors import ConfigError, IncompleteError, InputError, StorageError, os_errors_as, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from marco_cli.trace.export import ExportFormat
    from marco_cli.trace.export.base import Export
    from marco_cli.trace.filter import Filter
    from marco_cli.trace.record import Trace
    from marco_cli.trace.store import KeptTrace

_FORMATS = "html|json|sft|dpo|prm"


def _complete_formats(incomplete: str) -> list[tuple[str, str]]:
    from marco_cli.trace.export import FORMATS

    return [(name, entry.about) for name, entry in FORMATS.items() if name.startswith(incomplete)]


def export(
    traces: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Ids, beginnings of ids, or `last`, which is meant when nothing is said."),
    ] = None,
    *,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format", "-F", metavar=_FORMATS, help="Else as the name of the output file ends.",
            autocompletion=_complete_formats,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE|DIR", help="Else stdout, with --open a file here; a directory gets a file a trace."),
    ] = None,
    is_opened: Open = False,
    everything: Annotated[bool, typer.Option("--all", help="All traces, oldest first.")] = False,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="All turns of a conversation.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="All traces of a file or a folder, instead of your own."),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="FILTER", help="Those of which it is true, e.g. 'confidence > 0.9 and correct'."),
    ] = None,
    layout: Annotated[str, typer.Option("--layout", metavar="messages|sharegpt|text", help="Of sft.")] = "messages",
    pairs: Annotated[int, typer.Option("--pairs", metavar="N", help="Of dpo: pairs a trace at most.")] = 4,
    margin: Annotated[
        float, typer.Option("--margin", metavar="REWARD", help="Of dpo: least lead of the chosen reply, without a target.")
    ] = 0.1,
    min_visits: Annotated[
        int, typer.Option("--min-visits", metavar="N", help="Of prm: end a path before steps visited less often.")
    ] = 1,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="VALUE",
            help="Of prm: value of a good step. Default: 0.5; with a target, any right end.",
        ),
    ] = None,
    quiet: opt.Quiet = False,
) -> None:  # fmt: skip
    """Export traces: html of one; json, sft, dpo or prm (JSON lines) of many.

    sft, dpo and prm are what trl reads. A filter compares, with and, or, not and in: `marco traces export --where help`
    lists its fields.
    """
    from marco_cli.trace.export import writer
    from marco_cli.trace.export.base import Layout, Options
    from marco_cli.trace.filter import parse
    from marco_cli.view.captions import captions

    if where is not None and where.strip() == "help":
        _print_fields()
        return
    if layout not in get_args(Layout):
        raise ConfigError(f"--layout is {quoted(layout)}, expected {' or '.join(get_args(Layout))}")
    output = None if output == "-" else output
    name, entry = _format(format_name, output, is_opened=is_opened)
    options = Options(
        captions=captions,
        layout=cast("Layout", layout),
        pairs=pairs, margin=margin, min_visits=min_visits, threshold=threshold,
    )  # fmt: skip
    wanted = None if where is None else parse(where)
    if traces and everything:
        raise ConfigError("ids are given and --all is too", hint="leave one of them out")
    found = _entries(traces or [], source, session, is_many=everything or where is not None)
    if is_opened and output is None:  # in this directory, several pages in a folder of their own
        output = f"{found[0].heading.id}{entry.suffix}" if len(found) == 1 else f"pages{os.sep}"
    if output is not None:
        _refuse_to_replace(found, output, entry.suffix)
    tally = _Tally()
    exports = tally.counted(writer(name)(tally.chosen(_load(found), wanted), options))
    _write(exports, output, entry, name)
    _tell(tally, entry, output, where, is_quiet=quiet)
    if output is not None and entry.is_document:
        path = expanded(output)
        if path.is_file() or path.is_dir():  # a pipe or a device has no link
            show_page(path, is_opened=is_opened, is_quiet=quiet)


def _write(exports: Iterator["Export"], output: str | None, entry: "ExportFormat", name: str) -> None:
    """Write each trace to a file of its own, one as a document, or all as rows."""
    if output is not None and _is_directory(output):
        for export in exports:
            _save(expanded(output) / f"{export.trace_id}{entry.suffix}", [export.data])
        return
    first = next(exports, None)
    if first is None:
        return
    if entry.is_document and next(exports, None) is not None:
        raise ConfigError(
            f"{name} is about one trace, and there are several", hint="name one of them, or a directory: -o trees/"
        )
    data = (export.data for export in chain((first,), exports))
    if output is not None:
        _save(expanded(output), data)
        return
    for each in data:
        write(each)


def _refuse_to_replace(found: list["KeptTrace"], output: str, suffix: str) -> None:
    """Refuse to put what is made of traces in the place of any of them, under whatever name."""
    place = expanded(output)
    targets = [place / f"{entry.heading.id}{suffix}" for entry in found] if _is_directory(output) else [place]
    read = {_identity(path) for path in {entry.path for entry in found}}
    for target in targets:
        identity = _identity(target)
        if identity is not None and identity in read:
            raise ConfigError(
                f"{target} holds a trace that is read, expected another place", hint="name another with -o"
            )


def _identity(path: "Path") -> tuple[int, int] | None:
    """Return what a file is by whatever name; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


class _Tally:
    """What came of the traces."""

    def __init__(self) -> None:
        self.num_read = 0
        self.num_chosen = 0
        self.num_used = 0
        self.num_rows = 0
        self.reasons: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()

    def chosen(self, traces: Iterator["Trace"], wanted: "Filter | None") -> Iterator["Trace"]:
        """Yield the traces that a filter fits; None fits all."""
        for trace in traces:
            self.num_read += 1
            if wanted is None or wanted.fits(trace):
                self.num_chosen += 1
                yield trace

    def counted(self, exports: Iterator["Export"]) -> Iterator["Export"]:
        """Yield the exports with something in them."""
        for export in exports:
            if export.num_rows:
                self.num_used += 1
                self.num_rows += export.num_rows
                if export.warning:
                    self.warnings[export.warning] += export.num_rows
                yield export
            else:
                self.reasons[export.reason] += 1


def _format(name: str | None, output: str | None, *, is_opened: bool) -> tuple[str, "ExportFormat"]:
    from marco_cli.search.config import check_name
    from marco_cli.trace.export import FORMATS, format_of_file

    found = name or (format_of_file(output) if output else "html" if is_opened else None)
    if found is None:
        raise ConfigError("no format is given", hint=f"--format {_FORMATS}, or -o tree.html")
    check_name("--format", found, FORMATS)
    if is_opened and not FORMATS[found].is_document:
        raise ConfigError(f"--open shows pages, and {found} is not one", hint="--format html")
    return found, FORMATS[found]


def _entries(names: list[str], source: str | None, session: str | None, *, is_many: bool) -> list["KeptTrace"]:
    """Return what is asked for, oldest first."""
    from marco_cli.commands.traces import _place, _say_skipped
    from marco_cli.trace.store import entries, find

    place = _place(source)
    if names:
        unique = {entry.heading.id: entry for entry in (find(place, name, _say_skipped) for name in names)}
        return [entry for entry in unique.values() if session is None or _is_of(entry, session)]
    if not (is_many or session or source):
        return [find(place, "last", _say_skipped)]
    found = list(entries(place, _say_skipped))[::-1]
    if session is None:
        return found
    turns = [entry for entry in found if _is_of(entry, session)]
    if not turns:
        raise InputError(f"no conversation {session!r} in {place}", hint="marco traces list")
    if len({entry.heading.session for entry in turns}) > 1:
        raise InputError(f"several conversations are called {session!r}", hint="give more of the id")
    return turns


def _is_of(entry: "KeptTrace", session: str) -> bool:
    own = entry.heading.session
    return own is not None and (own.startswith(session) or own.endswith(f"-{session}"))


def _load(entries: list["KeptTrace"]) -> Iterator["Trace"]:
    """Yield the traces; of several, a damaged one is named and left out."""
    from marco_cli.trace.store import load
    from marco_cli.view.printable import printable

    for entry in entries:
        try:
            trace = load(entry)
        except InputError as error:
            if len(entries) == 1:
                raise
            say(f"marco: {printable(error.message)}; skipped")
            continue
        yield trace


def _is_directory(output: str) -> bool:
    return output.endswith(("/", os.sep)) or is_directory(expanded(output))


def _save(path: "Path", parts: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all."""
    from marco_cli.draft import replacing

    with os_errors_as(StorageError, f"cannot write {path}", hint="check space and permissions"):
        if path.exists() and not path.is_file():  # a pipe, a device: there is nothing to replace
            with path.open("wb") as file:
                file.writelines(parts)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.writelines(parts)


def _tell(tally: _Tally, entry: "ExportFormat", output: str | None, where: str | None, *, is_quiet: bool) -> None:
    """Say what was written, what was left out and why; nothing at all is an error."""
    from marco_cli.view.printable import printable

    left_out = "; ".join(f"{number} left out: {reason}" for reason, number in tally.reasons.items())
    if not tally.num_chosen:
        if where is not None and tally.num_read:
            raise InputError(
                f"the filter fits none of {tally.num_read} traces", hint="--where help lists the fields of a filter"
            )
        raise InputError("there are no traces to export", hint='marco ask "…" keeps one')
    if not tally.num_used:
        raise IncompleteError(f"nothing to export: {left_out}", hint="see marco traces export --help")
    for warning, number in tally.warnings.items():
        say(f"marco: {printable(warning)} ({_counted(number, 'row')})")
    if is_quiet or (entry.is_document and output is None):
        return
    count = _counted(tally.num_used, "trace") + (f" of {tally.num_read}" if tally.num_used != tally.num_read else "")
    rows = "" if entry.is_document else f"{_counted(tally.num_rows, 'row')} from "
    say(f"marco: {rows}{count}{f' ({left_out})' if left_out else ''}{f' in {output}' if output else ''}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_fields() -> None:
    from marco_cli.trace.fields import FIELDS

    width = max(map(len, FIELDS))
    lines = [f"{name:<{width}}  {field.kind:<6}  {field.about}" for name, field in FIELDS.items()]
    write_rows("\n".join(lines))

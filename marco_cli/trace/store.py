"""Where traces lie: a folder of the state directory with one file a trace, or a file with one line a trace.

In: traces, and names that people type for them. Out: files that only the user can read, and traces again, newest first. A
trace is there whole or not at all, however many processes write: a file gets its name when it is complete, a line is written
under a lock. What cannot be read is skipped and named, never in the way of the rest. Lists read the fronts of the lines only.

    STATE/traces/20261121-024011-123-9f3a.jsonl
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from marco_cli.config.settings import Settings
from marco_cli.config.state import state_directory
from marco_cli.draft import put
from marco_cli.errors import InputError, MarcoError, StorageError, os_errors_as
from marco_cli.jsonl import MAX_LINE, read_lines
from marco_cli.lock import PATIENCE, lock
from marco_cli.trace.decoding import Heading, decode, read_heading
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace

LAST: Final = "last"
"""The name of the newest trace, whatever its id."""
SUFFIX: Final = ".jsonl"
_PART: Final = ".part"
_STALE: Final = 24 * 3600
"""Seconds after which an unfinished file counts as left behind."""
_FRONT: Final = 16_384
"""Bytes that are read at once for a heading."""
_MEGABYTE: Final = 1_000_000
_TOO_LONG: Final = f"a line of more than {MAX_LINE // _MEGABYTE} MB is not read"
_CHECK: Final = "check the path and its permissions"
_OTHER_PLACE: Final = "check space and permissions, or --no-trace"
_OTHER_FILE: Final = "check space and permissions, or name another file with --traces"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTrace:
    """A trace that was found."""

    path: Path
    offset: int
    """Of its line in the file."""
    size: int
    """Bytes of its line."""
    heading: Heading


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What could not be read, and why, for a person."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where} skipped: {self.reason.removeprefix(f'{self.where}: ')}"


OnSkip = Callable[[Skipped], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was deleted."""

    num_traces: int
    num_bytes: int


def trace_directory(environ: Mapping[str, str]) -> Path:
    """Return the folder of the traces, which need not exist."""
    return state_directory(environ) / "traces"


def save_if_wanted(trace: Trace, settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Save the trace of an answer in the state directory, if the settings want traces, and drop the oldest above their limit.

    Returns:
        What the user should know when it cannot be kept, in one line; None when all is well. It never raises: the answer
        is there, and must not be lost with its trace.
    """
    if not settings.trace:
        return None
    folder = trace_directory(environ)
    try:
        save(trace, folder)
        prune(folder, max_bytes=settings.trace_limit * _MEGABYTE)
    except MarcoError as error:
        return f"the trace is not kept: {error.message} (--no-trace, or `marco config set trace false`)"
    return None


def save(trace: Trace, folder: Path) -> Path:
    """Write a trace into a folder, which is made if need be; return its file.

    Raises:
        StorageError: no permission, no space.
    """
    path = folder / f"{trace.id}{SUFFIX}"
    line = _line(trace)
    with os_errors_as(StorageError, f"cannot write to {folder}", hint=_OTHER_PLACE):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        put(path, line, mode=0o600)
    return path


def append(trace: Trace, path: Path) -> None:
    """Add a trace to a file as its last line; a torn line that a crash left there stays a line of its own.

    Raises:
        StorageError: no permission, no space, locked by another program for seconds; the file is as it was.
    """
    line = _line(trace)
    with os_errors_as(StorageError, f"cannot write to {path}", hint=_OTHER_FILE):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            lock(file, patience=PATIENCE)
            rest = memoryview(b"\n" + line if _is_torn(file) else line)
            size = file.seek(0, os.SEEK_END)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(size)
                raise


def check_appendable(path: Path) -> None:
    """Make a file of traces if it does not exist, so that what forbids it shows before there is a trace.

    Raises:
        StorageError: it cannot be written.
    """
    with os_errors_as(StorageError, f"cannot write to {path}", hint=_OTHER_FILE):
        os.close(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600))


def entries(place: Path, on_skip: OnSkip) -> Iterator[KeptTrace]:
    """Yield the traces of a folder or of a file, newest or last line first; a place that is not there has none.

    Raises:
        InputError: the place cannot be read.
    """
    if place.is_dir():
        for name in _names(place):
            yield from _first_entry(place / f"{name}{SUFFIX}", on_skip)
        return
    if place.exists():
        yield from reversed(list(_lines(place, on_skip)))


def find(place: Path, name: str, on_skip: OnSkip) -> KeptTrace:
    """Return the trace whose id begins, or ends, with `name`; `last` is the newest.

    Raises:
        InputError: there is none, or there are several.
    """
    if name == LAST:
        newest = next(entries(place, on_skip), None)
        if newest is None:
            raise InputError(f"there are no traces in {place}", hint='marco ask "…" keeps one')
        return newest
    if place.is_dir():
        paths = [place / f"{each}{SUFFIX}" for each in _names(place) if _is_meant(each, name)]
        found = [entry for path in paths for entry in _first_entry(path, on_skip)]
    else:
        found = [entry for entry in entries(place, on_skip) if _is_meant(entry.heading.id, name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"no trace {name!r} in {place}", hint="marco traces list")
    shown = ", ".join(entry.heading.id for entry in found[:4]) + (", …" if found[4:] else "")
    raise InputError(f"{len(found)} traces are called {name!r}: {shown}", hint="give more of the id")


def load(entry: KeptTrace) -> Trace:
    """Read a whole trace.

    Raises:
        InputError: it is damaged; the message names file and place.
    """
    with os_errors_as(InputError, f"cannot read {entry.path}", hint=_CHECK), entry.path.open("rb") as file:
        file.seek(entry.offset)
        line = file.read(entry.size)
    return decode(line, where=entry.path.name)


def prune(
    folder: Path, *, max_bytes: int | None = None, max_traces: int | None = None, before: float | None = None
) -> Pruned:
    """Delete the oldest traces of a folder until the limits hold, and what crashes left.

    `max_bytes` are of all files together; the newest stays, however large. Files last changed before `before`, a Unix
    time, go.

    Raises:
        StorageError: a file cannot be deleted.
    """
    try:
        files = sorted(
            ((entry.name, entry.stat()) for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)), reverse=True
        )
        num_deleted = num_bytes = kept_bytes = 0
        for rank, (name, about) in enumerate(files):
            kept_bytes += about.st_size
            is_too_much = max_bytes is not None and kept_bytes > max_bytes and rank > 0
            is_over = is_too_much or (max_traces is not None and rank >= max_traces)
            if is_over or (before is not None and about.st_mtime < before):
                (folder / name).unlink(missing_ok=True)
                num_deleted, num_bytes = num_deleted + 1, num_bytes + about.st_size
        for draft in folder.glob(f".*{_PART}"):
            with suppress(FileNotFoundError):  # finished in the meantime
                if draft.stat().st_mtime < time.time() - _STALE:
                    draft.unlink()
    except FileNotFoundError:
        return Pruned(num_traces=0, num_bytes=0)
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror}", hint=_OTHER_PLACE) from error
    return Pruned(num_traces=num_deleted, num_bytes=num_bytes)


def _line(trace: Trace) -> bytes:
    """Return the line of a trace; one that could not be read again is refused."""
    line = encode(trace)
    if len(line) > MAX_LINE:
        raise StorageError(f"it has {len(line) // 1_000_000} MB, and {_TOO_LONG}", hint="search with a smaller budget")
    return line


def _names(folder: Path) -> list[str]:
    """Return the names of the trace files of a folder, newest first: ids sort by time."""
    with os_errors_as(InputError, f"cannot read {folder}", hint=_CHECK):
        names = [entry.name for entry in os.scandir(folder)]
    return sorted((name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)), reverse=True)


def _is_meant(trace_id: str, name: str) -> bool:
    return trace_id.startswith(name) or trace_id.endswith(f"-{name}")


def _first_entry(path: Path, on_skip: OnSkip) -> Iterator[KeptTrace]:
    """Yield the trace of a file that holds one; nothing when it is gone or damaged."""
    try:
        with path.open("rb") as file:
            is_torn = _is_torn(file)
            size = file.tell()
            if is_torn or not size or size > MAX_LINE:
                on_skip(Skipped(where=path.name, reason=_TOO_LONG if size > MAX_LINE else "its line is torn"))
                return
            file.seek(0)
            front = file.read(_FRONT)
            heading = read_heading(front, where=path.name)
            if heading is None:
                heading = read_heading(front + file.read(), where=path.name)
    except FileNotFoundError:
        return  # pruned by another process in the meantime
    except (OSError, InputError) as error:
        reason = error.message if isinstance(error, InputError) else str(error.strerror)
        on_skip(Skipped(where=path.name, reason=reason))
        return
    if heading is not None:
        yield KeptTrace(path=path, offset=0, size=size, heading=heading)


def _lines(path: Path, on_skip: OnSkip) -> Iterator[KeptTrace]:
    """Yield the traces of a file that holds one a line."""
    offset = 0
    with os_errors_as(InputError, f"cannot read {path}", hint=_CHECK), path.open("rb") as file:
        for number, raw in enumerate(read_lines(file), start=1):
            where, line = f"{path.name}:{number}", raw.data
            if raw.is_too_long:
                on_skip(Skipped(where=where, reason=_TOO_LONG))
            elif line.strip() and not line.endswith((b"}\n", b"}\r\n")):
                on_skip(Skipped(where=where, reason="its line is torn"))
            elif line.strip():
                try:
                    heading = read_heading(line, where=where)
                except InputError as error:
                    on_skip(Skipped(where=where, reason=error.message))
                else:
                    if heading is not None:
                        yield KeptTrace(path=path, offset=offset, size=len(line), heading=heading)
            offset += raw.size


def _is_torn(file: IO[bytes]) -> bool:
    """Say whether a file does not end with a line end."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"

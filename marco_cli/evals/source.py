"""Find the file of a data set, and read its rows.

In: what the user pointed at, and where the hub keeps the file. Out: a path, and rows with the line each began on. A file is
looked for at `--data`, then in the hub client's cache; only with `may_fetch` is it downloaded.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

from marco_cli.errors import InputError, cut
from marco_cli.evals.base import Selection
from marco_cli.jsonl import MAX_LINE, RawLine, decode, read_lines

Row = Mapping[str, Any]
_BOM = b"\xef\xbb\xbf"
_DAMAGES = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubPlace:
    """A file of a data set repository, pinned by name only: the hub's own cache records the commit."""

    repo: str
    path: str


def find(name: str, selection: Selection, place: HubPlace, *, aliases: tuple[str, ...] = ()) -> Path:
    """Return the file: the one that was pointed at, in the directory that was, in the cache, or freshly fetched.

    `aliases` are other file names that a directory may have it under.

    Raises:
        InputError: it is not on this machine.
        NetworkError: the download failed.
    """
    if selection.data is not None:
        return _local(selection.data, (Path(place.path).name, *aliases))
    # The hub client takes a while to import, and most evaluations need none.
    from marco_cli.hub.client import cached_dataset_file, fetch_dataset_file  # noqa: PLC0415

    found = cached_dataset_file(place.repo, place.path)
    if found is not None:
        return found
    if not selection.may_fetch:
        raise InputError(
            f"the data set {name} is not on this machine ({place.path} of {place.repo})",
            hint="add --fetch to download it, or --data FILE|DIRECTORY to read your own copy",
        )
    return fetch_dataset_file(place.repo, place.path)


def find_bundled(selection: Selection, bundled: Traversable) -> Path:
    """Return the file that was pointed at, else the one in the package."""
    return selection.data if selection.data is not None else Path(str(bundled))


def read_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield (where, row) for each row of a .jsonl, .json or .parquet file, gzipped or not; blank lines are skipped.

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object.
    """
    if path.name.endswith(".parquet"):
        yield from _parquet_rows(path)
        return
    if path.name.endswith(".json"):
        document = _parsed(read_text(path), path.name)
        for number, row in enumerate(document if isinstance(document, list) else [document], 1):
            yield f"{path.name} row {number}", _object(row, f"{path.name} row {number}")
        return
    for number, line in enumerate(_lines(path), 1):
        where = f"{path.name} line {number}"
        if line.is_too_long:
            raise InputError(
                f"{where}: longer than {MAX_LINE // 1_000_000} MB", hint="every line must be one JSON object"
            )
        if line.data.removeprefix(_BOM).strip():
            yield where, _object(_parsed(line.data, where), where)


def read_text(path: Path) -> str:
    """Read a UTF-8 text, gzipped or not, with or without a byte order mark, its line ends as line feeds.

    Raises:
        InputError: it is not there, cannot be read, or is not UTF-8.
    """
    try:
        with _open(path) as file:
            data = file.read(MAX_LINE + 1)
        if len(data) > MAX_LINE:
            raise InputError(f"{path.name} is larger than {MAX_LINE // 1_000_000} MB", hint="give it as JSON lines")
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8 text (byte {error.start})", hint="convert it, e.g. with iconv -t utf-8"
        ) from error
    except _DAMAGES as error:
        raise _unreadable(path, error) from error


def _lines(path: Path) -> Iterator[RawLine]:
    try:
        with _open(path) as file:
            yield from read_lines(file)
    except _DAMAGES as error:
        raise _unreadable(path, error) from error


def _open(path: Path) -> BinaryIO:
    """Open a file, gzipped or not."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if is_packed else path.open("rb")


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"cannot read {path}: {reason}", hint="check the path given to --data")


def field(row: Row, names: tuple[str, ...], where: str) -> str:
    """Return the text under the first of several names; numbers count as their text.

    Raises:
        InputError: the row has none of them, or no text under it.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    have = ", ".join(map(str, row)) or "none"
    raise InputError(f"{where}: no text field {' or '.join(names)}, has: {cut(have)}", hint="rename the row's fields")


def _local(data: Path, names: tuple[str, ...]) -> Path:
    if not data.exists():
        raise InputError(f"there is no file or directory {data}", hint="check the path given to --data")
    if not data.is_dir():
        return data
    for name in names:
        for found in (data / name, data / f"{name}.gz"):
            if found.is_file():
                return found
    raise InputError(f"{data} holds none of {', '.join(names)}", hint="name the file itself with --data FILE")


def _parsed(text: str | bytes, where: str) -> object:
    try:
        return decode(text)
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint="every line must be one JSON object") from error


def _object(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{where}: a {type(value).__name__}, expected a JSON object")
    return value


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    if find_spec("pyarrow") is None:
        raise InputError(
            f"{path.name} is a Parquet file, which needs pyarrow to be read",
            hint="pip install 'marco-cli[eval]', or give the data set as JSON lines with --data",
        )
    from pyarrow.parquet import read_table  # noqa: PLC0415 (an extra)

    try:
        rows: list[Row] = read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"cannot read {path}: {reason}", hint="check the path given to --data") from error
    for number, row in enumerate(rows, 1):
        yield f"{path.name} row {number}", row

"""An output file that can be continued after anything: a row a line, appended, flushed and synced one by one.

In: rows as bytes, what the run is (`configuration`, which must be the same to continue, and `facts`, which need not), and
a function that reads key, input hash, status and verdict off a row. Out: `PATH` with one JSON object a line, and beside it
`PATH.meta.json`, written before the first row. It knows nothing of what the rows mean.

    with open_journal(path, mode="resume", configuration=…, facts=…, read_entry=…) as journal:
        if journal.done.get(key) is None:
            journal.append(row)            # on disk when it returns

A file is locked while it is open. Whatever ends the program, at most the last row is incomplete; opening the file again
removes it and says so in `notices`. Of each row that it holds, some 400 bytes are kept in memory.
"""

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from marco_cli import jsonl
from marco_cli.batch import files
from marco_cli.batch.entries import MAX_ROW, Done, JournalEntry, ReadEntry, entry_of
from marco_cli.batch.meta import Meta, check_meta, meta_path, plain, read_meta, write_meta
from marco_cli.config.home import is_there
from marco_cli.draft import remove_drafts
from marco_cli.errors import StorageError

Mode = Literal["create", "resume", "overwrite"]


class Journal:
    """A file that is open for appending, and the rows that it held when it was opened."""

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        read_entry: ReadEntry,
        *,
        is_new: bool,
        describe: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.done: Done = {}
        """The rows found at opening, or at the last `arrange`; not those appended since."""
        self.notices: list[str] = []
        """What the user should know, one line each."""
        self._file = file
        self._read_entry = read_entry
        self._is_new = is_new
        self._describe = describe
        """Writes the meta file of a file that is begun anew; until it is called, the old rows are still there."""
        self._end = os.fstat(file.fileno()).st_size if describe is None else 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file and let others have it.

        One that was begun here and came to nothing is removed; one that was to be begun anew is as it was, unless all
        went well.
        """
        with self._lock:
            try:
                if error is None:
                    self._begin()
                elif self._is_new and self.is_empty:
                    meta_path(self.path).unlink(missing_ok=True)
                    self.path.unlink(missing_ok=True)
            finally:
                self._file.close()

    @property
    def is_empty(self) -> bool:
        """Whether the file has no rows."""
        return self._end == 0

    def append(self, row: bytes) -> None:
        """Add a row, which ends with its line feed; when this returns it is on the disk. May be called in any thread.

        Raises:
            StorageError: it cannot be written; the file ends with the row before.
        """
        with self._lock:
            self._begin()
            # Where the last whole row ends, whatever an earlier write that failed has left behind it.
            os.lseek(self._file.fileno(), self._end, os.SEEK_SET)
            try:
                files.write_all(self._file, row)
                os.fsync(self._file.fileno())
            except OSError as error:
                os.ftruncate(self._file.fileno(), self._end)
                raise _unwritable(self.path, error, "free some space, then go on with --resume") from error
            self._end += len(row)  # only now: until it is synced the row does not count

    def _begin(self) -> None:
        """Drop the rows of a file that is begun anew."""
        if self._describe is None:
            return
        try:
            # In this order: old rows under a new description would be taken for the new run's.
            self._file.truncate(0)
            self._describe()
        except OSError as error:
            raise _unwritable(self.path, error, "free some space, or name another file") from error
        self._describe = None

    def arrange(self, position_of: Callable[[JournalEntry], int | None]) -> int:
        """Put the rows in the order of their positions, in one step; return how many rows are gone.

        Args:
            position_of: where the row of an entry belongs; equal positions keep their order, None removes the row.
                Of several rows with one key only the last is kept.

        Raises:
            StorageError: the new file cannot be written; the old one stays as it was.
        """
        with self._lock:
            self._begin()
            spans, num_gone = self._arranged(position_of)
            if num_gone or spans != sorted(spans):  # a file that is in order already is not written again
                self._file = files.rewrite(self.path, self._file, spans)
                self._end = os.fstat(self._file.fileno()).st_size
            self.scan()
            return num_gone

    def _arranged(self, position_of: Callable[[JournalEntry], int | None]) -> tuple[list[tuple[int, int]], int]:
        """Return where the rows to keep begin and end, in their new order, and how many are gone."""
        kept: dict[str, tuple[int, tuple[int, int]]] = {}
        begin = num_rows = 0
        for entry, end in self._rows():
            num_rows += 1
            kept.pop(entry.key, None)  # so that the last row of a key counts, and stands where it came last
            position = position_of(entry)
            if position is not None:
                kept[entry.key] = position, (begin, end)
            begin = end
        spans = [span for _, span in sorted(kept.values(), key=itemgetter(0))]
        return spans, num_rows - len(spans)

    def scan(self) -> None:
        """Read the file from its beginning, note what is done, and cut off or complete its last line.

        Raises:
            StorageError: a line before the last is not a row.
        """
        self.done = {entry.key: entry for entry, _ in self._rows()}

    def _rows(self) -> Iterator[tuple[JournalEntry, int]]:
        """Yield every row with the offset of its end; repair the last one."""
        begin = 0
        # A descriptor of its own: closing the reader must not close the file, which is locked as long as it is open.
        with open(os.dup(self._file.fileno()), "rb") as reader:  # noqa: PTH123 (a descriptor, no path)
            reader.seek(0)
            for number, line in enumerate(jsonl.read_lines(reader, most=MAX_ROW), 1):
                entry = entry_of(self.path, line, number, self._read_entry, is_last=begin + line.size >= self._end)
                if entry is None:
                    self._cut(begin)
                    return
                begin += line.size
                if not line.data.endswith(b"\n"):
                    self._complete()
                    begin += 1
                yield entry, begin

    def _cut(self, begin: int) -> None:
        self.notices.append(f"{self.path.name}: the last row was incomplete and is done again")
        os.ftruncate(self._file.fileno(), begin)
        os.fsync(self._file.fileno())
        self._end = begin

    def _complete(self) -> None:
        """Add the line feed that the last row lacks."""
        os.lseek(self._file.fileno(), 0, os.SEEK_END)
        files.write_all(self._file, b"\n")
        os.fsync(self._file.fileno())
        self._end += 1


def open_journal(
    path: Path,
    *,
    mode: Mode,
    configuration: Mapping[str, object],
    facts: Mapping[str, object],
    read_entry: ReadEntry,
    force: bool = False,
) -> Journal:
    """Open an output file for appending, and lock it.

    Args:
        path: the file; `PATH.meta.json` is written beside it.
        mode: "create" refuses a file that exists, "resume" goes on with it (and begins one that does not exist),
            "overwrite" empties it, when its first row comes or it is closed without an error.
        configuration: what must be the same for rows to belong together.
        facts: what is worth knowing besides, at the beginning.
        read_entry: what a decoded row is the answer to.
        force: go on with a file of another configuration; the old one is kept in the meta file, under `earlier`.

    Raises:
        ConfigError: the file exists, is open in another run, is not a regular file, or was made with another configuration.
        StorageError: it cannot be written, or holds something else.
    """
    # A link stays a link: what it points to is locked, drafted beside and replaced.
    path = Path(os.path.realpath(path))
    is_new = not is_there(path)
    file = files.open_locked(path, must_be_new=mode == "create")
    for locked in (path, meta_path(path)):
        remove_drafts(locked)
    describe = partial(write_meta, path, configuration=configuration, facts=facts)
    try:
        if mode == "overwrite" and os.fstat(file.fileno()).st_size:
            return Journal(path, file, read_entry, is_new=False, describe=partial(describe, before=None))
        journal = Journal(path, file, read_entry, is_new=is_new)
        before = None if journal.is_empty else _scanned(journal, configuration, force=force)
        if before is None or before.configuration != plain(configuration):
            describe(before=before)
    except BaseException as error:
        _give_up(path, file, is_new=is_new)
        if isinstance(error, OSError):
            raise _unwritable(path, error, "free some space, or name another file") from error
        raise
    return journal


def _scanned(journal: Journal, configuration: Mapping[str, object], *, force: bool) -> Meta | None:
    """Read a file that has rows; return how it was described. One of another configuration is refused first, unread."""
    before = read_meta(journal.path)
    check_meta(journal.path, before, configuration, force=force)
    journal.scan()
    return before


def _give_up(path: Path, file: BinaryIO, *, is_new: bool) -> None:
    """Close a file; one that was made just now is removed, so that the same command can be tried again."""
    try:
        if is_new and not os.fstat(file.fileno()).st_size:
            path.unlink(missing_ok=True)
    finally:
        file.close()


def _unwritable(path: Path, error: OSError, hint: str) -> StorageError:
    reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
    return StorageError(f"cannot write {path}: {reason}", hint=hint)

"""Files that others must not write at the same time, and that are never half written.

In: paths, descriptors, bytes. Out: files on disk that survive a power cut. Errors of the operating system pass through
unless they have a meaning of their own here.
"""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from marco_cli.draft import make_draft, sync_directory
from marco_cli.errors import ConfigError, StorageError, os_errors_as
from marco_cli.lock import lock

_BLOCK: Final = 1 << 20


def open_locked(path: Path, *, must_be_new: bool) -> BinaryIO:
    """Open a file for reading and writing, make it if it does not exist, and keep others out until it is closed.

    Raises:
        ConfigError: it exists and must be new, is not a regular file, or is locked.
        StorageError: it cannot be opened.
    """
    while True:
        file = _open(path, must_be_new=must_be_new)
        try:
            _refuse_special(file, path)
            _lock(file, path)
            if _is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # another file was put in its place in between


def _open(path: Path, *, must_be_new: bool) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a directory", hint="name a file in it")
        descriptor = os.open(path, flags | (os.O_EXCL if must_be_new else 0), 0o666)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} exists already", hint="--resume goes on with it, --overwrite begins it anew"
        ) from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", hint="check the path, or name another") from error
    return os.fdopen(descriptor, "r+b", buffering=0)


def _refuse_special(file: BinaryIO, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise ConfigError(f"{path} is not a regular file", hint="name a file, or - for stdout")


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        lock(file)
    except BlockingIOError as error:
        raise ConfigError(
            f"{path} is being written by another run", hint="wait for it, or name another file"
        ) from error


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write every byte at the current position of an unbuffered file."""
    view = memoryview(data)
    while view:
        view = view[os.write(file.fileno(), view) :]


def rewrite(path: Path, source: BinaryIO, spans: Iterable[tuple[int, int]]) -> BinaryIO:
    """Put stretches [begin, end) of a locked file in another order, in place and as a whole; return the new, locked file.

    Raises:
        StorageError: the new file cannot be written; the old one stays open, locked and as it was.
    """
    hint = "free some space, then go on with --resume"
    with os_errors_as(StorageError, f"cannot write {path} anew", hint=hint):
        descriptor, draft = make_draft(path)
        target = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _lock(target, draft)
            for begin, end in spans:
                _copy(source, target, begin, end)
            os.fsync(target.fileno())
            draft.replace(path)
        except BaseException:
            target.close()
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise
    source.close()
    sync_directory(path.parent)
    return target


def _copy(source: BinaryIO, target: BinaryIO, begin: int, end: int) -> None:
    source.seek(begin)
    while begin < end:
        block = source.read(min(_BLOCK, end - begin))
        write_all(target, block)
        begin += len(block)

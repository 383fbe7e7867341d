"""A file that is written beside its place and then put there: a reader finds the old one or the new one, whole.

In: a path. Out: a file beside it, of a name that no other file has, as open to others as what it replaces, and the step into
its place, which survives a power cut. What a symbolic link points to is replaced, and the link stays one; a directory, a pipe
or a device is not. Errors of the operating system pass through.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_SUFFIX: Final = ".part"
_TOKEN_BYTES: Final = 8
_MOST_BYTES: Final = 200
"""Bytes of a name that goes into its draft's name as a whole: file systems end at 255."""


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a file for writing that is put in the place of `path` when the block ends; when it raises, nothing has changed.

    `mode` is that of a file where there was none, less the umask.
    """
    target = Path(os.path.realpath(path))
    descriptor, draft = make_draft(target, mode=mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_directory(target.parent)


def put(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Put a file in place as a whole."""
    with replacing(path, mode=mode) as file:
        file.write(data)


def make_draft(path: Path, *, mode: int = 0o666) -> tuple[int, Path]:
    """Make an empty file beside `path`, which is not a link; return a descriptor to read and write it, and where it is.

    It has the mode of the file at `path`; without one `mode`, less the umask.
    """
    known = None
    with contextlib.suppress(FileNotFoundError):
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        known = stat.S_IMODE(about.st_mode)
    name = path.name if len(os.fsencode(path.name)) <= _MOST_BYTES else path.name[: _MOST_BYTES // 4]
    draft = path.with_name(f".{name}.{secrets.token_hex(_TOKEN_BYTES)}{_SUFFIX}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(draft, flags, mode if known is None else known)
    try:
        if known is not None and known != stat.S_IMODE(os.fstat(descriptor).st_mode):
            draft.chmod(known)
    except BaseException:
        os.close(descriptor)
        draft.unlink()
        raise
    return descriptor, draft


def remove_drafts(path: Path) -> None:
    """Remove the drafts of `path` that killed programs left; only for who keeps others from writing it."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}{re.escape(_SUFFIX)}")
    with contextlib.suppress(OSError):  # where one may not look or delete, they stay, and do no harm
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name):
                Path(entry.path).unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make a new name in a directory survive a power cut, where directories can be synced."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

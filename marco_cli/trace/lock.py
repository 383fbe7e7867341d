"""One writer at a time on one file, among all processes of this machine; the lock dies with its process."""

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

if sys.platform != "win32":
    import fcntl


PATIENCE: Final = 5.0
"""Seconds. Writing one line takes milliseconds: who holds a lock for longer will not let it go."""
_PAUSE: Final = 0.02
"""Seconds between two tries."""
NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of file systems that know no locks: there, nobody can be kept out."""


@contextmanager
def locked(file: IO[bytes]) -> Iterator[None]:
    """Hold a file's lock; waits for whoever holds it.

    On Windows, and on file systems that know no locks, processes must take turns by themselves.

    Raises:
        BlockingIOError: it was not free within `PATIENCE`.

    """
    if sys.platform == "win32":
        yield
        return
    is_locked = _lock(file)
    try:
        yield
    finally:
        if is_locked:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


if sys.platform != "win32":

    def _lock(file: IO[bytes]) -> bool:
        """Return whether the file system knows locks."""
        last = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > last:
                    raise BlockingIOError(errno.EAGAIN, "it is being written by another run") from error
                time.sleep(_PAUSE)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                return False
            else:
                return True

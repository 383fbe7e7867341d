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


@contextmanager
def locked(file: IO[bytes]) -> Iterator[None]:
    """Hold a file's lock; waits for whoever holds it. On Windows, processes must take turns by themselves.

    Raises:
        BlockingIOError: it was not free within `PATIENCE`.

    """
    if sys.platform == "win32":
        yield
        return
    _lock(file)
    try:
        yield
    finally:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)


if sys.platform != "win32":

    def _lock(file: IO[bytes]) -> None:
        last = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > last:
                    raise BlockingIOError(errno.EAGAIN, "it is being written by another run") from error
                time.sleep(_PAUSE)
            else:
                return

"""One writer at a time on one file, among all processes of this machine; the lock dies with its process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(file: IO[bytes]) -> Iterator[None]:
    """Hold a file's lock; waits for whoever holds it. On Windows, processes must take turns by themselves."""
    if sys.platform == "win32":
        yield
        return
    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)

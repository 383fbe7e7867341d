"""One writer at a time on one file, among all processes of this machine; the lock dies with its process.

On Windows, and on file systems that know no locks, processes must take turns by themselves.
"""

import errno
import sys
import time
from typing import IO, Final

PATIENCE: Final = 5.0
"""Seconds. Writing one line takes milliseconds: who holds a lock for longer will not let it go."""
_PAUSE: Final = 0.02
"""Seconds between two tries."""
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""Errors of file systems that know no locks."""


def lock(file: IO[bytes], *, patience: float = 0.0) -> None:
    """Hold the lock of an open file until it is closed.

    Raises:
        BlockingIOError: it was not free within `patience` seconds.
    """
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 (only where it exists)

    last = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= last:
                raise BlockingIOError(errno.EAGAIN, "it is being written by another run") from error
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return
        else:
            return

"""Processes that compute with every core take turns, one decode call each.

Two such processes at once make each call wait for threads that the other one keeps from running. In turns, each call has the
cores to itself, and the tokens stay what they are, as they would not with another number of threads.

A turn is the lock of a file. A process that waits for it holds the lock of a second file, the queue, so one that has just had
its turn does not have the next before the others. Nothing breaks where the locks cannot be had, nor when a process that holds
one is stopped or slow: a call that has waited too long is made without a turn.
"""

import contextlib
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from marco_cli.engine.hardware import allowed_cpus

if sys.platform != "win32":
    import fcntl

POLL_SECONDS = 0.0005

PATIENCE = 3.0
"""How long to wait for a turn, as a multiple of the last call: the call of a like process takes about 1."""

FIRST_PATIENCE = 0.1
"""The same in seconds, before there was a call."""

FEWEST_WITHOUT = 10
MOST_WITHOUT = 160
"""Calls to make without a turn after one that did not come, doubled each time that it does not come again."""


class Lock(Protocol):
    """A lock between processes."""

    def acquire(self) -> bool:
        """Take the lock if it is free, and say so."""
        ...

    def release(self) -> None:
        """Give the lock back."""
        ...


class FileLock:
    """The lock of a file, which the system gives back when the process ends."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            OSError: that cannot be done.

        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def acquire(self) -> bool:
        """See `Lock.acquire`."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """See `Lock.release`."""
        fcntl.flock(self._file, fcntl.LOCK_UN)


class Turns:
    """The turns of one process."""

    def __init__(
        self,
        queue: Lock,
        turn: Lock,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue = queue
        self._turn = turn
        self._clock = clock
        self._sleep = sleep
        self._patience = FIRST_PATIENCE
        self._without = 0
        self._next_without = FEWEST_WITHOUT

    @contextlib.contextmanager
    def taken(self) -> Iterator[bool]:
        """Wait for a turn, hold it while a call is made, and say whether it came in time."""
        is_ours = self._wait()
        started = self._clock()
        try:
            yield is_ours
        finally:
            self._patience = PATIENCE * (self._clock() - started)
            if is_ours:
                self._turn.release()

    def _wait(self) -> bool:
        if self._without:
            self._without -= 1
            return False
        deadline = self._clock() + self._patience
        if self._poll(self._queue, deadline):
            try:
                if self._poll(self._turn, deadline):
                    self._next_without = FEWEST_WITHOUT
                    return True
            finally:
                self._queue.release()
        self._without = self._next_without
        self._next_without = min(2 * self._without, MOST_WITHOUT)
        return False

    def _poll(self, lock: Lock, deadline: float) -> bool:
        while not lock.acquire():
            if self._clock() >= deadline:
                return False
            self._sleep(POLL_SECONDS)
        return True


@functools.cache
def of_this_user() -> Turns | None:
    """Return the turns that the user's processes on the same cores of this machine take; None where there are no locks."""
    if sys.platform == "win32":
        return None
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())  # of this machine, as a home may not be
    cores = f"{sum(1 << cpu for cpu in allowed_cpus()):x}"
    try:
        queue, turn = (FileLock(folder / f"marco-{os.getuid()}-{cores}.{name}") for name in ("queue", "turn"))
    except OSError:
        return None
    return Turns(queue, turn)

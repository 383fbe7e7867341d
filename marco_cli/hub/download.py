"""One file from a web server to its place on disk: resumable, verified, atomic.

In: a URL with the size and sha256 that the result must have. Out: the file, whole and verified, or an error with the
bytes so far kept. Progress leaves as `TransferEvent`s; nothing is drawn here and nothing is known of models or hubs.
`partial_file` keeps the bytes, `range_request` asks for them; this is the loop between the two.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import filelock

from marco_cli.errors import NetworkError, StorageError
from marco_cli.hub.partial_file import PartialFile, storage_errors
from marco_cli.hub.range_request import RangeAnswer, TransientError, get, host, without_secrets

CHUNK: Final = 1 << 20
"""The most bytes held in memory, hence the most that a killed transfer fetches twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """What to fetch, and what it must turn out to be."""

    url: str
    size: int
    sha256: str | None
    """64 hexadecimal digits; None when the server knows none: then only the size is checked."""


EventKind = Literal["waiting", "hashing", "receiving", "retrying", "restarting", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent:
    """Something that happened on the way."""

    kind: EventKind
    name: str
    done: int
    """Bytes that are here."""
    total: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of a transfer."""

    sha256: str
    size: int
    received: int
    """Bytes that came over the network in this run."""
    resumed_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How failures that may pass are retried: `attempts` in a row without progress, then the transfer gives up."""

    attempts: int = 6
    first_delay: float = 1.0
    """Seconds; doubles with each attempt."""
    max_delay: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda _: None
    """Hears why and when the hub is asked again."""

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Return the seconds to wait after failure number `attempt` (from 1); the server's wish wins, both capped."""
        wanted = self.first_delay * 2 ** (attempt - 1) if retry_after is None else retry_after
        return min(wanted, self.max_delay)


def checked(sha256: str | None) -> str:
    """Return the detail of a finished file: empty where it was compared with a hash, else a warning."""
    return "" if sha256 else "size only, no checksum"


def ignore(_event: TransferEvent) -> None:
    """Hear nothing."""


def fetch(
    remote: WebFile,
    target: Path,
    *,
    staging: Path,
    headers: Mapping[str, str] | None = None,
    on_event: Callable[[TransferEvent], None] = ignore,
    before_publish: Callable[[Receipt], None] = lambda _: None,
    is_wanted: Callable[[], bool] = lambda: True,
    retry: Retry | None = None,
    timeout: float = 30.0,
) -> Receipt | None:
    """Bring a file to `target`, continuing what an earlier run left in `staging`.

    Args:
        remote: What to fetch.
        target: Where it goes; it appears by one atomic rename once its hash is right, never before.
        staging: A directory on the same filesystem for the unfinished file and its lock.
        headers: Sent with the request; `Authorization` never reaches another host, port or scheme.
        on_event: Hears what happens, at most once a chunk.
        before_publish: Called with the verified result just before the rename.
        is_wanted: Asked once the lock is held: False when another process has brought the file; then None is returned.
        retry: How transient failures are retried; None for the defaults.
        timeout: Seconds without a byte after which a connection counts as lost.

    Raises:
        NetworkError: The server could not be reached, refused, or went away; the bytes so far are kept.
        StorageError: The disk is full or not writable, or the content is not what was promised.
        ModelNotFoundError: The server has no such file.
    """
    with storage_errors(target):
        staging.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)

    transfer = _Transfer(remote, target.name, headers=dict(headers or {}), on_event=on_event, timeout=timeout)
    with _locked(staging / f"{target.name}.lock", transfer.emit):
        if not is_wanted():
            return None
        with contextlib.closing(_partial_file(remote, staging / f"{target.name}.part")) as part:
            receipt = transfer.complete(part, retry or Retry())
            before_publish(receipt)
            part.publish(target)
            transfer.emit("done", receipt.size, checked(remote.sha256))
            return receipt


def _partial_file(remote: WebFile, path: Path) -> PartialFile:
    return PartialFile(path, url=without_secrets(remote.url), size=remote.size, sha256=remote.sha256)


@contextlib.contextmanager
def _locked(path: Path, emit: Callable[[EventKind, int, str], None]) -> Iterator[None]:
    """Hold the lock of a file; a second process says so and waits. The system frees it when a process dies."""
    lock = filelock.FileLock(path)
    with storage_errors(path):
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            emit("waiting", 0, "another pull is fetching it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Transfer:
    """One run at one file: requests that extend the partial file until it is whole and right."""

    _part: PartialFile

    def __init__(
        self,
        remote: WebFile,
        name: str,
        *,
        headers: dict[str, str],
        on_event: Callable[[TransferEvent], None],
        timeout: float,
    ) -> None:
        self._remote = remote
        self._name = name
        self._headers = headers
        self._on_event = on_event
        self._timeout = timeout
        self._received = 0

    def emit(self, kind: EventKind, done: int, detail: str = "") -> None:
        """Tell what happens."""
        self._on_event(TransferEvent(kind=kind, name=self._name, done=done, total=self._remote.size, detail=detail))

    def complete(self, part: PartialFile, retry: Retry) -> Receipt:
        """Return once the partial file is whole and its hash is right."""
        self._part = part
        part.adopt(lambda length: self.emit("hashing", length))
        resumed_from = part.length
        self._receive_all(retry)
        if not part.is_right and resumed_from:
            # Power loss can leave a prefix that never reached the disk: one fresh start is the cure.
            self._restart("what an earlier run left was damaged")
            resumed_from = 0
            self._receive_all(retry)
        if not part.is_right:
            part.reset()
            raise StorageError(
                f"{self._name} arrived with another sha256 than the hub states; it was discarded",
                hint="run the same command again; if it repeats, the mirror (HF_ENDPOINT) serves another file",
            )
        return Receipt(sha256=part.hexdigest, size=part.length, received=self._received, resumed_from=resumed_from)

    def _restart(self, why: str) -> None:
        self._part.reset()
        self.emit("restarting", 0, why)

    def _receive_all(self, retry: Retry) -> None:
        """Request what is missing until nothing is; failures count until the file grows beyond what it ever was."""
        self._part.check_free_space()
        failures, farthest = 0, self._part.length
        while self._part.length < self._remote.size:
            try:
                self._request()
            except TransientError as error:
                failures = 1 if self._part.length > farthest else failures + 1
                farthest = max(farthest, self._part.length)
                if failures >= retry.attempts:
                    raise NetworkError(
                        f"{host(self._remote.url)}: {error}; "
                        f"{self._part.length} of {self._remote.size} bytes of {self._name} are here",
                        hint="run the same command again to continue",
                    ) from error
                delay = retry.delay(failures, error.retry_after)
                self.emit("retrying", self._part.length, f"{error}, trying again in {delay:.0f} s")
                retry.sleep(delay)

    def _request(self) -> None:
        """Make one request for what is missing and write what it brings."""
        first_byte = self._part.length
        with get(
            self._remote.url, self._headers, first_byte=first_byte, timeout=self._timeout, name=self._name
        ) as answer:
            self._check(answer)
            self._part.note(answer.etag)
            while (missing := self._remote.size - self._part.length) > 0:
                block = answer.response.read1(min(CHUNK, missing))
                if not block:
                    raise TransientError("the connection was closed early")
                self._received += len(block)
                self._part.append(block)
                self.emit("receiving", self._part.length)

    def _check(self, answer: RangeAnswer) -> None:
        """Accept an answer that continues or begins the file; start over or refuse otherwise."""
        part = self._part
        if answer.status == 416:
            self._restart("the server does not have the bytes that are missing")
            raise TransientError("the server refused the range")
        if answer.stated_size not in (None, self._remote.size):
            raise NetworkError(
                f"{host(self._remote.url)} offers {answer.stated_size} bytes for {self._name}, "
                f"the hub states {self._remote.size}",
                hint="run the same command again; if it repeats, the mirror (HF_ENDPOINT) serves another file",
            )
        if part.length and part.etag and answer.etag and answer.etag != part.etag:
            self._restart("the file changed on the server")
        elif part.length and answer.status == 200:
            self._restart("the server cannot continue a transfer")
        if answer.first_byte != part.length:
            raise TransientError("the server sent another range than was asked for", 0.0)

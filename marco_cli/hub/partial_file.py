"""An unfinished file on disk: what is here of it, what it belongs to, and the way to its final place.

In: blocks of bytes in order. Out: a whole file with a known sha256. It knows no network.

    name.part        the bytes so far, written as they arrive
    name.part.json   {url, etag, sha256, size, bytes}: what they belong to; `bytes` are known to have reached the disk

The bytes of an earlier run are trusted only as a prefix: they are hashed again, and the final hash decides.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from marco_cli.draft import put, sync_directory
from marco_cli.errors import StorageError

BLOCK: Final = 1 << 20
_SYNC_EVERY: Final = 64 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What a partial file belongs to."""

    url: str
    """Without user, password and query: those can carry secrets."""
    etag: str | None
    sha256: str | None
    size: int
    bytes: int


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the disk says into a StorageError with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                f"the disk is full while writing {path}; what arrived is kept",
                hint="free some space, or set MARCO_MODELS_DIR to another disk, then run the same command again",
            ) from error
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}",
            hint="check its permissions, or set MARCO_MODELS_DIR to a directory of your own",
        ) from error


def check_free_space(directory: Path, missing: int, name: str) -> None:
    """Raise StorageError unless the disk of a directory has room for `missing` bytes and 5 % more."""
    needed = missing + missing // 20
    with storage_errors(directory):
        free = shutil.disk_usage(directory).free
    if free < needed:
        raise StorageError(
            f"{name} needs {needed / 1e6:.1f} MB more in {directory}, {free / 1e6:.1f} MB are free",
            hint="free some space, or set MARCO_MODELS_DIR to another disk",
        )


class PartialFile:
    """The one writer of a partial file; `length` bytes are here and `hexdigest` is their sha256."""

    def __init__(self, path: Path, *, url: str, size: int, sha256: str | None) -> None:
        """Open or create `path` for content of `size` bytes (`sha256` None: unknown) that comes from `url`."""
        self.path = path
        self.etag: str | None = None
        self.length = 0
        self._sidecar_path = path.with_name(path.name + ".json")
        self._url, self._size, self._sha256 = url, size, sha256
        self._digest = hashlib.sha256()
        self._synced = 0
        with storage_errors(path):
            # Unbuffered: what was received is in the kernel's hands at once, so a kill loses none of it.
            self._file = path.open("ab", buffering=0)

    @property
    def hexdigest(self) -> str:
        """Return the sha256 of the bytes that are here."""
        return self._digest.hexdigest()

    @property
    def is_right(self) -> bool:
        """Return whether the bytes that are here have the hash that was promised."""
        return self._sha256 in (None, self.hexdigest)

    def adopt(self, on_length: Callable[[int], None]) -> None:
        """Continue what an earlier run left if it belongs to the same content, hashing it; drop it otherwise."""
        with storage_errors(self.path):
            left = self.path.stat().st_size
        sidecar = self._read_sidecar()
        if left and (sidecar is None or left > self._size or not self._belongs(sidecar)):
            self.reset()
        elif left and sidecar is not None:
            self.etag = sidecar.etag
            with storage_errors(self.path), self.path.open("rb") as file:
                while block := file.read(BLOCK):
                    self._digest.update(block)
                    self.length += len(block)
                    on_length(self.length)
            self._synced = self.length

    def _belongs(self, sidecar: Sidecar) -> bool:
        promised = (sidecar.sha256, sidecar.size) == (self._sha256, self._size)
        return promised and (self._sha256 is not None or sidecar.url == self._url)

    def _read_sidecar(self) -> Sidecar | None:
        """Return what the bytes belong to; None when that is not known, so that they are dropped."""
        if not self._sidecar_path.is_file():
            return None
        try:
            return Sidecar(**json.loads(self._sidecar_path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            return None

    def note(self, etag: str | None) -> None:
        """Write down what the bytes belong to; call before the first of them is written."""
        self.etag = etag
        sidecar = Sidecar(url=self._url, etag=etag, sha256=self._sha256, size=self._size, bytes=self._synced)
        with storage_errors(self.path):
            put(self._sidecar_path, json.dumps(asdict(sidecar)).encode() + b"\n")

    def append(self, block: bytes) -> None:
        """Write a block at the end; a disk that fills up keeps what it took of it."""
        view = memoryview(block)
        with storage_errors(self.path):
            while view:
                written = self._file.write(view)
                self._digest.update(view[:written])
                self.length += written
                view = view[written:]
            if self.length - self._synced >= _SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._synced = self.length
                self.note(self.etag)

    def reset(self) -> None:
        """Drop all bytes and forget what they belonged to."""
        with storage_errors(self.path):
            self._file.truncate(0)
            self._sidecar_path.unlink(missing_ok=True)
        self.length = self._synced = 0
        self.etag = None
        self._digest = hashlib.sha256()

    def check_free_space(self) -> None:
        """Raise StorageError unless the disk has room for what is missing and 5 % more."""
        check_free_space(self.path.parent, self._size - self.length, self.path.name.removesuffix(".part"))

    def publish(self, target: Path) -> None:
        """Move the finished file to its place, durably; from here on it is not a partial file."""
        with storage_errors(target):
            os.fsync(self._file.fileno())
            self._file.close()
            self.path.replace(target)
            self._sidecar_path.unlink(missing_ok=True)
            sync_directory(target.parent)

    def close(self) -> None:
        """Close the file; what is here stays for the next run."""
        self._file.close()

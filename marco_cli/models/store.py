"""Where model files lie on this machine, and what is recorded of them.

In: repository names and the environment. Out: paths and records. Pure filesystem: nothing here imports a hub client
or opens a socket, so a start with an installed model makes no request.

    MODELS_DIR/user/repo[@revision]/folder/file.gguf        the weights; absent when another cache holds them
    MODELS_DIR/user/repo[@revision]/folder/file.gguf.json   its record: what the hub said when it was pulled
    MODELS_DIR/.partial/                                    unfinished transfers and locks; never a model
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import platformdirs

from marco_cli.config.home import expanded
from marco_cli.draft import put

RECORD_VERSION: Final = 1
PARTIAL: Final = ".partial"
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS: Final = "*.[gG][gG][uU][fF]"

Origin = Literal["catalogue", "hub-cache", "path", "bundled", "alias"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the hub said about one file when it was pulled."""

    repo: str
    revision: str
    commit: str
    file: str
    size: int
    sha256: str | None
    """None where the hub states none: then the size alone was checked."""
    cached_at: str | None = None
    """Absolute path in the hub cache when the file was used from there; None when it lies beside the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """One file of a repository that is on this machine."""

    path: Path
    source: Origin
    size: int
    sha256: str | None
    stated_size: int | None = None
    """Bytes that the hub stated when it was pulled; None when it was not pulled."""


def is_offline(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment forbids the network, by the hub client's own variables."""
    return any((environ.get(name) or "").upper() in _TRUE for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the models directory: `MARCO_MODELS_DIR`, or `models` in the platform's data directory."""
    chosen = environ.get("MARCO_MODELS_DIR")
    return expanded(chosen) if chosen else Path(platformdirs.user_data_dir("marco", appauthor=False)) / "models"


def hub_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the cache directory of huggingface_hub, by the rules of its documentation, without importing it."""
    home = environ.get("HF_HOME") or str(
        Path(environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache") / "huggingface"
    )
    chosen = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or str(Path(home) / "hub")
    return expanded(os.path.expandvars(chosen))


def folder(root: Path, repo: str, revision: str | None) -> Path:
    """Return where files of a repository go; a revision that was named has its own folder."""
    user, _, name = repo.partition("/")
    return root / user / (name if revision is None else f"{name}@{quote(revision, safe='')}")


def record_path(model: Path) -> Path:
    """Return the path of a model's record."""
    return model.with_name(model.name + ".json")


def lies_in(path: Path, root: Path) -> bool:
    """Tell whether a path names an entry of a directory or of one below it, once `..` and links on the way are followed.

    A link that lies there is such an entry, wherever it leads: to delete it deletes nothing else.
    """
    above = Path(os.path.realpath(path.parent))
    return path.name not in ("", "..") and above.is_relative_to(os.path.realpath(root))


def write_record(model: Path, record: Record) -> None:
    """Write the record of a model atomically."""
    path = record_path(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, json.dumps({"v": RECORD_VERSION, **asdict(record)}, indent=1).encode() + b"\n")


def read_record(model: Path) -> Record | None:
    """Read the record of a model; None when it has none or an unreadable one: then nothing vouches for the file."""
    path = record_path(model)
    if not path.is_file():
        return None
    try:
        row: Any = json.loads(path.read_text(encoding="utf-8"))
        row.pop("v")
        record = Record(**row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    is_hash = record.sha256 is None or _SHA256.fullmatch(str(record.sha256))
    return record if type(record.size) is int and is_hash else None


def recorded(model: Path, source: Origin) -> LocalFile:
    """Return a file with what its record states; of one without a record nothing is stated."""
    record = read_record(model)
    sha256, stated = (record.sha256, record.size) if record else (None, None)
    return LocalFile(path=model, source=source, size=model.stat().st_size, sha256=sha256, stated_size=stated)


def available(repo: str, revision: str | None, environ: Mapping[str, str] = os.environ) -> dict[str, LocalFile]:
    """Return the GGUF files of a repository that are here, by their path in it; our own copies come first."""
    return _in_hub_cache(repo, revision, environ) | files_in(folder(directory(environ), repo, revision))


def files_in(home: Path) -> dict[str, LocalFile]:
    """Return the GGUF files below a folder of the models directory by their path in it, records of cached ones too."""
    found: dict[str, LocalFile] = {}
    for path in sorted({*home.rglob(_WEIGHTS), *(path.with_suffix("") for path in home.rglob(f"{_WEIGHTS}.json"))}):
        name = path.relative_to(home).as_posix()
        if path.is_file():
            found[name] = recorded(path, "catalogue")
        elif (record := read_record(path)) and record.cached_at and (actual := Path(record.cached_at)).is_file():
            size, stated = actual.stat().st_size, record.size
            found[name] = LocalFile(
                path=actual, source="hub-cache", size=size, sha256=record.sha256, stated_size=stated
            )
    return found


def _in_hub_cache(repo: str, revision: str | None, environ: Mapping[str, str]) -> dict[str, LocalFile]:
    root = hub_cache(environ) / f"models--{repo.replace('/', '--')}"
    commit = revision or "main"
    pointer = root / "refs" / commit
    if pointer.is_file():
        commit = pointer.read_text(encoding="ascii", errors="replace").strip()
    snapshot = root / "snapshots" / commit
    if not _COMMIT.fullmatch(commit) or not snapshot.is_dir():
        return {}
    found: dict[str, LocalFile] = {}
    for path in sorted(snapshot.rglob(_WEIGHTS)):
        if path.is_file():
            # The cache stores a large file under its sha256 and links to it.
            blob = path.resolve().name
            sha256 = blob if _SHA256.fullmatch(blob) else None
            name = path.relative_to(snapshot).as_posix()
            found[name] = LocalFile(path=path, source="hub-cache", size=path.stat().st_size, sha256=sha256)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedTransfer:
    """What a transfer left that has not come to its end."""

    name: str
    """Path of the file below the models directory that it will become."""
    path: Path
    done: int


def unfinished(environ: Mapping[str, str] = os.environ) -> tuple[UnfinishedTransfer, ...]:
    """Return the transfers that a pull would continue, or `remove_unfinished` drop."""
    root = directory(environ) / PARTIAL
    return tuple(
        UnfinishedTransfer(
            name=path.relative_to(root).as_posix().removesuffix(".part"), path=path, done=path.stat().st_size
        )
        for path in sorted(root.rglob("*.part"))
        if lies_in(path, directory(environ))
    )


def remove_unfinished(environ: Mapping[str, str] = os.environ) -> int:
    """Delete all unfinished transfers; return the bytes freed."""
    left = unfinished(environ)
    for transfer in left:
        transfer.path.unlink()
        transfer.path.with_name(transfer.path.name + ".json").unlink(missing_ok=True)
    return sum(transfer.done for transfer in left)

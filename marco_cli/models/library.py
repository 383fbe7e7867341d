"""The models on this machine: finding one, listing all, checking that they are intact, taking them away.

In: a specification (see `catalog.parse`), or an alias. Out: located models. Pure filesystem, like `store` below it: nothing
here imports a hub client or opens a socket, so a start with an installed model makes no request.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from marco_cli.config.home import is_directory, is_file
from marco_cli.errors import ConfigError, ModelNotFoundError, StorageError, os_errors_as
from marco_cli.models import catalog
from marco_cli.models.alias import meaning, own_names
from marco_cli.models.store import (
    PARTIAL,
    LocalFile,
    Origin,
    available,
    directory,
    files_in,
    lies_in,
    read_record,
    record_path,
    recorded,
)

Evidence = Literal["sha256", "sha256 unchecked", "size", "none"]
"""Why a file is believed to be what the hub has: its hash was compared, its hash is known but was not, its size was, nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedModel:
    """A model that is here. Of a split model, `path` is the first part, which is what llama.cpp opens."""

    name: str
    path: Path
    source: Origin
    files: tuple[Path, ...]
    """All parts, in order."""
    hashes: tuple[str | None, ...]
    """The recorded sha256 of each part; None where nothing vouches for it."""
    stated_sizes: tuple[int | None, ...] = ()
    """The bytes that the hub stated for each part when it was pulled; None or missing where it was not."""
    preset: str | None = None
    """The preset that the catalogue names for it."""

    @property
    def sha256(self) -> str | None:
        """Return the recorded sha256 of `path`; None when nothing vouches for it."""
        return self.hashes[0]

    @property
    def evidence(self) -> Evidence:
        """Return what was checked against the hub when every part was pulled."""
        if not self.stated_sizes or None in self.stated_sizes:
            return "none" if None in self.hashes else "sha256 unchecked"
        return "size" if None in self.hashes else "sha256"

    @property
    def size(self) -> int:
        """Return the bytes of all parts."""
        return sum(file.stat().st_size for file in self.files)


def locate(spec: str, environ: Mapping[str, str] = os.environ) -> LocatedModel:
    """Find a model on this machine; no network.

    Raises:
        ConfigError: The specification is malformed.
        ModelNotFoundError: It is not here; the hint is the command that brings it, or the list of what is here.
        StorageError: It may be an alias, and the file that holds them cannot be read.
    """
    meant = meaning(spec, environ)
    reference = catalog.parse(meant, own_names=() if meant != spec else own_names(spec, environ))
    match reference:
        case catalog.PathReference() if meant != spec:
            return _locate_aliased(spec, reference.path)
        case catalog.PathReference():
            return _locate_path(reference.path)
        case catalog.HubReference():
            return _locate_hub(reference, meant, environ)
        case catalog.RepositoryReference():
            return _locate_repository(reference, environ)
        case catalog.CatalogueReference():
            return _locate_entry(reference, meant, environ)


def _locate_aliased(name: str, path: Path) -> LocatedModel:
    try:
        return _locate_path(path)
    except ModelNotFoundError as error:
        hint = f"{name} is an alias of it: marco models alias {name} FILE, or --remove {name}"
        raise ModelNotFoundError(error.message, hint=hint) from error


def _locate_path(path: Path) -> LocatedModel:
    if path.name.lower().endswith(".part"):
        raise ModelNotFoundError(f"{path} is an unfinished transfer", hint="marco models pull continues it")
    if is_directory(path):
        raise ModelNotFoundError(f"{path} is a directory, expected a .gguf file", hint="marco models list")
    if not is_file(path):
        near = catalog.did_you_mean(path.name, _names_beside(path))
        raise ModelNotFoundError(f"no file at {path}{near}", hint="marco models list")
    parts = tuple(path.with_name(part) for part in catalog.parts_of(path.name))
    missing = [part.name for part in parts if not is_file(part)]
    if path != parts[0] or missing:
        wanted = f"{missing[0]} is missing" if missing else f"the first is {parts[0].name}"
        raise ModelNotFoundError(f"{path.name} is one of {len(parts)} parts, {wanted}", hint=f"--model {parts[0]}")
    return _located(path.stem, tuple(recorded(part, "path") for part in parts), None)


def _names_beside(path: Path) -> list[str]:
    """Return the GGUF files in the directory of a path; one that is not there, or may not be looked into, has none."""
    try:
        return [file.name for file in path.parent.iterdir() if file.suffix == ".gguf"]
    except OSError:
        return []


def _locate_hub(reference: catalog.HubReference, spec: str, environ: Mapping[str, str]) -> LocatedModel:
    name = reference.spelled(spec)
    here = available(reference.repo, reference.revision, environ)
    parts = catalog.parts_of(reference.file)
    if not all(part in here for part in parts):
        raise ModelNotFoundError(f"{name} is not on this machine", hint=f"marco models pull {name}")
    return _located(name, tuple(here[part] for part in parts), None)


def _locate_repository(reference: catalog.RepositoryReference, environ: Mapping[str, str]) -> LocatedModel:
    here = available(reference.repo, reference.revision, environ)
    found = catalog.matching(reference, catalog.weights(here))
    if not found:
        raise ModelNotFoundError(f"{reference.name} is not on this machine", hint=f"marco models pull {reference.name}")
    names = [reference.file_name(variant.files[0]) for variant in found]
    if len(found) > 1:
        raise ConfigError(
            f"{reference.name} means {len(found)} models that are here", hint=f"name one: {', '.join(names)}"
        )
    return _located(names[0], tuple(here[file] for file in found[0].files), None)


def _locate_entry(reference: catalog.CatalogueReference, spec: str, environ: Mapping[str, str]) -> LocatedModel:
    entry = reference.entry
    if entry.bundled is not None:
        return _locate_bundled(entry)
    here = list(_variants_here(entry, environ))
    wanted = reference.quantisation
    matching = [item for item in here if wanted in (None, item[0])]
    if not matching:
        found = ", ".join(f"{entry.name}:{quantisation.lower()}" for quantisation, _ in here)
        also = f" (installed: {found})" if found else ""
        raise ModelNotFoundError(f"{spec} is not on this machine{also}", hint=f"marco models pull {spec}")
    usual = [item for item in matching if item[0] == entry.default]
    quantisation, files = (usual or sorted(matching, key=lambda item: -sum(file.size for file in item[1])))[0]
    return _located(f"{entry.name}:{quantisation.lower()}", files, entry.preset)


def _locate_bundled(entry: catalog.CatalogModel) -> LocatedModel:
    path = Path(str(resources.files("marco_cli").joinpath(entry.bundled or "")))
    if not path.is_file():
        raise ModelNotFoundError(f"{entry.name} is missing from this installation", hint="reinstall marco-cli")
    return _located(entry.name, (recorded(path, "bundled"),), entry.preset)


def _located(name: str, files: tuple[LocalFile, ...], preset: str | None) -> LocatedModel:
    return LocatedModel(
        name=name,
        path=files[0].path,
        source=files[0].source,
        files=tuple(file.path for file in files),
        hashes=tuple(file.sha256 for file in files),
        stated_sizes=tuple(file.stated_size for file in files),
        preset=preset,
    )


def _variants_here(
    entry: catalog.CatalogModel, environ: Mapping[str, str]
) -> Iterator[tuple[str, tuple[LocalFile, ...]]]:
    seen: set[str] = set()
    for source in entry.sources:
        here = available(source.repo, None, environ)
        for variant in catalog.variants(here, source):
            if variant.quantisation not in seen:
                seen.add(variant.quantisation)
                yield variant.quantisation, tuple(here[file] for file in variant.files)


def installed(environ: Mapping[str, str] = os.environ) -> tuple[LocatedModel, ...]:
    """Return every complete model that is here: bundled, of the catalogue, and whatever else the directory holds."""
    found: list[LocatedModel] = []
    for entry in catalog.entries():
        if entry.bundled is None:
            for quantisation, files in _variants_here(entry, environ):
                found.append(_located(f"{entry.name}:{quantisation.lower()}", files, entry.preset))
        elif Path(str(resources.files("marco_cli").joinpath(entry.bundled))).is_file():
            found.append(_locate_bundled(entry))
    known = {file for model in found for file in model.files}
    root = directory(environ)
    return (*found, *(model for model in _others(root) if known.isdisjoint(model.files)))


def _others(root: Path) -> Iterator[LocatedModel]:
    here = files_in(root)
    for name, file in here.items():
        parts = catalog.parts_of(name)
        if name.startswith(PARTIAL) or name != parts[0] or not all(part in here for part in parts):
            continue
        record = read_record(root / name)
        label = str(file.path)
        if record is not None:
            named = "" if record.revision == "main" else f"@{record.revision}"
            label = f"hf:{record.repo}/{record.file}{named}"
        yield _located(label, tuple(here[part] for part in parts), None)


def find_installed(spec: str, environ: Mapping[str, str] = os.environ) -> LocatedModel | None:
    """Return the model if asking the hub would change nothing: it is bundled, a path, or any of a bare name is here.

    A name with a quantisation, and a reference to the hub, are to be compared with the hub instead: None.
    """
    spec = meaning(spec, environ)
    reference = catalog.parse(spec)
    if isinstance(reference, catalog.HubReference | catalog.RepositoryReference):
        return None
    if isinstance(reference, catalog.CatalogueReference) and reference.entry.bundled is None:
        is_here = reference.quantisation is None and any(_variants_here(reference.entry, environ))
        return locate(spec, environ) if is_here else None
    return locate(spec, environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome of comparing one file with what the hub stated: by its hash, or where there is none by its size."""

    path: Path
    expected: str | int
    """sha256, or bytes where the hub stated no hash."""
    actual: str | int

    @property
    def is_by_hash(self) -> bool:
        """Return whether every byte was compared."""
        return isinstance(self.expected, str)

    @property
    def is_intact(self) -> bool:
        """Return whether the file is what the hub described, as far as it can be compared."""
        return self.expected == self.actual


def verify(model: LocatedModel, on_bytes: Callable[[int], None] = lambda _: None) -> tuple[Verification, ...]:
    """Compare every part of a model with what was recorded, by hash where there is one; no network.

    Raises:
        StorageError: Nothing was recorded for a part, or it cannot be read.
    """
    sizes = model.stated_sizes or (None,) * len(model.files)
    return tuple(
        _verify_file(path, expected, size, on_bytes)
        for path, expected, size in zip(model.files, model.hashes, sizes, strict=True)
    )


def _verify_file(path: Path, expected: str | None, size: int | None, on_bytes: Callable[[int], None]) -> Verification:
    if expected is None and size is not None:
        return Verification(path=path, expected=size, actual=path.stat().st_size)
    if expected is None:
        raise StorageError(
            f"no hash is recorded for {path.name}", hint="`marco models pull` records one; a file of your own has none"
        )
    return Verification(path=path, expected=expected, actual=sha256_of(path, on_bytes))


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits; `on_bytes` hears how many bytes each step read."""
    digest = hashlib.sha256()
    with (
        os_errors_as(StorageError, f"cannot read {path}", hint="check the disk and permissions"),
        path.open("rb") as file,
    ):
        while block := file.read(1 << 20):
            digest.update(block)
            on_bytes(len(block))
    return digest.hexdigest()


def removable(model: LocatedModel, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the files that `remove` would delete.

    Raises:
        ConfigError: The model is not ours to delete: bundled, in another program's cache, or a file of the user's.
    """
    root = directory(environ)
    if model.source == "bundled":
        raise ConfigError(f"{model.name} belongs to the program", hint="pip uninstall marco-cli removes both")
    if model.source == "hub-cache":
        raise ConfigError(f"{model.path} belongs to the hub cache", hint="hf cache rm")
    if not all(lies_in(file, root) for file in model.files):
        raise ConfigError(f"{model.path} is not in {root}", hint=f"delete it yourself: rm {model.path}")
    return tuple(path for file in model.files for path in (file, record_path(file)) if path.is_file())


def remove(model: LocatedModel, environ: Mapping[str, str] = os.environ) -> int:
    """Delete a model of the models directory with its records and empty folders; return the bytes freed."""
    root = Path(os.path.realpath(directory(environ)))
    freed = 0
    for path in removable(model, environ):
        freed += path.lstat().st_size
        path.unlink()
    for parent in (Path(os.path.realpath(model.path.parent)) / "entry").parents:
        if parent == root or not parent.is_relative_to(root) or any(parent.iterdir()):
            break
        parent.rmdir()
    return freed

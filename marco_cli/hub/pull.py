"""From a specification to installed weights: ask the hub, choose, use what is cached, fetch the rest, record it.

In: a specification. Out: first a `PullPlan` (nothing fetched yet, so that a user can be asked), then a located model.
The only module that makes requests for models, together with `client` and `download` below it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.hub import client, download
from marco_cli.hub.partial_file import check_free_space, storage_errors
from marco_cli.models import catalog, library, memory, store


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPlan:
    """What pulling a specification means, decided but not begun."""

    name: str
    """The specification that will find the model afterwards."""
    repository: client.Repository
    files: tuple[client.HubFile, ...]
    folder: Path
    reason: str | None
    """Why this quantisation, when the user named none."""
    licence: str | None = None

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> tuple[client.HubFile, ...]:
        """Return the files that are not installed in the version that the hub describes."""
        return tuple(file for file in self.files if not self._is_here(file))

    def target(self, file: client.HubFile) -> Path:
        """Return where a file goes."""
        return self.folder / file.path

    def _is_here(self, file: client.HubFile) -> bool:
        target = self.target(file)
        record = store.read_record(target)
        if record is None or record.size != file.size or file.sha256 not in (None, record.sha256):
            return False
        actual = Path(record.cached_at) if record.cached_at and not target.is_file() else target
        return actual.is_file() and actual.stat().st_size == file.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """The outcome of a pull."""

    model: library.LocatedModel
    received: int
    """Bytes that came over the network in this run."""


def plan(
    spec: str, *, total_memory: int | None, environ: Mapping[str, str] = os.environ, retry: download.Retry | None = None
) -> PullPlan:
    """Ask the hub what a specification stands for, and choose a quantisation where it names none.

    Raises:
        ModelNotFoundError: The hub has no such model; the message names what it has.
        ConfigError, NetworkError, StorageError: As `client.repository`.
    """
    reference = catalog.parse(spec)
    root = store.directory(environ)
    match reference:
        case catalog.PathReference():
            raise ModelNotFoundError(f"{spec} is a path, only the hub can be pulled from", hint="marco models list")
        case catalog.HubReference():
            repo = client.repository(reference.repo, reference.revision, retry=retry)
            folder = store.folder(root, reference.repo, reference.revision)
            return PullPlan(
                name=reference.spelled(spec), repository=repo, files=_parts(reference, repo), folder=folder, reason=None
            )
        case catalog.RepositoryReference():
            return _plan_repository(reference, root, retry)
        case catalog.CatalogueReference():
            return _plan_entry(reference, root, total_memory, retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model that a repository has."""

    name: str
    """The specification that fetches it."""
    file: str
    size: int
    """Bytes of all parts."""
    parts: int
    has_hash: bool


def offers(spec: str, *, retry: download.Retry | None = None) -> tuple[Offer, ...]:
    """Ask the hub which models a reference to a repository can mean.

    Raises:
        ModelNotFoundError: There is no such repository, or it has no GGUF files.
        ConfigError, NetworkError, StorageError: As `client.repository`.
    """
    reference = catalog.parse(spec)
    if not isinstance(reference, catalog.RepositoryReference):
        return ()
    repo = client.repository(reference.repo, reference.revision, retry=retry)
    return _offers(reference, repo)


def _offers(reference: catalog.RepositoryReference, repo: client.Repository) -> tuple[Offer, ...]:
    among = catalog.weights(file.path for file in repo.files)
    found = catalog.matching(reference, among)
    if not found:
        listed = ", ".join(dict.fromkeys(variant.quantisation for variant in among if variant.quantisation)) or "none"
        what = "no GGUF model" if not among else f"no {reference.quantisation}, it has {listed}"
        raise ModelNotFoundError(f"{repo.name} has {what}", hint=f"{client.endpoint()}/{repo.name}")
    quantisations = [variant.quantisation for variant in found]
    offered = []
    for variant in found:
        files = [file for path in variant.files if (file := repo.file(path)) is not None]
        is_unique = variant.quantisation and quantisations.count(variant.quantisation) == 1
        short = replace(reference, quantisation=variant.quantisation).name
        offered.append(
            Offer(
                name=short if is_unique else reference.file_name(variant.files[0]),
                file=variant.files[0],
                size=sum(file.size for file in files),
                parts=len(files),
                has_hash=all(file.sha256 for file in files),
            )
        )
    return tuple(offered)


def _plan_repository(reference: catalog.RepositoryReference, root: Path, retry: download.Retry | None) -> PullPlan:
    repo = client.repository(reference.repo, reference.revision, retry=retry)
    found = _offers(reference, repo)
    if len(found) > 1:
        names = ", ".join(offer.name for offer in found)
        raise ConfigError(f"{reference.name} means {len(found)} models", hint=f"name one: {names}")
    one = catalog.HubReference(repo=reference.repo, file=found[0].file, revision=reference.revision)
    folder = store.folder(root, reference.repo, reference.revision)
    return PullPlan(name=one.name, repository=repo, files=_parts(one, repo), folder=folder, reason=None)


def _parts(reference: catalog.HubReference, repo: client.Repository) -> tuple[client.HubFile, ...]:
    files = []
    for part in catalog.parts_of(reference.file):
        file = repo.file(part)
        if file is None:
            near = catalog.did_you_mean(part, (other.path for other in repo.files))
            raise ModelNotFoundError(f"{repo.name} has no file {part}{near}", hint=f"{client.endpoint()}/{repo.name}")
        files.append(file)
    return tuple(files)


def _plan_entry(
    reference: catalog.CatalogueReference, root: Path, total_memory: int | None, retry: download.Retry | None
) -> PullPlan:
    entry = reference.entry
    offered: list[str] = []
    refusals: list[ModelNotFoundError] = []
    for source in entry.sources:
        try:
            repo = client.repository(source.repo, retry=retry)
        except ModelNotFoundError as error:
            refusals.append(error)
            continue
        among = catalog.variants((file.path for file in repo.files), source)
        offered += [variant.quantisation.lower() for variant in among]
        variant, reason = _choose(reference, repo, among, total_memory)
        if variant is not None:
            return PullPlan(
                name=f"{entry.name}:{variant.quantisation.lower()}",
                repository=repo,
                files=tuple(file for path in variant.files if (file := repo.file(path)) is not None),
                folder=store.folder(root, source.repo, None),
                reason=reason,
                licence=entry.licence,
            )
    if refusals and not offered:
        raise refusals[0]
    listed = ", ".join(dict.fromkeys(offered)) or "nothing"
    wanted = (reference.quantisation or "a usual quantisation").lower()
    raise ModelNotFoundError(
        f"the hub has no {wanted} of {entry.name}, it has {listed}", hint=f"marco models pull {entry.name}"
    )


def _choose(
    reference: catalog.CatalogueReference,
    repo: client.Repository,
    among: tuple[catalog.Variant, ...],
    total_memory: int | None,
) -> tuple[catalog.Variant | None, str | None]:
    if reference.quantisation is not None:
        return catalog.pick(reference.quantisation, among), None
    bytes_of = {file.path: file.size for file in repo.files}
    proposed = [variant for variant in among if variant.quantisation in memory.PROPOSED]
    if not proposed:
        return None, None
    sizes = {variant.quantisation: sum(bytes_of[path] for path in variant.files) for variant in proposed}
    quantisation, reason = memory.choose(sizes, total_memory, reference.entry.default)
    return catalog.pick(quantisation, among), reason


def execute(
    plan: PullPlan,
    *,
    on_event: Callable[[download.TransferEvent], None] = download.ignore,
    environ: Mapping[str, str] = os.environ,
    retry: download.Retry | None = None,
    timeout: float = 30.0,
) -> Pulled:
    """Bring every missing file of a plan here: from the hub client's cache if it has it, else over the network.

    Raises:
        NetworkError, StorageError, ModelNotFoundError: As `download.fetch`.
    """
    staging_root = store.directory(environ) / store.PARTIAL
    received = 0
    to_fetch = [file for file in plan.missing if not _use_cached(plan, file, on_event, environ)]
    if to_fetch:
        with storage_errors(staging_root):
            staging_root.mkdir(parents=True, exist_ok=True)
        _check_free_space(plan, to_fetch, staging_root, environ)
        headers = client.headers()
    for file in to_fetch:
        target = plan.target(file)
        receipt = download.fetch(
            client.web_file(plan.repository, file),
            target,
            staging=staging_root / target.relative_to(store.directory(environ)).parent,
            headers=headers,
            on_event=on_event,
            before_publish=lambda _, file=file: _record(plan, file, None),  # type: ignore[misc]
            is_wanted=lambda file=file: file in plan.missing,  # type: ignore[misc]
            retry=retry,
            timeout=timeout,
        )
        received += receipt.received if receipt else 0
    return Pulled(model=library.locate(plan.name, environ), received=received)


def _check_free_space(
    plan: PullPlan, to_fetch: list[client.HubFile], staging_root: Path, environ: Mapping[str, str]
) -> None:
    """Check the room for all files at once; `download` checks each of them again when its turn comes."""
    begun = {transfer.name: transfer.done for transfer in store.unfinished(environ)}
    root = store.directory(environ)
    missing = sum(max(0, file.size - begun.get(plan.target(file).relative_to(root).as_posix(), 0)) for file in to_fetch)
    check_free_space(staging_root, missing, plan.name)


def _use_cached(
    plan: PullPlan, file: client.HubFile, on_event: Callable[[download.TransferEvent], None], environ: Mapping[str, str]
) -> bool:
    """Record a file of the hub client's cache as ours if it is intact; its hash is checked once, here."""
    path = client.cached(plan.repository, file, store.hub_cache(environ))
    if path is None:
        return False
    done = 0

    def hashed(length: int) -> None:
        nonlocal done
        done += length
        on_event(download.TransferEvent(kind="hashing", name=path.name, done=done, total=file.size))

    if file.sha256 is not None and library.sha256_of(path, hashed) != file.sha256:
        return False
    _record(plan, file, path)
    detail = download.checked(file.sha256)
    on_event(download.TransferEvent(kind="done", name=path.name, done=file.size, total=file.size, detail=detail))
    return True


def _record(plan: PullPlan, file: client.HubFile, cached_at: Path | None) -> None:
    target = plan.target(file)
    record = store.Record(
        repo=plan.repository.name,
        revision=plan.repository.revision,
        commit=plan.repository.commit,
        file=file.path,
        size=file.size,
        sha256=file.sha256,
        cached_at=str(cached_at) if cached_at else None,
    )
    with storage_errors(store.record_path(target)):
        store.write_record(target, record)

"""The only door to huggingface_hub: what a repository holds, where its files are, what its cache has.

In: repository names. Out: sizes, hashes and addresses as values. Importing this module imports the client, so only
`marco models pull` and `marco eval` import it, and only when something has to be asked. Files of models are transferred by
`download`; those of data sets, a few hundred kilobytes, by the client itself, into its own cache.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from huggingface_hub import HfApi, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

# Documented as public, but not marked as exported for type checkers.
from huggingface_hub.utils import build_hf_headers, disable_progress_bars  # type: ignore[attr-defined]

from marco_cli import __version__
from marco_cli.errors import ConfigError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub.download import Retry, WebFile
from marco_cli.hub.range_request import RETRIED, TransientError, host, parse_retry_after
from marco_cli.models import catalog, store

DEFAULT_REVISION: Final = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file as the hub describes it."""

    path: str
    size: int
    sha256: str | None
    """Of the content; None for the few small files that are not in large-file storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The GGUF files of a repository at one commit."""

    name: str
    revision: str
    """As it was asked for: a branch, a tag or a commit."""
    commit: str
    files: tuple[HubFile, ...]

    def file(self, path: str) -> HubFile | None:
        """Return the file at a path; None when there is none."""
        return next((file for file in self.files if file.path == path), None)


def endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the hub or its mirror, without a trailing slash.

    Raises:
        ConfigError: `HF_ENDPOINT` is no web address, or holds a password (which would end up in logs).

    """
    url = (environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("HF_ENDPOINT is no web address, expected something like https://huggingface.co")
    if parts.username or parts.password or parts.query:
        raise ConfigError("HF_ENDPOINT holds credentials, expected an address only", hint="set HF_TOKEN instead")
    return url


def repository(
    name: str,
    revision: str | None = None,
    *,
    retry: Retry | None = None,
    on_retry: Callable[[str], None] = lambda _: None,
) -> Repository:
    """Ask the hub for the GGUF files of a repository.

    Raises:
        ModelNotFoundError: There is no such repository or revision (or it is private and there is no token).
        NetworkError: The hub cannot be reached, refuses, or answers something else than itself.
        StorageError: The hub names a file that would leave the models directory.

    """
    retry = retry or Retry()
    failures = 0
    while True:
        try:
            return _repository(_model_info(name, revision), name, revision)
        except TransientError as error:
            failures += 1
            if failures >= retry.attempts:
                raise NetworkError(
                    f"{host(endpoint())}: {error}", hint="check the connection, then run the same command again"
                ) from error
            delay = retry.delay(failures, error.retry_after)
            on_retry(f"{host(endpoint())}: {error}, trying again in {delay:.0f} s")
            retry.sleep(delay)


def _model_info(name: str, revision: str | None) -> ModelInfo:
    api = HfApi(endpoint=endpoint(), library_name="marco-cli", library_version=__version__)
    try:
        return api.model_info(name, revision=revision, files_metadata=True, timeout=30.0)
    except HFValidationError as error:
        raise ConfigError(f"{name!r} is no repository name, expected user/repo") from error
    except HfHubHTTPError as error:
        raise _refusal(error, name, revision) from error
    except OfflineModeIsEnabled as error:
        raise ModelNotFoundError(f"{name} was not fetched: offline mode is on", hint="unset HF_HUB_OFFLINE") from error
    except (OSError, ValueError) as error:
        # The client's own connection errors descend from OSError in some releases and from ValueError in others
        # (a body that is no JSON is one too); their text can hold addresses with secrets, so only the kind is told.
        raise TransientError(f"no usable answer ({type(error).__name__})") from error
    except Exception as error:
        if _is_of_the_connection(error):
            raise TransientError(f"connection lost ({type(error).__name__})") from error
        raise


def _is_of_the_connection(error: Exception) -> bool:
    """Say whether the library below the hub's client raised this: its errors descend from nothing but Exception."""
    return type(error).__module__.partition(".")[0].startswith(("httpx", "httpcore", "requests"))


def _refusal(error: Exception, name: str, revision: str | None) -> Exception:
    """Return what a refusal of the hub means: not there, not allowed, or not now."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    headers: Mapping[str, str] = getattr(response, "headers", {})
    if isinstance(error, RevisionNotFoundError):
        return ModelNotFoundError(f"{name} has no revision {revision!r}", hint=f"{endpoint()}/{name}/tree/main")
    if status in RETRIED:
        message = "too many requests" if status == 429 else f"the hub answered {status}"
        return TransientError(message, parse_retry_after(headers.get("Retry-After")))
    if isinstance(error, GatedRepoError) or status == 403:
        return NetworkError(
            f"access to {name} was refused ({status})",
            hint=f"accept the licence at {endpoint()}/{name}, then set HF_TOKEN to a token that may read it",
        )
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404, 410):
        return ModelNotFoundError(
            f"the hub has no repository {name}, or it is private ({status})",
            hint="check the name; for a private repository set HF_TOKEN to a token that may read it",
        )
    return NetworkError(f"the hub answered {status} for {name}", hint="check HF_ENDPOINT and the proxy variables")


def _repository(info: ModelInfo, name: str, revision: str | None) -> Repository:
    files = []
    for sibling in info.siblings or ():
        path, size = sibling.rfilename, sibling.size
        if not path.lower().endswith(".gguf"):
            continue
        if not catalog.is_safe(path):
            raise StorageError(
                f"{name} names a file outside its folder: {path!r}", hint="do not use this repository or mirror"
            )
        if size is None or size < 0:
            raise NetworkError(f"the hub states no size for {path}", hint="check HF_ENDPOINT")
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        files.append(HubFile(path=path, size=size, sha256=sha256))
    return Repository(
        name=name, revision=revision or DEFAULT_REVISION, commit=info.sha or DEFAULT_REVISION, files=tuple(files)
    )


def web_file(repo: Repository, file: HubFile) -> WebFile:
    """Return where to fetch a file, pinned to the commit that was described."""
    url = hf_hub_url(repo.name, file.path, revision=repo.commit, endpoint=endpoint())
    return WebFile(url=url, size=file.size, sha256=file.sha256)


def headers() -> dict[str, str]:
    """Return the headers of a request to the hub: who asks, and the user's token where there is one."""
    return build_hf_headers(library_name="marco-cli", library_version=__version__)


def cached(repo: Repository, file: HubFile, cache: Path) -> Path | None:
    """Return a file in the hub client's cache if it is the one described; None otherwise."""
    for revision in dict.fromkeys((repo.commit, repo.revision)):
        found = try_to_load_from_cache(repo.name, file.path, cache_dir=cache, revision=revision)
        if isinstance(found, str) and Path(found).stat().st_size == file.size:
            return Path(found)
    return None


def cached_dataset_file(repo: str, path: str) -> Path | None:
    """Return a file of a data set that the hub client's cache has; None without one. Asks nobody."""
    found = try_to_load_from_cache(repo, path, cache_dir=store.hub_cache(), repo_type="dataset")
    return Path(found) if isinstance(found, str) else None


def fetch_dataset_file(repo: str, path: str) -> Path:
    """Download a file of a data set into the hub client's cache and return where it is.

    Raises:
        NetworkError: offline mode is on, the hub cannot be reached, or it does not have or give the file.

    """
    # Read by the client at import only, where a test or a late setting would not be seen.
    if store.is_offline():
        raise NetworkError(f"{repo} was not fetched: offline mode is on", hint="unset HF_HUB_OFFLINE")
    disable_progress_bars()
    try:
        found = hf_hub_download(
            repo,
            path,
            repo_type="dataset",
            endpoint=endpoint(),
            cache_dir=store.hub_cache(),
            library_name="marco-cli",
            library_version=__version__,
        )
    except Exception as error:
        if isinstance(error, (EntryNotFoundError, HfHubHTTPError, OSError)) or _is_of_the_connection(error):
            raise _dataset_refusal(error, repo, path) from error
        raise
    return Path(found)


def _dataset_refusal(error: Exception, repo: str, path: str) -> NetworkError:
    """Return what kept a file of a data set away; the client's own text can hold addresses with secrets."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None:
        return NetworkError(
            f"{host(endpoint())} could not be reached for {path} of {repo}",
            hint="check the connection, then run the same command again; or read your own copy with --data",
        )
    return NetworkError(
        f"the hub answered {status} for {path} of the data set {repo}",
        hint="if it wants a token, set HF_TOKEN; or read your own copy with --data",
    )

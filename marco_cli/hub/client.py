"""What a repository of the hub holds, where its files are, and what its cache has. The only door to huggingface_hub.

In: repository names. Out: sizes, hashes and addresses as values. Importing this module imports the client, so only
`marco models pull`, `marco models search` and `marco eval` import it, and only when something has to be asked. The description of a repository is
asked for by `range_request`, like the files, so that one set of rules holds for redirects, refusals and answers without form;
data sets, a few hundred kilobytes, are fetched by the hub's client into its own cache.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from huggingface_hub import hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

# Documented as public, but not marked as exported for type checkers.
from huggingface_hub.utils import build_hf_headers, disable_progress_bars  # type: ignore[attr-defined]

from marco_cli import __version__
from marco_cli.errors import ConfigError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub.download import Retry, WebFile
from marco_cli.hub.range_request import Refusal, TransientError, get, host, is_address, transient_status
from marco_cli.models import catalog, store

DEFAULT_REVISION: Final = "main"
_TIMEOUT: Final = 30.0
_MAX_DESCRIPTION: Final = 32 << 20
"""Bytes. The hub says some 300 about each file, and its largest repositories have some ten thousand files."""
_MAX_SIZE: Final = 1 << 50
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")


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
        ConfigError: `HF_ENDPOINT` is not a web address, or holds a password (which would end up in logs).
    """
    url = (environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    if not is_address(url):
        raise ConfigError("HF_ENDPOINT is not a web address, expected something like https://huggingface.co")
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise ConfigError("HF_ENDPOINT holds credentials, expected an address only", hint="set HF_TOKEN instead")
    return url


def repository(name: str, revision: str | None = None, *, retry: Retry | None = None) -> Repository:
    """Ask the hub for the GGUF files of a repository.

    Raises:
        ModelNotFoundError: There is no such repository or revision (or it is private and there is no token).
        NetworkError: The hub cannot be reached, refuses, or answers something else than itself.
        StorageError: The hub names a file that would leave the models directory.
    """
    if not catalog.is_repository(name):
        raise ConfigError(f"{name!r} is not a repository name, expected user/repo")
    # Read by the hub's client at import only, where a test or a late setting would not be seen.
    if store.is_offline():
        raise ModelNotFoundError(f"{name} was not fetched: offline mode is on", hint="unset HF_HUB_OFFLINE")
    at = "" if revision is None else f"/revision/{quote(revision, safe='')}"

    def refuse(response: HTTPResponse, _url: str) -> None:
        _refuse(response, name, revision)

    said = ask(f"/api/models/{name}{at}?blobs=true", name, refuse, retry)
    return _repository(said, name, revision)


def ask(path: str, name: str, refuse: Refusal, retry: Retry | None = None) -> Any:
    """Ask the hub, again where waiting may help; return JSON that may have any shape.

    `path` begins with the slash after the host, `name` is what messages call the answer.

    Raises:
        NetworkError: the hub cannot be reached, or does not answer as a hub.
    """
    retry = retry or Retry()
    failures = 0
    while True:
        try:
            return _asked_once(f"{endpoint()}{path}", name, refuse)
        except TransientError as error:
            failures += 1
            if failures >= retry.attempts:
                raise NetworkError(
                    f"{host(endpoint())}: {error}", hint="check the connection, then run the same command again"
                ) from error
            delay = retry.delay(failures, error.retry_after)
            retry.say(f"{host(endpoint())}: {error}, trying again in {delay:.0f} s")
            retry.sleep(delay)


def _asked_once(url: str, name: str, refuse: Refusal) -> Any:
    body = bytearray()
    with get(url, headers(), timeout=_TIMEOUT, name=name, refuse=refuse) as answer:
        while block := answer.response.read1(1 << 20):
            body += block
            if len(body) > _MAX_DESCRIPTION:
                raise NetworkError(
                    f"{host(url)} says more than {_MAX_DESCRIPTION >> 20} MiB about {name}", hint="check HF_ENDPOINT"
                )
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        # A captive portal or a busy proxy answers with a page of its own: that may pass.
        raise TransientError("no usable answer (it is not JSON)") from error


def _is_of_the_connection(error: Exception) -> bool:
    """Say whether the library below the hub's client raised this: its errors descend from nothing but Exception."""
    return type(error).__module__.partition(".")[0].startswith(("httpx", "httpcore", "requests", "urllib3"))


def _refuse(response: HTTPResponse, name: str, revision: str | None) -> None:
    """Raise what a refusal of the hub means: not there, not allowed, or not now."""
    status, word = response.status, response.headers.get("X-Error-Code")
    if status == 200:
        return
    if word == "RevisionNotFound":
        raise ModelNotFoundError(f"{name} has no revision {revision!r}", hint=f"{endpoint()}/{name}/tree/main")
    if error := transient_status(response, "the hub"):
        raise error
    if word == "GatedRepo" or status == 403:
        raise NetworkError(
            f"access to {name} was refused ({status})",
            hint=f"accept the licence at {endpoint()}/{name}, then set HF_TOKEN to a token that may read it",
        )
    if word == "RepoNotFound" or status in (401, 404, 410):
        raise ModelNotFoundError(
            f"the hub has no repository {name}, or it is private ({status})",
            hint="check the name; for a private repository set HF_TOKEN to a token that may read it",
        )
    raise NetworkError(f"the hub answered {status} for {name}", hint="check HF_ENDPOINT and the proxy variables")


def _repository(said: Any, name: str, revision: str | None) -> Repository:
    """Read a description; nothing in it is trusted to have its form."""
    siblings = said.get("siblings") or [] if isinstance(said, dict) else None
    if not isinstance(siblings, list) or not all(isinstance(row, dict) for row in siblings):
        raise NetworkError(f"{host(endpoint())} does not describe {name} as a hub does", hint="check HF_ENDPOINT")
    files: dict[str, HubFile] = {}
    for row in siblings:
        path = row.get("rfilename")
        if isinstance(path, str) and path.lower().endswith(".gguf"):
            files.setdefault(path, _hub_file(row, path, name))
    # The commit becomes part of addresses and of paths in the hub's cache.
    sha = said.get("sha")
    commit = sha if isinstance(sha, str) and _COMMIT.fullmatch(sha) else revision or DEFAULT_REVISION
    return Repository(name=name, revision=revision or DEFAULT_REVISION, commit=commit, files=tuple(files.values()))


def _hub_file(row: Mapping[str, Any], path: str, name: str) -> HubFile:
    """Read what the hub says about one file."""
    if not catalog.is_safe(path):
        raise StorageError(
            f"{name} names a file outside its folder: {path[:80]!r}", hint="do not use this repository or mirror"
        )
    size, stored = row.get("size"), row.get("lfs")
    if type(size) is not int or not 0 <= size <= _MAX_SIZE:
        raise NetworkError(f"the hub states no size for {path}", hint="check HF_ENDPOINT")
    sha256 = str(stored.get("sha256")).lower() if isinstance(stored, dict) else ""
    return HubFile(path=path, size=size, sha256=sha256 if _SHA256.fullmatch(sha256) else None)


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
    """Return a file of a data set that the hub client's cache has; None without one. Asks no server."""
    found = try_to_load_from_cache(repo, path, cache_dir=store.hub_cache(), repo_type="dataset")
    return Path(found) if isinstance(found, str) else None


def fetch_dataset_file(repo: str, path: str) -> Path:
    """Download a file of a data set into the hub client's cache and return where it is.

    Raises:
        NetworkError: offline mode is on, the hub cannot be reached, or it does not have or give the file.
    """
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
        if isinstance(error, (EntryNotFoundError, HfHubHTTPError, OSError, ValueError)) or _is_of_the_connection(error):
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

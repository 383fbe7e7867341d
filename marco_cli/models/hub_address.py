"""Addresses of the hub as people copy them: from a browser, from a download link, from other programs.

In: text. Out: what it names, unchecked (`catalog` checks it), or None for what is not a web address. It looks nothing up.

    https://huggingface.co/user/repo[/tree/main]           a repository
    https://huggingface.co/user/repo/blob/main/file.gguf   a file; also resolve and raw, or ?show_file_info=file.gguf
    hf.co/user/repo:Q4_K_M                                 a quantisation, as other programs write it
    hf://user/repo/file.gguf                               a file, as the hub's own client writes it
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote

from marco_cli.errors import ConfigError

_HOSTS: Final = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"})
_ADDRESS: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<place>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_FILE_PAGES: Final = frozenset({"blob", "resolve", "raw"})
_OTHER_KINDS: Final = frozenset({"datasets", "spaces", "collections", "papers", "docs", "api", "organizations"})
_PULL_REQUEST: Final = 3
"""Parts of a revision such as refs/pr/1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAddress:
    """What an address of the hub names."""

    repo: str
    file: str | None = None
    revision: str | None = None
    quantisation: str | None = None


def read(text: str, environ: Mapping[str, str] = os.environ) -> HubAddress | None:
    """Read an address of the hub, or of the mirror that `HF_ENDPOINT` names; None for what is not a web address.

    Raises:
        ConfigError: an address of another host, or of no model.
    """
    match = _ADDRESS.fullmatch(text.strip())
    if match is None:
        return None
    scheme, place = (match["scheme"] or "").lower(), _host(match["place"])
    is_hub = place in _HOSTS or place == _host(_place(environ.get("HF_ENDPOINT") or ""))
    if scheme == "hf":
        return _repository([match["place"], *_parts(match["path"])], "")
    if scheme in ("http", "https") and not is_hub:
        raise ConfigError(
            "an address of another host than the hub, expected something like https://huggingface.co/user/repo",
            hint="fetch the file yourself and give its path; for a mirror of the hub set HF_ENDPOINT",
        )
    if scheme not in ("http", "https") and (scheme or place not in _HOSTS):
        return None
    return _repository(_parts(match["path"]), match["query"] or "")


def _place(url: str) -> str:
    match = _ADDRESS.fullmatch(url)
    return match["place"] if match and match["scheme"] else ""


def _host(place: str) -> str:
    """Return the host of `user:password@host:port`."""
    return place.rpartition("@")[2].partition(":")[0].lower()


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.split("/") if part]


def _repository(parts: list[str], query: str) -> HubAddress:
    """Read the path of an address, which begins with user and repository."""
    if len(parts) < 2 or parts[0].lower() in _OTHER_KINDS:
        raise ConfigError(
            "the address names no model of the hub, expected something like https://huggingface.co/user/repo"
        )
    name, _, quantisation = parts[1].partition(":")
    repo, rest = f"{parts[0]}/{name}", parts[2:]
    kind = rest[0].lower() if rest else ""
    revision, inside = _revision(rest[1:]) if kind in {*_FILE_PAGES, "tree"} else (None, rest)
    file = "/".join(inside) if kind in _FILE_PAGES or (rest and rest[-1].lower().endswith(".gguf")) else None
    file = file or next(iter(parse_qs(query).get("show_file_info", ())), None)
    if file is not None and not file.lower().endswith(".gguf"):
        raise ConfigError(
            "the address names no GGUF file", hint=f"marco models pull hf:{repo} lists those that are there"
        )
    return HubAddress(repo=repo, file=file, revision=revision, quantisation=quantisation or None)


def _revision(parts: list[str]) -> tuple[str | None, list[str]]:
    """Return the revision that a path begins with, and the rest."""
    if parts[:1] == ["refs"] and len(parts) >= _PULL_REQUEST:
        return "/".join(parts[:_PULL_REQUEST]), parts[_PULL_REQUEST:]
    return (parts[0], parts[1:]) if parts else (None, [])

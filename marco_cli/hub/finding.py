"""Which repositories of the hub hold GGUF files of a model, by its name.

In: words. Out: `Found`s, the most downloaded first. Nothing that the hub says is trusted to have its form: what is not a repository name
is left out.
"""

from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, Final
from urllib.parse import urlencode

from marco_cli.errors import ConfigError, NetworkError
from marco_cli.hub.client import ask, endpoint
from marco_cli.hub.download import Retry
from marco_cli.hub.range_request import host, transient_status
from marco_cli.models import catalog

MOST: Final = 20
"""Repositories that are asked for."""
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A repository."""

    name: str
    downloads: int
    """Of the last month, as the hub counts; 0 where it does not say."""
    likes: int


def find(words: str, *, retry: Retry | None = None) -> tuple[Found, ...]:
    """Ask the hub for repositories with GGUF files whose name holds the words.

    Raises:
        ConfigError: there are no words, or too many.
        NetworkError: the hub cannot be reached, refuses, or answers something else than itself.
    """
    if not words.strip() or len(words) > _LONGEST:
        raise ConfigError(f"expected a name of 1 to {_LONGEST} characters to look for")
    query = urlencode({"search": words, "filter": "gguf", "sort": "downloads", "direction": -1, "limit": MOST})
    said = ask(f"/api/models?{query}", "the list of models", _refuse, retry)
    if not isinstance(said, list):
        raise NetworkError(f"{host(endpoint())} does not list models as a hub does", hint="check HF_ENDPOINT")
    found = [_found(row) for row in said if isinstance(row, dict) and _is_name(row.get("id"))]
    return tuple(found[:MOST])


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and catalog.is_repository(name)


def _found(row: dict[str, Any]) -> Found:
    return Found(name=row["id"], downloads=_count(row.get("downloads")), likes=_count(row.get("likes")))


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1 << 50 else 0


def _refuse(response: HTTPResponse, _url: str) -> None:
    if response.status == 200:
        return
    if error := transient_status(response, "the hub"):
        raise error
    raise NetworkError(f"the hub answered {response.status} to a search", hint="check HF_ENDPOINT and HF_TOKEN")

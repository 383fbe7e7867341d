"""One HTTP GET from a byte on: redirects, credentials, statuses and failures, each decided in one place.

In: a URL, headers, the first byte wanted. Out: an `Answer` whose body can be read, or an error that says whether
waiting may help (`TransientError`) or not. It knows no files on disk. The standard library's client is used because
it is the only one that is the same under every supported version of the hub's; it honours the proxy variables.
"""

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit

from marco_cli.errors import MarcoError, ModelNotFoundError, NetworkError

_MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass by waiting."""


class TransientError(Exception):
    """A failure that may pass: its message, and the seconds that the server asked to wait (None: it did not)."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response that brings bytes (200, 206), or says that the range does not exist (416)."""

    response: http.client.HTTPResponse
    status: int
    etag: str | None
    """What names the content: the hub's own tag where a redirect stated it, else the last server's."""
    first_byte: int
    """Where the body begins."""
    stated_size: int | None
    """Bytes of the whole file as the server states them; None when it does not."""


def host(url: str) -> str:
    """Return the host and port of a URL: all of it that may be shown (paths and queries can carry signatures)."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host(url)}{parts.path}"


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None when absent or a date (nobody sends those with a 429)."""
    return float(value) if value is not None and value.strip().isdigit() else None


@contextlib.contextmanager
def get(url: str, headers: Mapping[str, str], *, first_byte: int, timeout: float, name: str) -> Iterator[Answer]:
    """Request a file from `first_byte` on; inside the block, a lost connection becomes a TransientError.

    Args:
        url: http or https.
        headers: `Authorization` among them never reaches another host, port or scheme.
        first_byte: 0 for the whole file.
        timeout: Seconds without a byte after which the connection counts as lost.
        name: What to call the file in messages.

    """
    wanted = {**headers, "Accept-Encoding": "identity"}
    if first_byte:
        wanted["Range"] = f"bytes={first_byte}-"
    with _transient_errors():
        response, linked_etag = _follow(url, wanted, timeout)
        with contextlib.closing(response):
            _refuse(response, name)
            yield Answer(
                response=response,
                status=response.status,
                etag=linked_etag or response.headers.get("ETag"),
                first_byte=_first_byte(response),
                stated_size=_stated_size(response),
            )


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """Hand every response to the caller: redirects and errors are decided here, not in the library."""

    def http_response(
        self, _request: urllib.request.Request, response: http.client.HTTPResponse
    ) -> http.client.HTTPResponse:
        return response

    def https_response(
        self, _request: urllib.request.Request, response: http.client.HTTPResponse
    ) -> http.client.HTTPResponse:
        return response


def _follow(url: str, headers: Mapping[str, str], timeout: float) -> tuple[http.client.HTTPResponse, str | None]:
    """Return the response after at most five redirects, and the content's tag if one of them stated it."""
    opener = urllib.request.build_opener(_EveryStatus)
    first, linked = url, None
    for _ in range(_MAX_REDIRECTS + 1):
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - `_next` lets only http(s) pass
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout)
        linked = linked or response.headers.get("X-Linked-Etag")
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or location is None:
            return response, linked
        response.close()
        following = _next(url, location)
        if _origin(following) != _origin(url):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        url = following
    raise NetworkError(
        f"{host(first)} redirects more than {_MAX_REDIRECTS} times", hint="check HF_ENDPOINT and the proxy variables"
    )


def _next(url: str, location: str) -> str:
    following = urljoin(url, location)
    scheme = urlsplit(following).scheme
    if scheme not in ("http", "https") or (scheme == "http" and urlsplit(url).scheme == "https"):
        raise NetworkError(
            f"{host(url)} redirects to an unencrypted or unknown kind of address ({scheme}), which is refused",
            hint="check HF_ENDPOINT and the proxy variables",
        )
    return following


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


@contextlib.contextmanager
def _transient_errors() -> Iterator[None]:
    """Turn what a connection can do into TransientError; a bad certificate does not pass by waiting."""
    try:
        yield
    except (MarcoError, TransientError):
        raise
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise NetworkError(
                f"the server's certificate was not accepted: {cause.verify_message}",
                hint="set SSL_CERT_FILE to the certificates of your organisation",
            ) from error
        text = "timed out" if isinstance(cause, TimeoutError) else getattr(cause, "strerror", None)
        raise TransientError(f"connection lost ({text or type(cause).__name__})") from error


def _refuse(response: http.client.HTTPResponse, name: str) -> None:
    status = response.status
    if status in (200, 206, 416):
        return
    if status in RETRIED:
        message = "too many requests" if status == 429 else f"the server answered {status}"
        raise TransientError(message, parse_retry_after(response.headers.get("Retry-After")))
    if status in (401, 403):
        raise NetworkError(
            f"access to {name} was refused ({status})",
            hint="accept the licence on the model's page, then set HF_TOKEN to a token that may read it",
        )
    if status in (404, 410):
        raise ModelNotFoundError(f"the server has no {name} ({status})", hint="check the name and the revision")
    raise NetworkError(f"the server answered {status} for {name}", hint="check HF_ENDPOINT and the proxy variables")


def _first_byte(response: http.client.HTTPResponse) -> int:
    """Return where the body begins: `bytes 5-9/10` -> 5; a partial response that does not say is not understood."""
    if response.status != 206:
        return 0
    start = (response.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    if not start.isdigit():
        raise TransientError("the server sent a range without saying which")
    return int(start)


def _stated_size(response: http.client.HTTPResponse) -> int | None:
    if response.status == 206:
        size = (response.headers.get("Content-Range") or "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length") or "" if response.status == 200 else ""
    return int(size) if size.isdigit() else None

"""One HTTP GET from a byte on: redirects, credentials, statuses and failures, each decided in one place.

In: a URL, headers, the first byte wanted. Out: an `RangeAnswer` whose body can be read, or an error that says whether
waiting may help (`TransientError`) or not. What a server sends is never trusted to have its form. It knows no files on disk. The standard library's client is used because
it is the only one that is the same under every supported version of the hub's; it honours the proxy variables.
"""

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.error import URLError
from urllib.parse import quote, urljoin, urlsplit

from marco_cli.errors import MarcoError, ModelNotFoundError, NetworkError

_MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_HOST: Final = 253
_MAX_LABEL: Final = 63
"""Characters of a host name and of a part of it: RFC 1035, 2.3.4."""
_MAX_DIGITS: Final = 18
"""A longer number fits no file; Python itself refuses to read some thousand digits."""
_IN_URLS: Final = "%/:=&?~#+!$,;'@()*[]"
"""Characters of a Location that stay as they are."""
RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass by waiting."""


class TransientError(Exception):
    """A failure that may pass: its message, and the seconds that the server asked to wait (None: it did not)."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAnswer:
    """A response that brings bytes (200, 206), or says that the range does not exist (416)."""

    response: http.client.HTTPResponse
    status: int
    etag: str | None
    """What names the content: the hub's own tag where a redirect stated it, else the last server's."""
    first_byte: int
    """Where the body begins."""
    stated_size: int | None
    """Bytes of the whole file as the server states them; None when it does not."""


def is_address(url: str) -> bool:
    """Tell whether a URL can be asked at all: http or https, with a host name and a port that can exist."""
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname or ""
    except ValueError:
        return False
    labels = name.removesuffix(".").split(".")
    is_name = len(name) <= _MAX_HOST and all(0 < len(label) <= _MAX_LABEL for label in labels)
    return (
        parts.scheme in ("http", "https")
        and is_name
        and port != 0
        and all("!" <= character <= "~" for character in url)
    )


def host(url: str) -> str:
    """Return the host and port of a URL: all of it that may be shown (paths and queries can carry signatures)."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host(url)}{parts.path}"


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header; None when absent, a date or anything else."""
    seconds = _number(value)
    return None if seconds is None else float(seconds)


def _number(text: str | None) -> int | None:
    """Return a whole number in ASCII digits; None for all else (`²` counts as a digit in Python, and a header may be long)."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


Refusal = Callable[[http.client.HTTPResponse, str], None]
"""Raises unless the status of a response brings what was asked for; the second argument is the URL that gave it."""


@contextlib.contextmanager
def get(
    url: str,
    headers: Mapping[str, str],
    *,
    first_byte: int = 0,
    timeout: float,
    name: str,
    refuse: Refusal | None = None,
) -> Iterator[RangeAnswer]:
    """Request a file from `first_byte` on; inside the block, a lost connection becomes a TransientError.

    `Authorization` among the headers never reaches another host, port or scheme. A connection is lost after `timeout`
    seconds without a byte. Messages call the file `name`. `refuse` decides on statuses; without it, they are those of a
    file.
    """
    wanted = {**headers, "Accept-Encoding": "identity"}
    if first_byte:
        wanted["Range"] = f"bytes={first_byte}-"
    with _transient_errors():
        response, linked_etag, last = _follow(url, wanted, timeout)
        with contextlib.closing(response):
            if refuse is not None:
                refuse(response, last)
            else:
                _refuse(response, name, last, is_elsewhere=_origin(last) != _origin(url))
            _refuse_encoding(response, name, last)
            yield RangeAnswer(
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


def _follow(url: str, headers: Mapping[str, str], timeout: float) -> tuple[http.client.HTTPResponse, str | None, str]:
    """Return the response after at most five redirects, the content's tag if one of them stated it, and who gave it."""
    opener = urllib.request.build_opener(_EveryStatus)
    first, linked = url, None
    for _ in range(_MAX_REDIRECTS + 1):
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - `_next` lets only http(s) pass
        response = _open(opener, request, timeout)
        linked = linked or response.headers.get("X-Linked-Etag")
        location = response.headers.get("Location")
        if response.status not in _REDIRECTS or location is None:
            return response, linked, url
        response.close()
        following = _next(url, location)
        if _origin(following) != _origin(url):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        url = following
    raise NetworkError(
        f"{host(first)} redirects more than {_MAX_REDIRECTS} times", hint="check HF_ENDPOINT and the proxy variables"
    )


def _open(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout: float
) -> http.client.HTTPResponse:
    """Send a request; one that cannot be put into HTTP is an error that waiting does not mend."""
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    except (ValueError, OverflowError, http.client.InvalidURL) as error:
        raise NetworkError(
            f"{host(request.full_url)} cannot be asked ({type(error).__name__})",
            hint="check HF_ENDPOINT, HF_TOKEN and the proxy variables",
        ) from error
    return response


def _next(url: str, location: str) -> str:
    """Return where a redirect leads."""
    hint = "check HF_ENDPOINT and the proxy variables"
    try:
        following = urljoin(url, quote(location, safe=_IN_URLS))
        scheme = urlsplit(following).scheme
    except ValueError:
        following = scheme = ""
    if scheme not in ("http", "https", "") or (scheme == "http" and urlsplit(url).scheme == "https"):
        raise NetworkError(
            f"{host(url)} redirects to an unencrypted or unknown kind of address ({scheme[:20]}), which is refused",
            hint=hint,
        )
    if not is_address(following):
        raise NetworkError(f"{host(url)} redirects to something that is not an address", hint=hint)
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


def transient_status(response: http.client.HTTPResponse, who: str) -> TransientError | None:
    """Return the failure that a status stands for if it may pass by waiting."""
    if response.status not in RETRIED:
        return None
    message = "too many requests" if response.status == 429 else f"{who} answered {response.status}"
    return TransientError(message, parse_retry_after(response.headers.get("Retry-After")))


def _refuse(response: http.client.HTTPResponse, name: str, url: str, *, is_elsewhere: bool) -> None:
    """Raise unless the status brings bytes of a file; `is_elsewhere`: a redirect led to another host than was asked."""
    status = response.status
    if status in (200, 206, 416):
        return
    if error := transient_status(response, "the server"):
        raise error
    if status in (401, 403) and is_elsewhere:
        raise NetworkError(
            f"{host(url)}, where the hub stores {name}, refused it ({status})",
            hint="run the same command again; if it repeats, a proxy or a firewall may block that host",
        )
    if status in (401, 403):
        raise NetworkError(
            f"access to {name} was refused ({status})",
            hint="accept the licence on the model's page, then set HF_TOKEN to a token that may read it",
        )
    if status in (404, 410):
        raise ModelNotFoundError(f"the server has no {name} ({status})", hint="check the name and the revision")
    raise NetworkError(f"the server answered {status} for {name}", hint="check HF_ENDPOINT and the proxy variables")


def _refuse_encoding(response: http.client.HTTPResponse, name: str, url: str) -> None:
    """Raise for a body that is not the file itself: a size and a hash are those of the file."""
    encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise NetworkError(
            f"{host(url)} sends {name} compressed, which was not asked for",
            hint="check HF_ENDPOINT and the proxy variables",
        )


def _first_byte(response: http.client.HTTPResponse) -> int:
    """Return where the body begins: `bytes 5-9/10` -> 5; a partial response that does not say is not understood."""
    if response.status != 206:
        return 0
    start = _number((response.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0])
    if start is None:
        raise TransientError("the server sent a range without saying which")
    return start


def _stated_size(response: http.client.HTTPResponse) -> int | None:
    if response.status == 206:
        return _number((response.headers.get("Content-Range") or "").rpartition("/")[2])
    return _number(response.headers.get("Content-Length")) if response.status == 200 else None

"""A hub on the loopback interface: metadata, redirects to large-file storage, ranges, tags, tokens, and faults.

Two servers, because two origins: the hub itself, and the storage that its redirects point to. Faults are queued and
used up one a request, so that a test reads like a story. Everything that was asked is kept in `requests`.
"""

import contextlib
import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34
TOKEN = "hf_secretsecretsecret"  # noqa: S105 - a secret that is looked for in every output
SIGNATURE = "X-Amz-Signature=topsecret"


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with one request; where nothing is set, nothing does."""

    at: Literal["api", "resolve", "storage"] = "storage"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Body bytes after which the connection is dropped, with an honest Content-Length."""
    body: bytes | None = None
    """Served instead of the content."""
    etag: str | None = None
    ignore_range: bool = False
    redirect_to: str | None = None
    drip: tuple[int, float] | None = None
    """(bytes, seconds): slow delivery."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came in."""

    at: str
    path: str
    range: str | None
    authorization: str | None


class FakeHub:
    """Repositories as {repo: {path: content}}; large-file storage for all `.gguf` files."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, bytes]] = {}
        self.sha256_override: dict[str, str] = {}
        self.extra_siblings: list[dict[str, object]] = []
        self.extra_models: list[object] = []
        self.downloads: dict[str, int] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[Asked] = []
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.slow: tuple[int, float] | None = None
        self.sent = 0
        self._hub = _serve(self, _HubHandler)
        self._storage = _serve(self, _StorageHandler)

    @property
    def url(self) -> str:
        """Return the address that HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._hub.server_address[1]}"

    @property
    def storage_url(self) -> str:
        """Return the address that redirects lead to."""
        return f"http://localhost:{self._storage.server_address[1]}"  # another host, or the client follows as if it were one

    def close(self) -> None:
        """Stop serving."""
        for server in (self._hub, self._storage):
            server.shutdown()
            server.server_close()

    def asked(self, at: str) -> list[Asked]:
        """Return what one of the servers was asked, in order."""
        return [request for request in self.requests if request.at == at]

    def next_fault(self, at: str) -> Fault:
        """Return the fault of a request, which uses it up."""
        if self.faults and self.faults[0].at == at:
            return self.faults.popleft()
        return Fault()

    def content(self, sha256: str) -> bytes | None:
        """Return the file with a hash."""
        contents = (data for files in self.repos.values() for data in files.values())
        return next((data for data in contents if hashlib.sha256(data).hexdigest() == sha256), None)

    def model_info(self, repo: str) -> dict[str, object]:
        """Return the metadata of a repository as the hub words it."""
        siblings: list[dict[str, object]] = []
        for path, data in self.repos[repo].items():
            row: dict[str, object] = {
                "rfilename": path,
                "size": len(data),
                "blobId": hashlib.sha256(data).hexdigest()[:40],
            }
            if path.endswith(".gguf"):
                sha256 = self.sha256_override.get(path, hashlib.sha256(data).hexdigest())
                row["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 135}
            siblings.append(row)
        siblings += self.extra_siblings
        return {"_id": "1", "id": repo, "modelId": repo, "sha": COMMIT, "private": False, "tags": [],
                "downloads": 0, "likes": 0, "siblings": siblings}  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeHub

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed on purpose make broken pipes; they are no news."""


def _serve(fake: FakeHub, handler: type[BaseHTTPRequestHandler]) -> _Server:
    server = _Server(("127.0.0.1", 0), handler)
    server.fake = fake
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Tests read `requests` instead."""

    def note(self, at: str) -> Fault:
        fake = self.server.fake
        authorization = self.headers.get("Authorization")
        fake.requests.append(Asked(at=at, path=self.path, range=self.headers.get("Range"), authorization=authorization))
        return fake.next_fault(at)

    def reply(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str) -> None:
        self.reply(status, {"X-Error-Code": code, "X-Error-Message": message}, json.dumps({"error": message}).encode())


class _HubHandler(_Handler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.removeprefix("/datasets").strip("/").split("/")]
        at = "api" if parts[:2] == ["api", "models"] else "resolve"
        fault = self.note(at)
        fake = self.server.fake
        repo = "/".join(parts[2:4] if at == "api" else parts[:2])
        if parts == ["api", "models"] and fault == Fault():
            self.answer_search()
            return
        if fault.redirect_to is not None:
            self.reply(302, {"Location": fault.redirect_to})
        elif fault.status is not None:
            self.reply(fault.status, fault.headers, fault.body or b"")
        elif fault.body is not None:
            self.reply(200, {"Content-Type": "text/html"}, fault.body)
        elif (repo in fake.private or repo not in fake.repos) and self.headers.get("Authorization") is None:
            self.refuse(401, "RepoNotFound", "Repository not found")
        elif repo not in fake.repos:
            self.refuse(404, "RepoNotFound", "Repository not found")
        elif repo in fake.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.refuse(403, "GatedRepo", "Access to this model is restricted")
        elif at == "api":
            self.answer_metadata(repo, parts)
        else:
            self.answer_resolve(repo, parts)

    def answer_search(self) -> None:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        assert (asked["filter"], asked["sort"], asked["direction"]) == ("gguf", "downloads", "-1")
        fake = self.server.fake
        rows: list[object] = [
            {"id": repo, "modelId": repo, "downloads": fake.downloads.get(repo, 0), "likes": 1, "tags": ["gguf"]}
            for repo, files in fake.repos.items()
            if asked["search"].lower() in repo.lower() and any(path.endswith(".gguf") for path in files)
        ]
        rows.sort(key=lambda row: -row["downloads"])  # type: ignore[index]
        body = json.dumps([*rows, *fake.extra_models][: int(asked["limit"])]).encode()
        self.reply(200, {"Content-Type": "application/json"}, body)

    def answer_metadata(self, repo: str, parts: list[str]) -> None:
        if parts[4:5] == ["revision"] and parts[5] not in ("main", COMMIT, "v1", "refs/pr/1"):
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        assert parse_qs(urlsplit(self.path).query).get("blobs") in (["True"], ["true"], None)
        body = json.dumps(self.server.fake.model_info(repo)).encode()
        self.reply(200, {"Content-Type": "application/json"}, body)

    def answer_resolve(self, repo: str, parts: list[str]) -> None:
        fake = self.server.fake
        path = "/".join(parts[4:])
        data = fake.repos[repo].get(path)
        if data is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        sha256 = hashlib.sha256(data).hexdigest()
        if not path.endswith(".gguf"):  # a file outside large-file storage comes from the hub itself
            self.reply(200, {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256[:40]}"'}, data)
            return
        common = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{sha256}"'}
        self.reply(302, {**common, "Location": f"{fake.storage_url}/{sha256}?{SIGNATURE}"})


class _StorageHandler(_Handler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        fault = self.note("storage")
        fake = self.server.fake
        if fault.redirect_to is not None:
            self.reply(302, {"Location": fault.redirect_to})
            return
        if fault.status is not None:
            self.reply(fault.status, fault.headers, fault.body or b"")
            return
        data = fault.body if fault.body is not None else fake.content(urlsplit(self.path).path.strip("/"))
        if data is None:
            self.reply(404)
            return
        self.send_content(data, fault)

    def send_content(self, data: bytes, fault: Fault) -> None:
        asked = None if fault.ignore_range else self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if asked and start >= len(data):
            self.reply(416, {"Content-Range": f"bytes */{len(data)}"})
            return
        self.send_response(206 if asked else 200)
        self.send_header("ETag", fault.etag or f'"{hashlib.sha256(data).hexdigest()[:32]}"')
        self.send_header("Content-Length", str(len(data) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(data[start:], fault)

    def send_body(self, body: bytes, fault: Fault) -> None:
        fake = self.server.fake
        body = body if fault.cut_after is None else body[: fault.cut_after]
        step, pause = fault.drip or fake.slow or (1 << 20, 0.0)
        for start in range(0, len(body), step):
            block = body[start : start + step]
            self.wfile.write(block)
            fake.sent += len(block)
            time.sleep(pause)
        if fault.cut_after is not None:
            self.close_connection = True


@contextlib.contextmanager
def running() -> Iterator[FakeHub]:
    """Run a fake hub for the length of a block."""
    hub = FakeHub()
    try:
        yield hub
    finally:
        hub.close()

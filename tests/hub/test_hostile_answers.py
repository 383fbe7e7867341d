"""Servers whose answers have no form: each costs one line and the exit code of its kind, never time, memory or a crash."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import fake_hub
import pytest
from fake_hub import FakeHub, Fault

from marco_cli.errors import ConfigError, MarcoError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub import client, download, pull
from marco_cli.hub.range_request import is_address, parse_retry_after

REPO = "user/repo"
SPEC = f"hf:{REPO}/a-Q8_0.gguf"
DIGITS = "9" * 5000
LONG_HOST = "a" * 300
QUICK = download.Retry(sleep=lambda _: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Return a hub with one repository, and a user with empty directories."""
    with fake_hub.running() as running:
        running.repos[REPO] = {"a-Q8_0.gguf": b"eight" * 100}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("MARCO_MODELS_DIR", str(tmp_path / "models"))
        yield running


def bring() -> pull.Pulled:
    """Pull the model, without waiting between retries."""
    return pull.execute(pull.plan(SPEC, total_memory=None, retry=QUICK), retry=QUICK)


def is_one_line(error: MarcoError) -> bool:
    """Say whether an error is one line of readable length, and its hint another."""
    texts = (error.message, error.hint or "")
    return all("\n" not in text and len(text) < 400 for text in texts)


STORAGE = {
    "a size of 5 000 digits": Fault(status=206, headers={"Content-Range": f"bytes 0-1/{DIGITS}"}, body=b"xx"),
    "a range of 5 000 digits": Fault(status=206, headers={"Content-Range": f"bytes {DIGITS}-1/2"}, body=b"xx"),
    "a range in superscript": Fault(status=206, headers={"Content-Range": "bytes \xb2-1/\xb2"}, body=b"xx"),
    "a negative range": Fault(status=206, headers={"Content-Range": "bytes -5--1/-2"}, body=b"xx"),
    "no range": Fault(status=206, body=b"xx"),
    "another range": Fault(status=206, headers={"Content-Range": "bytes 7-8/500"}, body=b"xx"),
    "a length that is not a number": Fault(status=200, headers={"Content-Length": "abc"}, body=b"xx"),
    "a negative length": Fault(status=200, headers={"Content-Length": "-4"}, body=b"xx"),
    "a length of 5 000 digits": Fault(status=200, headers={"Content-Length": DIGITS}, body=b"xx"),
    "a compressed body": Fault(status=200, headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b"),
    "chunks without form": Fault(status=200, headers={"Transfer-Encoding": "chunked"}, body=b"zz\r\nxx"),
    "a cut chunk": Fault(status=200, headers={"Transfer-Encoding": "chunked"}, body=b"ff\r\nxx"),
    "a page": Fault(body=b"<html>log in</html>"),
    "a wait in superscript": Fault(status=429, headers={"Retry-After": "\xb2"}),
    "a wait of 5 000 digits": Fault(status=503, headers={"Retry-After": DIGITS}),
    "a wait that is a date": Fault(status=503, headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}),
    "a negative wait": Fault(status=503, headers={"Retry-After": "-1"}),
    "no content": Fault(status=204),
    "an upgrade": Fault(status=101),
    "a redirect that leads nowhere": Fault(status=302),
    "an unknown status": Fault(status=799),
}


@pytest.mark.parametrize("what", STORAGE)
def test_storage_that_answers_without_form_is_a_network_error(server: FakeHub, what: str) -> None:
    """Exit 8, whether the answer is refused at once or after six tries."""
    server.faults.extend([STORAGE[what]] * 6)

    with pytest.raises(NetworkError) as caught:
        bring()

    assert is_one_line(caught.value)


ADDRESSES = (
    "http://[::1", "http://[::1]:99999/x", "http://localhost:99999/x", "http://localhost:abc/x", "http://localhost:0/x",
    "http://localhost:-1/x", f"http://{LONG_HOST}/x", f"http://{LONG_HOST}.{LONG_HOST}/x",
    "http://a..b/x", "file:///etc/passwd", "ftp://localhost/x", "data:text/plain,x", "javascript:1", "gopher://x/",
    "http://\x00/", "http://a b/x", "//[", f"x{'y' * 300}:z",
)  # fmt: skip


@pytest.mark.parametrize("at", ["api", "resolve", "storage"])
@pytest.mark.parametrize("location", ADDRESSES)
def test_a_redirect_to_what_is_no_address_is_a_network_error(server: FakeHub, location: str, at: str) -> None:
    """At once: no retry, no request anywhere, exit 8."""
    server.faults.append(Fault(at=at, redirect_to=location))  # type: ignore[arg-type]

    with pytest.raises(NetworkError) as caught:
        bring()

    assert is_one_line(caught.value)
    assert not server.faults


def test_a_redirect_in_circles_ends(server: FakeHub) -> None:
    """The description is asked for by the same rules as a file."""
    server.faults.extend(Fault(at="api", redirect_to=f"{server.url}/api/models/{REPO}") for _ in range(9))

    with pytest.raises(NetworkError, match="redirects more than 5 times"):
        bring()


DESCRIPTIONS: dict[str, tuple[object, type[MarcoError]]] = {
    "a list": ([], NetworkError),
    "a number": (1, NetworkError),
    "nothing": (None, NetworkError),
    "files that are not list": ({"siblings": {"a": 1}}, NetworkError),
    "files that are not objects": ({"siblings": ["a.gguf"]}, NetworkError),
    "no files": ({}, ModelNotFoundError),
    "a name that is not text": ({"siblings": [{"rfilename": 5, "size": 1}]}, ModelNotFoundError),
    "no size": ({"siblings": [{"rfilename": "a-Q8_0.gguf"}]}, NetworkError),
    "a negative size": ({"siblings": [{"rfilename": "a-Q8_0.gguf", "size": -1}]}, NetworkError),
    "a size that is a text": ({"siblings": [{"rfilename": "a-Q8_0.gguf", "size": "5"}]}, NetworkError),
    "a size that is a fraction": ({"siblings": [{"rfilename": "a-Q8_0.gguf", "size": 5.5}]}, NetworkError),
    "a size beyond all disks": ({"siblings": [{"rfilename": "a-Q8_0.gguf", "size": 10**30}]}, NetworkError),
    "a name that climbs": ({"siblings": [{"rfilename": "x/../../a-Q8_0.gguf", "size": 5}]}, StorageError),
    "a name with half a character": ({"siblings": [{"rfilename": "\ud800.gguf", "size": 5}]}, StorageError),
    "a name with a line break": ({"siblings": [{"rfilename": "a\n.gguf", "size": 5}]}, StorageError),
    "a name with a bell": ({"siblings": [{"rfilename": "a\x07.gguf", "size": 5}]}, StorageError),
    "a name that is absolute": ({"siblings": [{"rfilename": "/a-Q8_0.gguf", "size": 5}]}, StorageError),
    "a name too long for a disk": ({"siblings": [{"rfilename": "a" * 5000 + "/../x.gguf", "size": 5}]}, StorageError),
}  # fmt: skip


@pytest.mark.parametrize("what", DESCRIPTIONS)
def test_a_description_of_another_shape_has_its_error(server: FakeHub, what: str) -> None:
    """JSON that no hub would send: one line, and nothing is written."""
    said, error = DESCRIPTIONS[what]
    server.faults.append(Fault(at="api", body=json.dumps(said).encode()))

    with pytest.raises(error) as caught:
        bring()

    assert is_one_line(caught.value)


BODIES = {
    "a page": b"<html>log in</html>",
    "no text": b"\xff\xfe\x00\x00",
    "nothing": b"",
    "deep brackets": b"[" * 200_000,
    "a number of 5 000 digits": b'{"siblings":[{"rfilename":"a-Q8_0.gguf","size":' + DIGITS.encode() + b"}]}",
}


@pytest.mark.parametrize("what", BODIES)
def test_a_description_that_is_no_json_is_asked_for_again_and_given_up(server: FakeHub, what: str) -> None:
    """It may be a portal that goes away: six tries, then exit 8."""
    server.faults.extend(Fault(at="api", body=BODIES[what]) for _ in range(6))

    with pytest.raises(NetworkError, match="no usable answer") as caught:
        bring()

    assert is_one_line(caught.value)
    assert len(server.asked("api")) == 6


def test_a_description_without_end_is_not_read_to_its_end(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer takes more memory than a description can need."""
    monkeypatch.setattr(client, "_MAX_DESCRIPTION", 10_000)
    server.faults.append(Fault(at="api", body=b" " * 100_000))

    with pytest.raises(NetworkError, match="says more than"):
        bring()


def test_a_file_name_too_long_for_the_disk_is_a_storage_error(server: FakeHub) -> None:
    """Its form is right, but no file system takes it: exit 7."""
    name = "a" * 300 + "-Q8_0.gguf"
    server.repos[REPO] = {name: b"x"}

    with pytest.raises(StorageError) as caught:
        pull.execute(pull.plan(f"hf:{REPO}/{name}", total_memory=None), retry=QUICK)

    assert caught.value.exit_code == 7


def test_a_commit_that_is_no_commit_is_not_used(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would become part of addresses and of paths in a cache."""
    said = {**server.model_info(REPO), "sha": "../../etc"}
    server.faults.append(Fault(at="api", body=json.dumps(said).encode()))

    assert client.repository(REPO).commit == "main"


@pytest.mark.parametrize("sha256", ["", "abc", "z" * 64, "../" + "a" * 61, 5, None])
def test_a_hash_that_is_no_hash_vouches_for_nothing(server: FakeHub, sha256: object) -> None:
    """The file is then one of known size alone."""
    row = {"rfilename": "a-Q8_0.gguf", "size": 500, "lfs": {"sha256": sha256}}
    server.faults.append(Fault(at="api", body=json.dumps({"siblings": [row]}).encode()))

    assert client.repository(REPO).files[0].sha256 is None


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\n" + b"X-Flood: y\r\n" * 5000 + b"\r\n{}",
    b"HTTP/1.1 200 OK\r\nX-Long: " + b"y" * 200_000 + b"\r\n\r\n{}",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x00" * 100,
    b"",
])  # fmt: skip
def test_what_is_no_http_is_a_network_error(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Floods of headers, another protocol, nothing at all: exit 8 after the retries."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_answer_all, args=(listening, answer), daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")

        with pytest.raises(NetworkError) as caught:
            client.repository(REPO, retry=QUICK)

    assert is_one_line(caught.value)


def _answer_all(listening: socket.socket, answer: bytes) -> None:
    """Give everyone the same answer until the socket is closed."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(answer)
            except OSError:
                continue


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_storage_names_that_host_and_no_licence(server: FakeHub, status: int) -> None:
    """The licence was accepted, or the hub would not have redirected: what refuses is another host."""
    server.faults.append(Fault(status=status))

    with pytest.raises(NetworkError, match=r"localhost:\d+, where the hub stores a-Q8_0\.gguf, refused it") as caught:
        bring()

    assert "licence" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("url", [
    "http://localhost:99999", "http://localhost:abc", "http://[::1", f"http://{LONG_HOST}", "http://", "https://a b",
    "http://\u212a.example", "http://localhost:0", "file:///tmp",
])  # fmt: skip
def test_an_endpoint_that_is_no_address_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Exit 2: the user set it."""
    monkeypatch.setenv("HF_ENDPOINT", url)

    with pytest.raises(ConfigError, match="HF_ENDPOINT"):
        client.repository(REPO, retry=QUICK)


@pytest.mark.parametrize(
    "proxy", ["http://localhost:abc", "http://localhost:99999", "http://[::1", f"http://{LONG_HOST}"]
)
def test_a_proxy_that_is_no_address_is_a_network_error(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Exit 8 with the variables to look at."""
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with pytest.raises(NetworkError) as caught:
        client.repository(REPO, retry=QUICK)

    assert is_one_line(caught.value)


def test_a_token_that_fits_in_no_header_is_a_network_error(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token itself is not repeated."""
    monkeypatch.setenv("HF_TOKEN", "\u2713secret")

    with pytest.raises(NetworkError) as caught:
        client.repository(REPO, retry=QUICK)

    assert "HF_TOKEN" in (caught.value.hint or "")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(("text", "seconds"), [
    ("3", 3.0), (" 3 ", 3.0), ("0", 0.0), ("\xb2", None), ("-1", None), ("3.5", None), ("1e3", None), ("", None),
    (None, None), (DIGITS, None), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("\u0663", None), ("inf", None), ("nan", None),
])  # fmt: skip
def test_a_wait_is_a_whole_number_of_seconds_or_unknown(text: str | None, seconds: float | None) -> None:
    """Digits of other scripts are none to HTTP."""
    assert parse_retry_after(text) == seconds


@pytest.mark.parametrize(
    "url", ["http://a", "https://hub.example:8080/x?y=z", "http://[::1]:80/x", "http://127.0.0.1:1/"]
)
def test_usual_addresses_are_addresses(url: str) -> None:
    """The check refuses nothing that can be asked."""
    assert is_address(url)

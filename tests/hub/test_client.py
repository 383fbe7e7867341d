"""The door to the hub, through the real client, against a loopback hub."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_hub
import pytest
from fake_hub import COMMIT, TOKEN, FakeHub, Fault

from marco_cli.errors import ConfigError, MarcoError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub import client
from marco_cli.hub.download import Retry

REPO = "user/repo"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Return a hub with one repository, and a user with a token."""
    with fake_hub.running() as running:
        running.repos[REPO] = {"README.md": b"hello", "a-Q8_0.gguf": b"eight", "sub/b-F16.gguf": b"sixteen"}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running


def ask(slept: list[float] | None = None) -> client.Repository:
    """Ask for the repository; retries wait for nothing but are noted in `slept`."""
    return client.repository(REPO, retry=Retry(sleep=([] if slept is None else slept).append))


def raising(error: Exception) -> Callable[..., object]:
    """Return a function that raises an error, whatever it is called with."""

    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


def test_a_repository_is_described_with_sizes_and_hashes_of_its_weights(server: FakeHub) -> None:
    """Sizes and hashes are the hub's; other files are left out; the commit pins what is fetched later."""
    repo = ask()

    assert (repo.name, repo.revision, repo.commit) == (REPO, "main", COMMIT)
    assert repo.files == (
        client.HubFile(path="a-Q8_0.gguf", size=5, sha256=hashlib.sha256(b"eight").hexdigest()),
        client.HubFile(path="sub/b-F16.gguf", size=7, sha256=hashlib.sha256(b"sixteen").hexdigest()),
    )
    remote = client.web_file(repo, repo.files[1])
    assert remote.url == f"{server.url}/{REPO}/resolve/{COMMIT}/sub/b-F16.gguf"
    assert (remote.size, remote.sha256) == (7, repo.files[1].sha256)
    assert server.asked("api")[0].authorization == f"Bearer {TOKEN}"


def test_the_fake_hub_speaks_the_real_protocol(server: FakeHub, tmp_path: Path) -> None:
    """The real client can fetch a whole file from it, so what our tests prove is about the protocol, not the fake."""
    from huggingface_hub import hf_hub_download

    path = hf_hub_download(REPO, "sub/b-F16.gguf", endpoint=server.url, cache_dir=tmp_path)

    assert Path(path).read_bytes() == b"sixteen"


def test_the_real_clients_cache_is_found(server: FakeHub, tmp_path: Path) -> None:
    """What the real client cached is recognised, whichever revision name it was asked for; another size is not."""
    from huggingface_hub import hf_hub_download

    hf_hub_download(REPO, "a-Q8_0.gguf", endpoint=server.url, cache_dir=tmp_path)
    repo = ask()

    found = client.cached(repo, repo.files[0], tmp_path)

    assert found is not None
    assert found.read_bytes() == b"eight"
    assert client.cached(repo, repo.files[1], tmp_path) is None
    other = client.HubFile(path="a-Q8_0.gguf", size=6, sha256=None)
    assert client.cached(repo, other, tmp_path) is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_hub_is_asked_again(server: FakeHub, status: int) -> None:
    """As for transfers: Retry-After first, else doubling delays."""
    server.faults.extend([Fault(at="api", status=status, headers={"Retry-After": "3"}), Fault(at="api", status=status)])
    slept: list[float] = []

    assert ask(slept).commit == COMMIT
    assert slept == [3.0, 2.0]


def test_a_hub_that_stays_busy_is_given_up(server: FakeHub) -> None:
    """After six answers the error names the host and the remedy."""
    server.faults.extend(Fault(at="api", status=503) for _ in range(9))

    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:\d+: the hub answered 503") as caught:
        ask()

    assert len(server.asked("api")) == 6
    assert "same command" in (caught.value.hint or "")


def test_an_unreachable_hub_is_a_network_error(server: FakeHub) -> None:
    """Nobody listens: exit 8 after the retries."""
    server.close()
    slept: list[float] = []

    with pytest.raises(NetworkError) as caught:
        ask(slept)

    assert caught.value.exit_code == 8
    assert len(slept) == 5


def test_an_answer_that_is_no_metadata_is_a_network_error(server: FakeHub) -> None:
    """A captive portal answers 200 with a page: that is not a usable answer."""
    server.faults.extend(Fault(at="api", body=b"<html>log in</html>") for _ in range(6))

    with pytest.raises(NetworkError, match="no usable answer"):
        ask()


def test_refusals_have_their_remedies(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not there, not allowed, and no such revision are different things to do."""
    with pytest.raises(ModelNotFoundError, match="no repository user/absent"):
        client.repository("user/absent")
    with pytest.raises(ModelNotFoundError, match="no revision 'v9'"):
        client.repository(REPO, "v9")
    with pytest.raises(ConfigError, match="no repository name"):
        client.repository("a/b/c")

    monkeypatch.delenv("HF_TOKEN")
    server.private.add(REPO)
    with pytest.raises(ModelNotFoundError, match="or it is private") as caught:
        client.repository(REPO)
    assert "HF_TOKEN" in (caught.value.hint or "")

    monkeypatch.setenv("HF_TOKEN", "hf_another")
    server.gated.add(REPO)
    with pytest.raises(NetworkError, match="refused") as refused:
        client.repository(REPO)
    assert "accept the licence" in (refused.value.hint or "")


@pytest.mark.parametrize("status", [401, 403, 404, 410, 418, 451])
def test_no_refusal_shows_the_token(server: FakeHub, status: int) -> None:
    """The client's own messages hold URLs and headers; ours hold neither."""
    server.faults.append(Fault(at="api", status=status, body=TOKEN.encode()))

    with pytest.raises(MarcoError) as caught:
        client.repository(REPO)

    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"
    assert str(status) in caught.value.message


def test_a_data_set_that_is_cut_off_is_a_network_error(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Lost in the middle, again and again: exit 8 with the other way to the data, and no address of the storage."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.repos["user/data"] = {"test.gguf": b"rows of a data set"}  # of large-file storage
    server.faults.extend(Fault(cut_after=0) for _ in range(9))

    with pytest.raises(NetworkError, match=r"could not be reached for test\.gguf of user/data") as caught:
        client.fetch_dataset_file("user/data", "test.gguf")

    assert "--data" in (caught.value.hint or "")
    assert "topsecret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("name", ["ReadError", "ConnectTimeout", "RemoteProtocolError", "DecodingError"])
def test_an_error_of_the_connection_below_the_client_is_a_network_error(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """None of them descends from OSError in the client's releases that use httpx; their text is not repeated."""
    error = getattr(pytest.importorskip("httpx"), name)("signed?topsecret")
    monkeypatch.setattr(client, "hf_hub_download", raising(error))

    with pytest.raises(NetworkError) as caught:
        client.fetch_dataset_file("user/data", "test.parquet")

    assert "topsecret" not in f"{caught.value.message} {caught.value.hint}"


def test_a_fault_of_our_own_is_not_taken_for_one_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What neither the client nor the connection raises goes through as it is."""
    monkeypatch.setattr(client, "hf_hub_download", raising(AssertionError("ours")))

    with pytest.raises(AssertionError):
        client.fetch_dataset_file("user/data", "test.parquet")


@pytest.mark.parametrize("path", ["../../evil.gguf", "/etc/evil.gguf", "a/../../evil.gguf", "a\\..\\evil.gguf"])
def test_a_hub_that_names_files_outside_its_folder_is_refused(server: FakeHub, path: str) -> None:
    """A hostile mirror cannot choose where we write."""
    server.extra_siblings.append({"rfilename": path, "size": 1, "blobId": "x"})

    with pytest.raises(StorageError, match="outside its folder"):
        client.repository(REPO)


@pytest.mark.parametrize("url", ["ftp://hub", "hub.example", "https://user:pass@hub", "https://hub?token=x"])
def test_an_endpoint_must_be_a_plain_web_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Credentials in HF_ENDPOINT would end up in other programs' logs; the message repeats none of it."""
    monkeypatch.setenv("HF_ENDPOINT", url)

    with pytest.raises(ConfigError) as caught:
        client.endpoint()

    assert "pass" not in caught.value.message

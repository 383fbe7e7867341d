"""One file over a hostile network: the result is exact or absent, and what arrived is never fetched again."""

import hashlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import fake_hub
import pytest
from fake_hub import COMMIT, SIGNATURE, TOKEN, FakeHub, Fault
from patience import PATIENCE

from marco_cli.errors import MarcoError, ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub.download import Receipt, Retry, TransferEvent, WebFile, fetch
from marco_cli.hub.range_request import _next

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
REPO = "user/repo"


class Download:
    """A fetch with everything around it that a test wants to look at."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.hub = hub
        self.url = f"{hub.url}/{REPO}/resolve/{COMMIT}/model.gguf"
        self.target = folder / "models" / "model.gguf"
        self.staging = folder / "models" / ".partial"
        self.part = self.staging / "model.gguf.part"
        self.sidecar = self.staging / "model.gguf.part.json"
        self.events: list[TransferEvent] = []
        self.slept: list[float] = []
        self.size = len(CONTENT)
        self.sha256: str | None = SHA256

    def run(self, *, timeout: float = 5.0, attempts: int = 6) -> Receipt:
        """Fetch the file; retries wait for nothing but are noted in `slept`."""
        receipt = fetch(
            WebFile(url=self.url, size=self.size, sha256=self.sha256),
            self.target,
            staging=self.staging,
            headers={"authorization": f"Bearer {TOKEN}"},
            on_event=self.events.append,
            retry=Retry(attempts=attempts, sleep=self.slept.append),
            timeout=timeout,
        )
        assert receipt is not None
        return receipt

    def leave(self, data: bytes) -> None:
        """Leave a partial file as a killed run would."""
        self.hub.faults.append(Fault(cut_after=1))
        with pytest.raises(NetworkError):
            self.run(attempts=1)
        self.part.write_bytes(data)
        self.hub.requests.clear()
        self.events.clear()

    def ranges(self) -> list[str | None]:
        """Return what the storage was asked for, in order; None is the whole file."""
        return [request.range for request in self.hub.asked("storage")]

    def kinds(self) -> list[str]:
        """Return what happened, in order."""
        return [event.kind for event in self.events]

    def assert_exact(self) -> None:
        """Assert that the file is whole, right, and alone."""
        assert self.target.read_bytes() == CONTENT
        assert not self.part.exists()
        assert not self.sidecar.exists()


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[FakeHub]:
    """Return a hub with one file."""
    with fake_hub.running() as hub:
        hub.repos[REPO] = {"model.gguf": CONTENT}
        yield hub


@pytest.fixture
def download(shared_hub: FakeHub, tmp_path: Path) -> Download:
    """Return a download of that file into an empty folder."""
    shared_hub.faults.clear()
    shared_hub.requests.clear()
    return Download(shared_hub, tmp_path)


def test_a_quiet_network_brings_the_exact_file_once(download: Download) -> None:
    """One request to the hub, one to its storage, and nothing is left beside the file."""
    receipt = download.run()

    download.assert_exact()
    assert receipt == Receipt(sha256=SHA256, size=len(CONTENT), received=len(CONTENT), resumed_from=0)
    assert download.ranges() == [None]
    assert download.kinds()[-1] == "done"


@pytest.mark.parametrize("seed", range(50))
def test_a_connection_cut_at_any_byte_is_continued_from_that_byte(download: Download, seed: int) -> None:
    """Nothing that arrived before the cut is asked for again."""
    at = random.Random(seed).randrange(1, len(CONTENT))
    download.hub.faults.append(Fault(cut_after=at))

    receipt = download.run()

    download.assert_exact()
    assert download.ranges() == [None, f"bytes={at}-"]
    assert receipt.received == len(CONTENT)


def test_any_number_of_cuts_is_survived_as_long_as_bytes_arrive(download: Download) -> None:
    """Giving up is for a server that brings nothing, not for one that often fails."""
    download.hub.faults.extend(Fault(cut_after=5_000) for _ in range(40))

    receipt = download.run(attempts=2)

    download.assert_exact()
    assert receipt.received == len(CONTENT)
    assert set(download.slept) == {1.0}


def test_a_dead_server_is_given_up_and_the_bytes_are_kept_for_the_next_run(download: Download) -> None:
    """The error says how much is here and that the same command continues; the next run does."""
    download.hub.faults.append(Fault(cut_after=100_000))
    download.hub.faults.extend(Fault(cut_after=0) for _ in range(6))

    with pytest.raises(NetworkError, match=f"100000 of {len(CONTENT)} bytes") as caught:
        download.run()

    assert caught.value.exit_code == 8
    assert "same command" in (caught.value.hint or "")
    assert download.slept == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert not download.target.exists()
    assert download.part.stat().st_size == 100_000

    receipt = download.run()

    download.assert_exact()
    assert receipt.resumed_from == 100_000
    assert receipt.received == len(CONTENT) - 100_000


def test_a_server_that_can_neither_continue_nor_finish_is_given_up(download: Download) -> None:
    """Restarting is not a progress: a transfer that never grows beyond what it was ends."""
    download.hub.faults.extend(Fault(cut_after=1_000, ignore_range=True) for _ in range(20))

    with pytest.raises(NetworkError):
        download.run()

    assert len(download.hub.asked("storage")) == 6


def test_a_server_without_ranges_starts_over_and_still_ends_exact(download: Download) -> None:
    """A whole answer to a partial question replaces what was here instead of being appended."""
    download.hub.faults.extend([Fault(cut_after=1_000), Fault(ignore_range=True)])

    download.run()

    download.assert_exact()
    assert "restarting" in download.kinds()


def test_a_body_shorter_than_its_length_is_continued(download: Download) -> None:
    """A truncated body is a lost connection, not a file."""
    download.hub.faults.append(Fault(cut_after=len(CONTENT) - 1))

    download.run()

    download.assert_exact()


@pytest.mark.parametrize("body", [CONTENT[:-1], CONTENT + b"x", b"<html>log in to the airport</html>"])
def test_a_body_of_another_length_than_the_hub_states_is_refused(download: Download, body: bytes) -> None:
    """The size is compared before a byte is written; the error names both sizes."""
    download.hub.faults.append(Fault(body=body))

    with pytest.raises(NetworkError, match=f"offers {len(body)} bytes for model.gguf, the hub states {len(CONTENT)}"):
        download.run()

    assert not download.target.exists()


def test_wrong_bytes_never_become_a_model(download: Download) -> None:
    """One flipped bit is exit 7, the transfer is discarded, and the next run begins at zero."""
    flipped = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    download.hub.faults.append(Fault(body=flipped))

    with pytest.raises(StorageError, match="another sha256") as caught:
        download.run()

    assert caught.value.exit_code == 7
    assert not download.target.exists()
    assert download.part.stat().st_size == 0

    download.run()
    download.assert_exact()


def test_without_a_stated_hash_the_size_decides_and_the_hash_is_reported(download: Download) -> None:
    """Small files outside large-file storage have no sha256 on the hub: theirs is computed."""
    download.sha256 = None

    assert download.run().sha256 == SHA256
    download.assert_exact()


def test_a_file_that_changes_between_attempts_starts_over(download: Download) -> None:
    """Bytes of two versions are never mixed: another ETag means another content."""
    other = random.Random(2).randbytes(len(CONTENT))
    download.url = f"{download.hub.storage_url}/{SHA256}"
    download.hub.faults.extend([Fault(body=other, etag='"old"', cut_after=1_000), Fault(etag='"new"')])

    download.run()

    download.assert_exact()
    assert download.ranges() == [None, "bytes=1000-", None]
    assert [event.detail for event in download.events if event.kind == "restarting"] == [
        "the file changed on the server"
    ]


def test_the_hubs_own_tag_outlives_a_change_of_storage_servers(download: Download) -> None:
    """Storage mirrors may tag the same content differently; the hub's linked tag says that it is the same."""
    download.hub.faults.extend([Fault(cut_after=1_000, etag='"mirror-1"'), Fault(etag='"mirror-2"')])

    download.run()

    download.assert_exact()
    assert download.ranges() == [None, "bytes=1000-"]


def test_a_prefix_that_was_damaged_on_disk_costs_one_fresh_start(download: Download) -> None:
    """After a power loss the end of a partial file can be zeros: the hash notices, and the file is fetched whole."""
    download.leave(bytes(70_000))

    receipt = download.run()

    download.assert_exact()
    assert receipt.resumed_from == 0
    assert download.ranges() == ["bytes=70000-", None]


@pytest.mark.parametrize(
    ("left", "sidecar"),
    [
        pytest.param(CONTENT + b"more", None, id="too long"),
        pytest.param(CONTENT[:9], "not json", id="unreadable sidecar"),
        pytest.param(CONTENT[:9], '{"url": 1}', id="sidecar of another shape"),
        pytest.param(
            CONTENT[:9], '{"url":"x","etag":null,"sha256":"00","size":300000,"bytes":0}', id="of another content"
        ),
    ],
)
def test_what_does_not_belong_to_the_file_is_dropped(download: Download, left: bytes, sidecar: str | None) -> None:
    """A partial file is continued only if its sidecar says that it is a prefix of the same content."""
    download.leave(left)
    if sidecar is not None:
        download.sidecar.write_text(sidecar)

    download.run()

    download.assert_exact()
    assert download.ranges() == [None]


def test_a_whole_partial_file_needs_no_request(download: Download) -> None:
    """Killed between the last byte and the rename: the next run hashes, renames, and asks for nothing."""
    download.leave(CONTENT)

    receipt = download.run()

    download.assert_exact()
    assert receipt.received == 0
    assert download.hub.requests == []


REFUSALS = [
    (401, NetworkError, "HF_TOKEN"),
    (403, NetworkError, "HF_TOKEN"),
    (404, ModelNotFoundError, "check the name"),
    (410, ModelNotFoundError, "check the name"),
    (418, NetworkError, "HF_ENDPOINT"),
]


@pytest.mark.parametrize("at", ["resolve", "storage"])
@pytest.mark.parametrize(("status", "error", "hint"), REFUSALS)
def test_a_refusal_ends_at_once_with_its_remedy(
    download: Download, at: str, status: int, error: type[MarcoError], hint: str
) -> None:
    """Statuses that waiting cannot cure are not retried; each error says what to do."""
    download.hub.faults.append(Fault(at=at, status=status))  # type: ignore[arg-type]
    if at == "storage" and status in (401, 403):
        hint = "a firewall may block that host"  # the hub itself had nothing against it

    with pytest.raises(error, match=str(status)) as caught:
        download.run()

    assert hint in (caught.value.hint or "")
    assert download.slept == []


@pytest.mark.parametrize(
    ("status", "headers", "delay"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "99999"}, 60.0),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        (429, {}, 1.0),
        (503, {"Retry-After": "0"}, 0.0),
        (500, {}, 1.0),
        (502, {}, 1.0),
        (504, {}, 1.0),
    ],
)
def test_a_busy_server_is_asked_again_when_it_says(
    download: Download, status: int, headers: dict[str, str], delay: float
) -> None:
    """Retry-After is honoured up to a minute; without it the delays double from one second."""
    download.hub.faults.append(Fault(status=status, headers=headers))

    download.run()

    download.assert_exact()
    assert download.slept == [delay]


def test_a_range_that_the_server_does_not_have_starts_over(download: Download) -> None:
    """416 means that what is here does not belong to what is there."""
    download.leave(CONTENT[:1_000])
    download.hub.faults.append(Fault(status=416))

    download.run()

    download.assert_exact()
    assert download.ranges() == ["bytes=1000-", None]


def test_another_range_than_was_asked_for_is_not_written(download: Download) -> None:
    """A partial answer must begin where the file ends."""
    download.leave(CONTENT[:1_000])
    wrong = {"Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"}
    download.hub.faults.append(Fault(status=206, headers=wrong, body=b"xxx"))

    download.run()

    download.assert_exact()


def test_a_slow_drip_arrives(download: Download) -> None:
    """A connection that brings something within the timeout is never cut by us, and progress is heard meanwhile."""
    download.hub.faults.append(Fault(drip=(20_000, 0.02)))

    download.run(timeout=PATIENCE)

    download.assert_exact()
    assert download.kinds().count("receiving") >= 10
    assert download.slept == []


def test_a_stalled_connection_is_continued_elsewhere(download: Download) -> None:
    """Silence longer than the timeout is a lost connection."""
    download.hub.faults.append(Fault(drip=(100_000, 0.6)))

    download.run(timeout=0.15)

    download.assert_exact()
    assert "timed out" in next(event.detail for event in download.events if event.kind == "retrying")


def test_a_redirect_loop_ends(download: Download) -> None:
    """Six redirects in a row are an error that no retry follows."""
    download.hub.faults.extend(Fault(at="resolve", redirect_to=download.url) for _ in range(20))

    with pytest.raises(NetworkError, match="more than 5 times"):
        download.run()

    assert len(download.hub.requests) == 6
    assert download.slept == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirect_leads_only_to_web_addresses(download: Download, location: str) -> None:
    """A server cannot make us read local files or speak other protocols."""
    download.hub.faults.append(Fault(at="resolve", redirect_to=location))

    with pytest.raises(NetworkError, match="refused"):
        download.run()


def test_an_encrypted_connection_is_never_given_up_for_a_plain_one() -> None:
    """A redirect from https leads to https only."""
    assert _next("https://hub/a", "/b") == "https://hub/b"
    with pytest.raises(NetworkError, match="unencrypted"):
        _next("https://hub/a", "http://hub/b")


def test_the_token_reaches_the_hub_and_nothing_else(download: Download) -> None:
    """Storage is another origin: it gets no token. Neither token nor signature is written or said anywhere."""
    download.hub.faults.append(Fault(cut_after=1_000))
    download.hub.faults.extend(Fault(cut_after=0) for _ in range(6))

    with pytest.raises(NetworkError) as caught:
        download.run()

    assert {request.authorization for request in download.hub.asked("resolve")} == {f"Bearer {TOKEN}"}
    assert {request.authorization for request in download.hub.asked("storage")} == {None}
    assert any(SIGNATURE in request.path for request in download.hub.asked("storage"))
    said = download.sidecar.read_text() + repr(download.events) + str(caught.value) + str(caught.value.hint)
    assert TOKEN not in said
    assert "topsecret" not in said


def test_a_disk_without_room_is_noticed_before_the_first_byte(
    download: Download, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The missing bytes and 5 % more must be free; the error says how much is needed and how much there is."""
    usage = SimpleNamespace(free=int(len(CONTENT) * 1.04))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)

    with pytest.raises(StorageError, match="are free") as caught:
        download.run()

    assert caught.value.exit_code == 7
    assert download.hub.requests == []


def test_a_disk_that_fills_up_on_the_way_keeps_what_it_took(download: Download) -> None:
    """A real refusal of the system (a file size limit) is exit 7, and the next run continues there."""
    code = f"""
import resource, sys
from pathlib import Path
from types import SimpleNamespace
from marco_cli.hub.download import WebFile, fetch
from marco_cli.errors import MarcoError
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    fetch(WebFile(url={download.url!r}, size={download.size}, sha256={SHA256!r}),
          Path({str(download.target)!r}), staging=Path({str(download.staging)!r}))
except MarcoError as error:
    print(error.message, error.hint)
    sys.exit(error.exit_code)
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert outcome.returncode == 7
    assert "disk is full" in outcome.stdout
    assert "same command" in outcome.stdout
    assert download.part.read_bytes() == CONTENT[:65536]
    assert download.run().resumed_from == 65536
    download.assert_exact()


def test_a_path_that_cannot_be_a_folder_is_said_so(download: Download) -> None:
    """Whatever stands in the way of the models directory is exit 7 with the way out."""
    download.target.parent.write_text("a file, not a folder")

    with pytest.raises(StorageError, match="cannot write") as caught:
        download.run()

    assert "MARCO_MODELS_DIR" in (caught.value.hint or "")


def test_two_fetches_at_once_fetch_once(download: Download) -> None:
    """The second waits for the lock, says so, and finds the file wanted no more."""
    download.hub.faults.append(Fault(drip=(30_000, 0.03)))
    events: list[TransferEvent] = []
    receipts: list[Receipt | None] = []

    def one() -> None:
        receipts.append(
            fetch(
                WebFile(url=download.url, size=download.size, sha256=SHA256),
                download.target,
                staging=download.staging,
                on_event=events.append,
                is_wanted=lambda: not download.target.exists(),
            )
        )

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)

    download.assert_exact()
    assert len(download.hub.asked("storage")) == 1
    assert sorted(receipt is None for receipt in receipts) == [False, True]
    assert [event.kind for event in events].count("waiting") == 1


def test_the_file_appears_only_after_its_record_was_written(download: Download) -> None:
    """`before_publish` sees the verified hash while nothing is at the target yet."""
    seen: list[tuple[str, bool]] = []
    fetch(
        WebFile(url=download.url, size=download.size, sha256=SHA256),
        download.target,
        staging=download.staging,
        before_publish=lambda receipt: seen.append((receipt.sha256, download.target.exists())),
    )

    assert seen == [(SHA256, False)]

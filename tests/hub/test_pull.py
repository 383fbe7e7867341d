"""From a specification to installed weights, against a loopback hub."""

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import fake_hub
import pytest
from fake_hub import COMMIT, TOKEN, FakeHub, Fault
from patience import PATIENCE

from marco_cli.errors import ModelNotFoundError, NetworkError, StorageError
from marco_cli.hub import download, pull
from marco_cli.models import library, store
from marco_cli.models.memory import GIB

MARCO = "bartowski/Marco-o1-GGUF"
FALLBACK = "QuantFactory/Marco-o1-GGUF"
SPLIT = [f"fp16/qwq-32b-fp16-0000{part}-of-00003.gguf" for part in (1, 2, 3)]


def content(name: str) -> bytes:
    """Return the bytes of a file, larger for finer quantisations."""
    sizes = {"Q2_K": 12_000, "Q4_K_M": 20_000, "Q8_0": 30_000, "f32": 60_000}
    size = next((size for quantisation, size in sizes.items() if quantisation in name), 25_000)
    return random.Random(name).randbytes(size)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """Return a hub with the catalogue's repositories, and a user with a token and empty directories."""
    with fake_hub.running() as running:
        for quantisation in ("Q2_K", "Q4_K_M", "Q8_0", "f32"):
            name = f"Marco-o1-{quantisation}.gguf"
            running.repos.setdefault(MARCO, {})[name] = content(name)
        running.repos[FALLBACK] = {"Marco-o1.Q5_1.gguf": content("five")}
        running.repos["Qwen/QwQ-32B-GGUF"] = {name: content(name) for name in SPLIT}
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("MARCO_MODELS_DIR", str(tmp_path / "models"))
        yield running


def bring(spec: str, total_memory: int | None = 64 * GIB) -> pull.Pulled:
    """Plan and execute, without waiting between retries."""
    quick = download.Retry(sleep=lambda _: None)
    return pull.execute(pull.plan(spec, total_memory=total_memory, retry=quick), retry=quick)


def test_a_named_quantisation_is_fetched_verified_and_recorded(server: FakeHub) -> None:
    """What the hub stated is kept beside the file, and the file can be verified offline from it."""
    done = bring("marco-o1:q4_k_m")

    data = content("Marco-o1-Q4_K_M.gguf")
    assert done.model.path.read_bytes() == data
    assert done.received == len(data)
    assert done.model.path == store.directory() / MARCO / "Marco-o1-Q4_K_M.gguf"
    record = store.read_record(done.model.path)
    assert record == store.Record(
        repo=MARCO,
        revision="main",
        commit=COMMIT,
        file="Marco-o1-Q4_K_M.gguf",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    assert all(outcome.is_intact for outcome in library.verify(done.model))


def test_pulling_again_asks_once_and_fetches_nothing(server: FakeHub) -> None:
    """The hub's hash and ours agree: no byte moves."""
    bring("marco-o1:q8_0")
    server.requests.clear()

    done = bring("marco-o1:q8_0")

    assert done.received == 0
    assert [request.at for request in server.requests] == ["api"]


def test_a_new_version_on_the_hub_replaces_the_old_one(server: FakeHub) -> None:
    """Same name, other hash: fetched again, recorded anew."""
    bring("marco-o1:q8_0")
    server.repos[MARCO]["Marco-o1-Q8_0.gguf"] = b"new version"

    done = bring("marco-o1:q8_0")

    assert done.model.path.read_bytes() == b"new version"
    assert done.model.sha256 == hashlib.sha256(b"new version").hexdigest()


def test_without_a_quantisation_the_largest_that_fits_is_planned_with_its_reason(server: FakeHub) -> None:
    """Never f32, and the bare name then finds what was pulled."""
    plan = pull.plan("marco-o1", total_memory=64 * GIB)

    assert plan.name == "marco-o1:q8_0"
    assert "largest that fits" in (plan.reason or "")
    assert plan.licence == "https://huggingface.co/AIDC-AI/Marco-o1"
    pull.execute(plan)
    found = library.find_installed("marco-o1")
    assert found is not None
    assert found.name == "marco-o1:q8_0"
    assert library.find_installed("marco-o1:q8_0") is None
    assert library.find_installed("qwq") is None


def test_what_the_first_repository_lacks_comes_from_the_next(server: FakeHub) -> None:
    """A missing quantisation and a missing repository both lead to the fallback."""
    assert bring("marco-o1:q5_1").model.path.is_relative_to(store.directory() / FALLBACK)

    del server.repos[MARCO]
    server.repos[FALLBACK]["Marco-o1.Q4_K_M.gguf"] = content("four")
    assert bring("marco-o1:q4_k_m").model.path.read_bytes() == content("four")


def test_a_quantisation_that_nobody_has_is_answered_with_those_that_exist(server: FakeHub) -> None:
    """The message lists what can be pulled instead."""
    with pytest.raises(ModelNotFoundError, match="no q6_k of marco-o1, it has q2_k, q4_k_m, q8_0, f32, q5_1"):
        pull.plan("marco-o1:q6_k", total_memory=None)


def test_a_hub_that_has_nothing_of_a_model_says_so(server: FakeHub) -> None:
    """When every repository is gone the first one's refusal is told."""
    server.repos.clear()

    with pytest.raises(ModelNotFoundError, match=MARCO):
        pull.plan("marco-o1", total_memory=None)


def test_all_parts_of_a_split_model_are_fetched(server: FakeHub) -> None:
    """The first part is what gets opened; every part has its record."""
    done = bring("qwq:f16")

    assert done.model.path.name == "qwq-32b-fp16-00001-of-00003.gguf"
    assert [path.read_bytes() for path in done.model.files] == [content(name) for name in SPLIT]
    assert None not in done.model.hashes
    assert all(outcome.is_intact for outcome in library.verify(done.model))


def test_a_set_whose_last_part_failed_is_no_model_until_it_is_continued(server: FakeHub) -> None:
    """Parts that are here stay; only the rest is fetched."""
    server.faults.extend([Fault(), Fault(), *(Fault(cut_after=10 if n == 0 else 0) for n in range(6))])
    with pytest.raises(NetworkError):
        bring("qwq:f16")
    with pytest.raises(ModelNotFoundError):
        library.locate("qwq:f16")
    server.requests.clear()

    done = bring("qwq:f16")

    assert [request.range for request in server.asked("storage")] == ["bytes=10-"]
    assert done.received == len(content(SPLIT[2])) - 10


@pytest.mark.parametrize("revision", ["", "@main", "@v1", "@refs/pr/1", f"@{COMMIT}"])
def test_any_file_of_any_repository_at_any_revision(server: FakeHub, revision: str) -> None:
    """`hf:` references are pulled and found by the same text."""
    spec = f"hf:{MARCO}/Marco-o1-Q2_K.gguf{revision}"

    done = bring(spec)

    assert done.model.name == spec
    (listed,) = [model for model in library.installed() if model.source != "bundled"]
    for name in (spec, listed.name):
        assert library.locate(name).path.read_bytes() == content("Marco-o1-Q2_K.gguf")


def test_a_file_with_an_upper_case_extension_is_fetched_once_and_found(server: FakeHub) -> None:
    """The reference that was accepted leads to the file, and a second pull moves no byte."""
    server.repos["user/repo"] = {"Model.GGUF": b"weights"}

    done = bring("hf:user/repo/Model.GGUF")

    assert done.model.path.read_bytes() == b"weights"
    assert bring("hf:user/repo/Model.GGUF").received == 0


def test_a_file_that_the_repository_lacks_is_answered_with_its_neighbours(server: FakeHub) -> None:
    """A typing error in a file name costs one request."""
    with pytest.raises(ModelNotFoundError, match=r"did you mean Marco-o1-Q"):
        pull.plan(f"hf:{MARCO}/Marco-o1-Q4_K_L.gguf", total_memory=None)


def test_the_hub_cache_is_used_instead_of_fetching(server: FakeHub) -> None:
    """What the real client cached is verified once, recorded, and used where it is."""
    from huggingface_hub import hf_hub_download

    cache = store.hub_cache()
    cached = Path(hf_hub_download(MARCO, "Marco-o1-Q8_0.gguf", endpoint=server.url, cache_dir=cache))
    server.requests.clear()

    done = bring("marco-o1:q8_0")

    assert (done.received, server.asked("storage")) == (0, [])
    assert (done.model.path, done.model.source) == (cached, "hub-cache")
    server.requests.clear()
    assert bring("marco-o1:q8_0").received == 0
    assert len(server.requests) == 1


def test_a_damaged_hub_cache_is_not_trusted(server: FakeHub) -> None:
    """Right size, wrong bytes: the file is fetched, and ours wins over the cache from then on."""
    from huggingface_hub import hf_hub_download

    cache = store.hub_cache()
    cached = Path(hf_hub_download(MARCO, "Marco-o1-Q8_0.gguf", endpoint=server.url, cache_dir=cache))
    cached.resolve().chmod(0o600)
    cached.resolve().write_bytes(bytes(cached.stat().st_size))

    done = bring("marco-o1:q8_0")

    assert done.model.path.read_bytes() == content("Marco-o1-Q8_0.gguf")
    assert done.model.source == "catalogue"


@pytest.mark.parametrize("is_cached", [False, True])
def test_a_record_that_cannot_be_written_is_a_storage_error(server: FakeHub, is_cached: bool) -> None:
    """Exit 7 with the way out, whether the file was fetched or is in the hub client's cache; nothing is installed."""
    from huggingface_hub import hf_hub_download

    name = "Marco-o1-Q8_0.gguf"
    if is_cached:
        hf_hub_download(MARCO, name, endpoint=server.url, cache_dir=store.hub_cache())
    in_the_way = store.record_path(store.directory() / MARCO / name)
    in_the_way.mkdir(parents=True)

    with pytest.raises(StorageError, match="cannot write") as caught:
        bring("marco-o1:q8_0")

    assert caught.value.exit_code == 7
    assert str(in_the_way) in caught.value.message
    assert "MARCO_MODELS_DIR" in (caught.value.hint or "")
    assert not (store.directory() / MARCO / name).exists()


def test_a_lying_hash_is_noticed(server: FakeHub) -> None:
    """The hub states one hash and serves another content: exit 7, nothing installed, no record."""
    server.sha256_override["Marco-o1-Q8_0.gguf"] = "0" * 64

    with pytest.raises(StorageError):
        bring("marco-o1:q8_0")

    assert not list(store.directory().rglob("*.gguf"))
    assert not list(store.directory().rglob("*.gguf.json"))


def test_two_pulls_at_once_fetch_once(server: FakeHub) -> None:
    """The second waits and finds the model installed."""
    server.slow = (2_000, 0.02)
    outcomes: list[int] = []
    threads = [threading.Thread(target=lambda: outcomes.append(bring("marco-o1:q8_0").received)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)

    assert sorted(outcomes) == [0, len(content("Marco-o1-Q8_0.gguf"))]
    assert len(server.asked("storage")) == 1


def test_the_token_is_written_nowhere(server: FakeHub) -> None:
    """No file below the models directory holds the token or a signed address."""
    server.faults.extend([Fault(cut_after=1_000), *(Fault(cut_after=0) for _ in range(6))])
    with pytest.raises(NetworkError):
        bring("marco-o1:q8_0")
    bring("marco-o1:q2_k")

    for folder, _, files in os.walk(store.directory()):
        for file in files:
            data = (Path(folder) / file).read_bytes()
            assert TOKEN.encode() not in data
            assert b"topsecret" not in data

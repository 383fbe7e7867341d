"""Finding, listing, checking and removing models, without a network."""

import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from marco_cli.errors import ConfigError, ModelNotFoundError, StorageError
from marco_cli.models import catalog, library, store
from marco_cli.models.store import Record

COMMIT = "c0ffee" + "0" * 34
MARCO_REPO = "bartowski/Marco-o1-GGUF"


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return an environment with empty directories, on a machine whose sockets are gone."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    return {"MARCO_MODELS_DIR": str(tmp_path / "models"), "HF_HOME": str(tmp_path / "hf")}


def install(env: Mapping[str, str], file: str, *, repo: str = MARCO_REPO, data: bytes = b"weights") -> Path:
    """Put a file and its record where a pull puts them."""
    path = store.folder(store.directory(env), repo, None) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    store.write_record(path, record(file, data, repo))
    return path


def record(file: str, data: bytes, repo: str = MARCO_REPO, cached_at: str | None = None) -> Record:
    """Return the record that a pull of these bytes would write."""
    sha256 = hashlib.sha256(data).hexdigest()
    return Record(
        repo=repo, revision="main", commit=COMMIT, file=file, size=len(data), sha256=sha256, cached_at=cached_at
    )


def cache(env: Mapping[str, str], repo: str, file: str, data: bytes, revision: str = "main") -> Path:
    """Put a file where the hub client's cache has it: a blob named by its hash, a link in a snapshot."""
    root = store.hub_cache(env) / f"models--{repo.replace('/', '--')}"
    blob = root / "blobs" / hashlib.sha256(data).hexdigest()
    link = root / "snapshots" / COMMIT / file
    for folder in (blob.parent, link.parent, root / "refs"):
        folder.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    link.symlink_to(blob)
    (root / "refs" / revision).write_text(COMMIT)
    return link


def test_a_pulled_model_is_found_by_name_and_by_quantisation(env: Mapping[str, str]) -> None:
    """With the hash and the preset that belong to it."""
    path = install(env, "Marco-o1-Q8_0.gguf")

    for spec in ("marco-o1:q8_0", "marco-o1", "MARCO"):
        found = library.locate(spec, env)
        assert (found.name, found.path, found.source) == ("marco-o1:q8_0", path, "catalogue")
        assert found.sha256 == hashlib.sha256(b"weights").hexdigest()
        assert found.preset == "marco-o1"
        assert found.size == 7


def test_the_bare_name_means_the_default_then_the_largest(env: Mapping[str, str]) -> None:
    """One rule that does not depend on what was pulled last."""
    install(env, "Marco-o1-Q2_K.gguf", data=b"1")
    install(env, "Marco-o1-Q8_0.gguf", data=b"12345678")
    assert library.locate("marco-o1", env).name == "marco-o1:q8_0"

    install(env, "Marco-o1-Q4_K_M.gguf", data=b"1234")
    assert library.locate("marco-o1", env).name == "marco-o1:q4_k_m"


def test_a_fallback_repository_serves_the_same_name(env: Mapping[str, str]) -> None:
    """Where the weights came from does not change what they are called."""
    path = install(env, "Marco-o1.Q5_K_S.gguf", repo="QuantFactory/Marco-o1-GGUF")

    assert library.locate("marco-o1:q5_k_s", env).path == path


@pytest.mark.parametrize("path", [f"/{'x' * 300}", f"/{'x' * 300}/m.gguf", "./" + "x/" * 3000 + "m.gguf"])
def test_a_path_that_no_file_can_have_is_no_model(env: Mapping[str, str], path: str) -> None:
    """However long, or where one may not look, it is answered like any other that is not there."""
    with pytest.raises(ModelNotFoundError, match="no file at"):
        library.locate(path, env)


def test_a_missing_model_names_the_command_that_brings_it(env: Mapping[str, str]) -> None:
    """Exit 4, with what is installed of it and the exact command."""
    install(env, "Marco-o1-Q2_K.gguf")

    with pytest.raises(ModelNotFoundError, match=r"installed: marco-o1:q2_k") as caught:
        library.locate("marco-o1:q8_0", env)
    assert caught.value.hint == "marco models pull marco-o1:q8_0"

    with pytest.raises(ModelNotFoundError) as caught:
        library.locate("hf:u/r/f.gguf@v1", env)
    assert caught.value.hint == "marco models pull hf:u/r/f.gguf@v1"


def test_the_hub_cache_is_used_in_place(env: Mapping[str, str]) -> None:
    """A file that another program fetched is found without a record, an import or a request; its blob is its hash."""
    link = cache(env, MARCO_REPO, "Marco-o1-Q4_K_M.gguf", b"cached")

    found = library.locate("marco-o1", env)

    assert (found.path, found.source) == (link, "hub-cache")
    assert found.sha256 == hashlib.sha256(b"cached").hexdigest()
    assert library.locate(f"hf:{MARCO_REPO}/Marco-o1-Q4_K_M.gguf@{COMMIT}", env).path == link
    with pytest.raises(ModelNotFoundError):
        library.locate(f"hf:{MARCO_REPO}/Marco-o1-Q4_K_M.gguf@v2", env)


def test_a_recorded_cache_file_is_found_until_the_cache_is_cleaned(env: Mapping[str, str], tmp_path: Path) -> None:
    """A record may point into the hub cache; when the file is gone, so is the model."""
    elsewhere = tmp_path / "Marco-o1-Q6_K.gguf"
    elsewhere.write_bytes(b"there")
    target = store.folder(store.directory(env), MARCO_REPO, None) / "Marco-o1-Q6_K.gguf"
    store.write_record(target, record(target.name, b"there", cached_at=str(elsewhere)))

    assert library.locate("marco-o1:q6_k", env).path == elsewhere
    elsewhere.unlink()
    with pytest.raises(ModelNotFoundError):
        library.locate("marco-o1:q6_k", env)


def test_a_named_revision_has_its_own_folder(env: Mapping[str, str]) -> None:
    """Two revisions of one file do not overwrite each other, and no revision name leaves the directory."""
    root = store.directory(env)

    assert store.folder(root, "u/r", "refs/pr/1") == root / "u" / "r@refs%2Fpr%2F1"
    assert store.folder(root, "u/r", None) == root / "u" / "r"


def test_a_split_model_is_its_first_part_and_needs_them_all(env: Mapping[str, str]) -> None:
    """llama.cpp opens the first part and finds the others beside it."""
    parts = [install(env, f"fp16/qwq-32b-fp16-0000{part}-of-00002.gguf", repo="Qwen/QwQ-32B-GGUF") for part in (1, 2)]

    found = library.locate("qwq:f16", env)

    assert found.path == parts[0]
    assert found.files == tuple(parts)
    assert found.size == 14
    assert library.locate(str(parts[0]), env).files == tuple(parts)
    with pytest.raises(ModelNotFoundError, match="the first is"):
        library.locate(str(parts[1]), env)

    parts[1].unlink()
    with pytest.raises(ModelNotFoundError):
        library.locate("qwq:f16", env)
    with pytest.raises(ModelNotFoundError, match=f"{parts[1].name} is missing"):
        library.locate(str(parts[0]), env)
    assert [model.name for model in library.installed(env) if model.source != "bundled"] == []


def test_a_path_is_itself(env: Mapping[str, str], tmp_path: Path) -> None:
    """The user's own file needs no record; a near miss and a directory are told apart."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"x")

    found = library.locate(str(file), env)

    assert (found.name, found.path, found.source, found.sha256) == ("mine", file, "path", None)
    with pytest.raises(ModelNotFoundError, match=r"did you mean mine\.gguf"):
        library.locate(str(tmp_path / "mien.gguf"), env)
    with pytest.raises(ModelNotFoundError, match="is a directory"):
        library.locate(str(tmp_path), env)


def test_an_unfinished_transfer_is_never_a_model(env: Mapping[str, str]) -> None:
    """Neither by path nor by name nor in the list, even when its name would fit."""
    staging = store.directory(env) / store.PARTIAL / "bartowski" / "Marco-o1-GGUF"
    staging.mkdir(parents=True)
    part = staging / "Marco-o1-Q4_K_M.gguf.part"
    part.write_bytes(b"half")
    (staging / "Marco-o1-Q4_K_M.gguf.part.json").write_text("{}")
    (staging / "decoy-Q4_K_M.gguf").write_bytes(b"half")

    with pytest.raises(ModelNotFoundError, match="unfinished"):
        library.locate(str(part), env)
    with pytest.raises(ModelNotFoundError):
        library.locate("marco-o1", env)
    assert [model for model in library.installed(env) if model.source != "bundled"] == []
    (left,) = store.unfinished(env)
    assert (left.name, left.done) == ("bartowski/Marco-o1-GGUF/Marco-o1-Q4_K_M.gguf", 4)
    assert store.remove_unfinished(env) == 4
    assert store.unfinished(env) == ()


def test_the_bundled_model_needs_nothing(
    env: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found inside the package, and its absence is named as a broken installation."""
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    catalog.entries.cache_clear()
    (tmp_path / "catalog.json").write_bytes((Path(catalog.__file__).parent / "catalog.json").read_bytes())
    with pytest.raises(ModelNotFoundError, match="missing from this installation"):
        library.locate("marco-nano", env)

    (tmp_path / "nano").mkdir()
    (tmp_path / "nano" / "marco-nano.gguf").write_bytes(b"x")
    found = library.locate("marco-nano", env)

    assert (found.source, found.preset, found.path) == ("bundled", "marco-nano", tmp_path / "nano" / "marco-nano.gguf")
    with pytest.raises(ConfigError, match="belongs to the program"):
        library.removable(found, env)


def test_the_list_has_every_model_once(env: Mapping[str, str]) -> None:
    """Catalogue names, hub references of other repositories, and files that were simply put there."""
    install(env, "Marco-o1-Q8_0.gguf")
    install(env, "sub/other-Q4_K_M.gguf", repo="someone/else")
    loose = store.directory(env) / "loose.gguf"
    loose.write_bytes(b"x")

    names = [model.name for model in library.installed(env) if model.source != "bundled"]

    assert names == ["marco-o1:q8_0", str(loose), "hf:someone/else/sub/other-Q4_K_M.gguf"]
    assert library.locate(names[2], env).size == 7


def test_verify_tells_damage_from_health_without_a_network(env: Mapping[str, str]) -> None:
    """One changed byte of any part is found; a file without a record cannot be judged and says so."""
    path = install(env, "Marco-o1-Q8_0.gguf")
    (outcome,) = library.verify(library.locate("marco-o1", env))
    assert outcome.is_intact

    path.write_bytes(b"weightz")
    (outcome,) = library.verify(library.locate("marco-o1", env))
    assert not outcome.is_intact
    assert outcome.actual == hashlib.sha256(b"weightz").hexdigest()

    store.record_path(path).unlink()
    with pytest.raises(StorageError, match="no hash is recorded"):
        library.verify(library.locate("marco-o1", env))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"v":1}', '{"v":1,"repo":"a","sha256":5}', '{"v":1,"repo":"a/b","x":1}']
)
def test_an_unreadable_record_vouches_for_nothing(env: Mapping[str, str], text: str) -> None:
    """The model is still found, but unverifiable; nothing crashes."""
    path = install(env, "Marco-o1-Q8_0.gguf")
    store.record_path(path).write_text(text)

    assert store.read_record(path) is None
    assert library.locate("marco-o1", env).sha256 is None


def test_removal_takes_files_records_and_empty_folders_and_nothing_else(env: Mapping[str, str]) -> None:
    """Other models stay; the models directory itself stays."""
    install(env, "Marco-o1-Q8_0.gguf")
    stays = install(env, "other-Q8_0.gguf", repo="someone/else")

    freed = library.remove(library.locate("marco-o1", env), env)

    root = store.directory(env)
    assert freed > 7
    assert sorted(path.name for path in root.iterdir()) == ["someone"]
    assert stays.is_file()


def test_what_is_not_ours_is_not_removed(env: Mapping[str, str], tmp_path: Path) -> None:
    """The hub cache belongs to the hub client, a path to the user."""
    link = cache(env, MARCO_REPO, "Marco-o1-Q4_K_M.gguf", b"cached")
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"x")

    with pytest.raises(ConfigError, match="hub cache"):
        library.remove(library.locate("marco-o1", env), env)
    with pytest.raises(ConfigError, match="is not in"):
        library.remove(library.locate(str(mine), env), env)
    assert link.is_file()
    assert mine.is_file()


@pytest.mark.parametrize(
    ("env", "cache_dir"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/c", "HF_HOME": "/b"}, "/c"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({}, str(Path("~/.cache/huggingface/hub").expanduser())),
        ({"HF_HOME": "~/h"}, str(Path("~/h/hub").expanduser())),
    ],
    indirect=False,
)
def test_the_cache_directory_follows_the_hub_clients_rules(env: dict[str, str], cache_dir: str) -> None:
    """The same variables in the same order as huggingface_hub documents."""
    assert store.hub_cache(env) == Path(cache_dir)


def test_the_cache_directory_is_the_one_that_the_real_client_computes(tmp_path: Path) -> None:
    """The rules were restated to avoid the import; this compares them with the original."""
    code = """
import os
from huggingface_hub import constants
from marco_cli.models import store
assert str(store.hub_cache()) == constants.HF_HUB_CACHE, (store.hub_cache(), constants.HF_HUB_CACHE)
"""
    for extra in ({"HF_HOME": "~/h$X"}, {"HF_HUB_CACHE": str(tmp_path)}, {"XDG_CACHE_HOME": str(tmp_path)}):
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "XDG"))}
        outcome = subprocess.run(
            [sys.executable, "-c", code], env=environ | {"X": "1"} | extra, capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, outcome.stderr


def test_locating_imports_no_client_and_no_engine(env: Mapping[str, str]) -> None:
    """A cached start costs no import of a network library, in a fresh interpreter."""
    install(env, "Marco-o1-Q4_K_M.gguf")
    code = """
import socket, sys
def refuse(*_, **__): raise SystemExit("a socket was opened")
socket.socket = refuse
from marco_cli.models import installed, locate
assert locate("marco-o1").name == "marco-o1:q4_k_m"
assert len(installed()) >= 1
heavy = {"huggingface_hub", "httpx", "httpx2", "requests", "urllib.request", "numpy", "llama_cpp", "filelock", "rich"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ) | dict(env), capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 0, outcome.stderr

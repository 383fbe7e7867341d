"""Where files lie, and under which names they are found."""

import hashlib
from pathlib import Path

import pytest

from marco_cli.models import store

COMMIT = "c0ffee" + "0" * 34
DATA = b"weights"
SHA256 = hashlib.sha256(DATA).hexdigest()


def cached(root: Path, file: str) -> Path:
    """Put a file where the hub client's cache has it."""
    path = root / "snapshots" / COMMIT / file
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    return path


@pytest.mark.parametrize("file", ["model.gguf", "Model.GGUF", "sub/Model.Gguf", "model-Q8_0.gGuF"])
def test_the_case_of_the_extension_does_not_hide_a_file(tmp_path: Path, file: str) -> None:
    """What a reference may name is found in every place: pulled, in the hub client's cache, or recorded there."""
    environ = {"MARCO_MODELS_DIR": str(tmp_path / "models"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    record = store.Record(repo="u/r", revision="main", commit=COMMIT, file=file, size=len(DATA), sha256=SHA256)
    pulled = store.folder(store.directory(environ), "u/pulled", None) / file
    store.write_record(pulled, record)
    pulled.write_bytes(DATA)
    in_cache = cached(tmp_path / "hub" / "models--u--cached", file)
    elsewhere = store.Record(
        repo="u/r", revision="main", commit=COMMIT, file=file, size=len(DATA), sha256=SHA256, cached_at=str(in_cache)
    )
    store.write_record(store.folder(store.directory(environ), "u/recorded", None) / file, elsewhere)

    found = {repo: store.available(repo, None, environ) for repo in ("u/pulled", "u/cached", "u/recorded")}

    assert {repo: (files[file].path, files[file].source) for repo, files in found.items()} == {
        "u/pulled": (pulled, "catalogue"),
        "u/cached": (in_cache, "hub-cache"),
        "u/recorded": (in_cache, "hub-cache"),
    }
    assert found["u/recorded"][file].sha256 == SHA256

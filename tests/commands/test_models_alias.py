"""`marco models alias`, and what `marco models list` says of models."""

import json
from pathlib import Path

from commands.program import Marco
from small_gguf import write_model


def test_an_alias_is_set_listed_and_forgotten(marco: Marco, tmp_path: Path) -> None:
    """Each step says what it did on stderr; the list is the result on stdout."""
    path = write_model(tmp_path / "tiny-Q8_0.gguf")
    made = marco("models", "alias", "tiny", path)

    assert (made.code, made.out) == (0, "")
    assert f"tiny is {path}" in made.err
    assert marco("models", "alias").out == marco("models", "alias", "TINY").out == f"tiny  = {path}\n"
    assert json.loads(marco("models", "alias", "--json").out) == {"v": 1, "aliases": {"tiny": str(path)}}
    assert marco("models", "path", "tiny").out == f"{path}\n"
    assert marco("models", "alias", "--remove", "tiny").code == 0
    assert (marco("models", "alias").out, path.exists()) == ("", True)
    assert marco("models", "path", "tiny").code == 4


def test_an_alias_of_nothing_is_refused(marco: Marco, tmp_path: Path) -> None:
    """A slip of the pen is told at once, not when the alias is used."""
    run = marco("models", "alias", "tiny", tmp_path / "absent.gguf")

    assert (run.code, marco("models", "alias").out) == (4, "")


def test_rm_takes_no_alias_for_its_model(marco: Marco, tmp_path: Path) -> None:
    """Who wants to be rid of a name does not lose gigabytes."""
    path = write_model(_folder(tmp_path) / "tiny-Q8_0.gguf")
    marco("models", "alias", "tiny", path)
    run = marco("models", "rm", "--yes", "tiny")

    assert run.code == 2
    assert "alias --remove tiny" in run.err
    assert path.exists()


def test_the_list_says_weights_and_quantisation(marco: Marco, tmp_path: Path) -> None:
    """Of the models that are here, of those that have an alias, and of damaged files what their names say."""
    path = write_model(tmp_path / "elsewhere.gguf")
    marco("models", "alias", "tiny", path)
    (_folder(tmp_path) / "broken-Q5_K_M.gguf").write_bytes(b"GGUF")
    lines = marco("models", "list").out.splitlines()
    rows = json.loads(marco("models", "list", "--json").out)["models"]

    assert lines[0].split()[:6] == ["marco-nano", "4.9", "MiB", "3M", "F16", "bundled"]
    assert any("broken" in line and " ?  " in line and "Q5_K_M" in line for line in lines)
    assert lines[-1].startswith("tiny ")
    assert " alias " in lines[-1]
    assert (rows[0]["parameters"], rows[0]["quantisation"]) == (2566656, "F16")


def test_an_alias_that_leads_nowhere_is_told(marco: Marco, tmp_path: Path) -> None:
    """The other models are listed all the same."""
    path = write_model(tmp_path / "elsewhere.gguf")
    marco("models", "alias", "tiny", path)
    path.unlink()
    run = marco("models", "list")

    assert run.code == 0
    assert "the alias tiny leads nowhere" in run.err


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "user" / "repo"
    folder.mkdir(parents=True)
    return folder

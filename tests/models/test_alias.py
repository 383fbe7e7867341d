"""Names of the user's own for models."""

from pathlib import Path

import pytest

from marco_cli.errors import ConfigError, ModelNotFoundError, StorageError
from marco_cli.models import find_installed, locate
from marco_cli.models.alias import aliases, meaning, remove_alias, set_alias

NANO = "marco-nano"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a models directory of its own."""
    return {"MARCO_MODELS_DIR": str(tmp_path / "models"), "HF_HOME": str(tmp_path / "hub"), "HOME": str(tmp_path)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that could be a model."""
    path = tmp_path / "qwen.gguf"
    path.write_bytes(b"GGUF")
    return path


def test_an_alias_is_the_file_wherever_a_model_is_named(environ: dict[str, str], file: Path) -> None:
    """Case does not matter, and what is found is what the path itself would have found."""
    set_alias("Qwen", str(file), environ)

    assert aliases(environ) == {"qwen": str(file)}
    assert locate("qwen", environ) == locate("QWEN", environ) == locate(str(file), environ)
    assert find_installed("qwen", environ) == locate(str(file), environ)


def test_a_relative_path_is_kept_whole(
    environ: dict[str, str], file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The alias means the same file from any directory."""
    monkeypatch.chdir(file.parent)
    set_alias("q", f"./{file.name}", environ)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert locate("q", environ).path == file


def test_an_alias_of_an_alias_is_its_model(environ: dict[str, str], file: Path) -> None:
    """Chains are not kept, so that there are no circles, and taking one away breaks no other."""
    set_alias("a", str(file), environ)
    set_alias("b", "a", environ)
    set_alias("a", "b", environ)
    remove_alias("a", environ)

    assert aliases(environ) == {"b": str(file)}


def test_a_model_of_the_catalogue_may_have_another_name(environ: dict[str, str]) -> None:
    """What an alias stands for is any specification."""
    set_alias("tiny", NANO, environ)

    assert locate("tiny", environ).name == NANO


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "../x", "a b", "x.gguf", "X.GGUF", NANO, "Marco-O1", "marco", "auto", "-m", "a\n", "é", "x" * 65],
)
def test_names_that_mean_something_else_are_refused(environ: dict[str, str], file: Path, name: str) -> None:
    """Neither paths, nor models that have the name, nor words with another meaning."""
    with pytest.raises(ConfigError):
        set_alias(name, str(file), environ)

    assert aliases(environ) == {}


def test_a_file_that_has_gone_is_told_with_the_alias(environ: dict[str, str], file: Path) -> None:
    """The error says which file is meant, and how to mend or forget the alias."""
    set_alias("q", str(file), environ)
    file.unlink()
    with pytest.raises(ModelNotFoundError) as refused:
        locate("q", environ)

    assert str(file) in refused.value.message
    assert refused.value.hint == "q is an alias of it: marco models alias q FILE, or --remove q"


def test_a_slip_of_the_pen_is_answered_with_an_alias(environ: dict[str, str], file: Path) -> None:
    """The user's own names are proposed as those of the catalogue are."""
    set_alias("qwen-small", str(file), environ)
    for forget in (lambda: locate("qwen-smal", environ), lambda: remove_alias("qwen-smal", environ)):
        with pytest.raises(ModelNotFoundError, match="did you mean qwen-small"):
            forget()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"aliases": []}', '{"v": 1}'])
def test_a_damaged_file_costs_only_those_who_name_an_alias(environ: dict[str, str], text: str) -> None:
    """A model of the catalogue and a path are found all the same."""
    place = Path(environ["MARCO_MODELS_DIR"])
    place.mkdir()
    (place / "aliases.json").write_text(text, encoding="utf-8")

    assert meaning(NANO, environ) == NANO
    assert meaning("./x.gguf", environ) == "./x.gguf"
    with pytest.raises(StorageError, match="aliases"):
        meaning("qwen", environ)

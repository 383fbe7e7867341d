"""What the shells offer when Tab is pressed, through the protocol that their scripts speak."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands.program import Marco

from marco_cli.config.preset import preset_names
from marco_cli.config.settings import OPTIONS
from marco_cli.models import catalog
from marco_cli.search import STRATEGIES, VOTES
from marco_cli.search.effort import EFFORTS


@pytest.fixture
def complete(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> "Complete":
    """Return a function that presses Tab at the end of a line."""
    return Complete(marco, monkeypatch)


class Complete:
    """Presses Tab in a shell."""

    def __init__(self, marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
        self._marco = marco
        self._monkeypatch = monkeypatch

    def __call__(self, line: str, shell: str = "bash") -> set[str]:
        """Return what is offered at the end of `line`, which begins with `marco`."""
        variables = {
            "_MARCO_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        return set(self._marco().out.split())


def test_bash_offers_models(complete: Complete) -> None:
    """The names of the catalogue, and nothing that does not begin with what was typed."""
    names = {entry.name for entry in catalog.entries()}

    assert names <= complete("marco ask --model ")
    assert complete("marco ask --model marco-n") == {"marco-nano"}


def test_gguf_files_complete_as_models(complete: Complete, tmp_path: Path) -> None:
    """At a path, directories and GGUF files are offered, other files are not."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "mine.gguf").touch()
    (tmp_path / "notes.txt").touch()

    assert complete(f"marco ask -m {tmp_path}/") >= {f"{tmp_path}/weights/", f"{tmp_path}/mine.gguf"}
    assert complete(f"marco ask -m {tmp_path}/n") == set()


def test_an_installed_model_is_offered_by_its_name(complete: Complete, tmp_path: Path) -> None:
    """What was pulled can be typed with its quantisation."""
    home = tmp_path / "models" / "bartowski" / "Marco-o1-GGUF"
    home.mkdir(parents=True)
    (home / "Marco-o1-Q8_0.gguf").touch()

    assert complete("marco ask -m marco-o1") == {"marco-o1", "marco-o1:q8_0"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_presets_complete_in_every_shell(complete: Complete, tmp_path: Path, shell: str) -> None:
    """The presets of the program and of the user are offered."""
    own = tmp_path / "config" / "marco" / "presets"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("tags: none\n", encoding="utf-8")

    offered = " ".join(complete("marco ask --preset ", shell))

    assert "mine" in offered
    assert all(name in offered for name in preset_names())


@pytest.mark.parametrize(
    ("key", "names"),
    [("strategy", set(STRATEGIES)), ("effort", {"auto", *EFFORTS}), ("vote", set(VOTES)), ("seed", set())],
)
def test_the_values_of_a_key_complete(complete: Complete, key: str, names: set[str]) -> None:
    """`config set` offers the values that a setting may have, and for a number nothing."""
    assert complete(f"marco config set {key} ") == names


def test_the_keys_complete(complete: Complete) -> None:
    """`config set` and `unset` offer the settings."""
    assert complete("marco config set ") == set(OPTIONS)
    assert complete("marco config unset top") == {"top_k", "top_p"}


@pytest.mark.parametrize("line", ["marco ask --model ", "marco ask --preset ", "marco config set strategy "])
def test_completion_loads_nothing_heavy(tmp_path: Path, line: str) -> None:
    """Every press of Tab starts the program: no model library, no hub client, no rich."""
    code = (
        "import sys; sys.argv = ['marco']\n"
        "from marco_cli.commands.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('llama_cpp', 'numpy', 'huggingface_hub', 'jinja2', 'orjson', 'rich')\n"
        "print('loaded', [name for name in heavy if name in sys.modules])"
    )
    env = {
        "HOME": str(tmp_path),
        "_MARCO_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert ran.stdout.endswith("loaded []\n"), ran.stdout + ran.stderr
    assert ran.stdout.count("\n") > 1


def test_an_alias_is_offered_wherever_a_model_is_named(complete: Complete, marco: Marco, tmp_path: Path) -> None:
    """Names of the user's own complete like any other; a file of them that is damaged costs nothing else."""
    marco("models", "alias", "mine", "marco-nano")

    for line in ("marco ask -m m", "marco models info m", "marco config set model m", "marco ask --set model=m"):
        assert {"mine", "model=mine"} & complete(line), line
    assert complete("marco models alias --remove ") == {"mine"}
    (tmp_path / "models" / "aliases.json").write_text("{", encoding="utf-8")
    assert complete("marco ask -m marco-n") == {"marco-nano"}


@pytest.mark.parametrize(
    ("line", "offers"), [("marco eval ", {"nano", "gsm8k", "run", "compare"}), ("marco eval na", {"nano"})]
)
def test_data_sets_complete_after_eval(complete: Complete, line: str, offers: set[str]) -> None:
    """The word `run` may be left out when typing, so it may be when pressing Tab."""
    assert offers <= complete(line)


def test_options_complete_after_a_data_set(complete: Complete) -> None:
    """`marco eval nano` is `marco eval run nano` for Tab too; expert settings are offered."""
    assert {"--limit", "--lang"} <= complete("marco eval nano --l")
    assert complete("marco ask --top") == {"--top-p", "--top-k"}


def test_settings_complete_after_set(complete: Complete) -> None:
    """First the keys, then the values of the key."""
    assert complete("marco ask --set top") == {"top_k=", "top_p="}
    assert complete("marco ask --set effort=m") == {"effort=medium", "effort=max"}

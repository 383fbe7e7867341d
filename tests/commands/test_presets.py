import json
from pathlib import Path

import pytest
from commands.program import Marco

from marco_cli.config.preset import preset_names
from marco_cli.config.settings import OPTIONS
from marco_cli.search.effort import EFFORTS


def own_preset(tmp_path: Path, name: str, text: str) -> Path:
    """Write a preset where the user's own are."""
    path = tmp_path / "config" / "marco" / "presets" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_list_names_every_preset_and_what_it_is_for(marco: Marco, tmp_path: Path) -> None:
    """One line each, the user's own among them, escape codes made harmless."""
    own_preset(tmp_path, "mine", 'description: "My \\e[31mown."\ntemperature: 0.5\n')
    run = marco("presets", "list")

    assert run.code == 0
    assert [line.split()[0] for line in run.out.splitlines()] == list(preset_names())
    assert "My \\x1b[31mown." in run.out
    assert json.loads(marco("presets", "list", "--json").out)["presets"][0].keys() == {
        "name",
        "description",
        "path",
        "extends",
    }


def test_a_broken_preset_does_not_hide_the_others(marco: Marco, tmp_path: Path) -> None:
    """It is named on stderr, the rest is listed."""
    own_preset(tmp_path, "broken", "temprature: 1\n")
    run = marco("presets", "list")

    assert run.code == 0
    assert "marco-o1" in run.out
    assert "broken" not in run.out
    assert "temprature" in run.err


def test_show_says_where_each_value_comes_from(marco: Marco) -> None:
    """Every setting has a line with its origin: the preset's file and line, a preset it extends, or the default."""
    run = marco("presets", "show", "marco-nano")
    lines = run.out.splitlines()

    assert run.code == 0
    assert any(line.startswith("max_tokens: 640  # preset marco-nano (") for line in lines)
    assert any(line.startswith('tags: "marco"  # preset marco-nano (') and "marco-o1.yaml:" in line for line in lines)
    assert "seed: 0  # default" in lines
    assert [line.partition(":")[0] for line in lines if line and line[0] not in "# "] == list(OPTIONS)


def test_show_lists_what_the_efforts_stand_for(marco: Marco) -> None:
    """The bundles behind --effort are there with their numbers, in text and in JSON."""
    text = marco("presets", "show", "generic").out
    document = json.loads(marco("presets", "show", "generic", "--json").out)

    assert document["v"] == 1
    assert document["efforts"].keys() == {"auto", *EFFORTS}
    assert document["efforts"]["high"]["simulations"] == EFFORTS["high"].simulations
    assert document["settings"]["preset"] == "generic"
    assert document["origins"]["preset"] == "flag --preset"
    for name, effort in EFFORTS.items():
        line = next(line for line in text.splitlines() if line.startswith(f"#   {name} "))
        assert effort.strategy == "cot" or f"{effort.simulations} simulations" in line


def test_path_says_where_a_preset_is(marco: Marco, tmp_path: Path) -> None:
    """The file by name; without one, the directory for the user's own, even before it exists."""
    path = own_preset(tmp_path, "mine", "temperature: 0.5\n")

    assert marco("presets", "path", "mine").out == f"{path}\n"
    assert json.loads(marco("presets", "path", "mine", "--json").out) == {"v": 1, "path": str(path)}
    assert marco("presets", "path").out == f"{path.parent}\n"


def test_validate_accepts_what_ships(marco: Marco) -> None:
    """Every preset of the package is right."""
    run = marco("presets", "validate")

    assert run.code == 0
    assert run.out.splitlines() == [f"ok     {name}" for name in preset_names()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("temprature: 1\n", "did you mean temperature?"),
        ("temperature: hot\n", "expected a number"),
        ("extends: nowhere\n", "no preset named 'nowhere'"),
        ("strategy: mcts\nvote: loudest\n", "vote: got 'loudest'"),
        ("- a list\n", "got a list"),
    ],
)
def test_validate_says_what_is_wrong(marco: Marco, tmp_path: Path, text: str, expected: str) -> None:
    """The wrong one is marked, the others are still checked, and the message names the problem and the way out."""
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    run = marco("presets", "validate", path, "marco-o1")

    assert run.code == 2
    assert run.out.splitlines() == [f"WRONG  {path}", "ok     marco-o1"]
    assert expected in run.err


def test_a_missing_preset_is_no_bug(marco: Marco) -> None:
    """Its name is repeated, and a near one is offered."""
    run = marco("presets", "show", "marco-01")

    assert run.code == 2
    assert "no preset named 'marco-01'" in run.err
    assert "did you mean marco-o1?" in run.err

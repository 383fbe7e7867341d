import subprocess
import sys
from pathlib import Path

import pytest

from marco_cli.config import layers
from marco_cli.config.layers import OTHER_VARIABLES, resolve
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a configuration file, with presets p-flag, p-env, p-file and p-model."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    presets = tmp_path / "marco" / "presets"
    presets.mkdir(parents=True)
    for name in ("flag", "env", "file", "model"):
        (presets / f"p-{name}.yaml").write_text(f"system: p-{name}\nvariables: {{who: p-{name}}}\n")
    return tmp_path / "marco"


def config(home: Path, text: str) -> None:
    """Write the user's configuration file."""
    (home / "config.yaml").write_text(text)


# Strongest first: what sets `system` in this layer, and the origin that is told then.
LAYERS = (
    ("flag", "flag --system"),
    ("flag's preset", "preset p-flag ("),
    ("env", "env MARCO_SYSTEM"),
    ("env's preset", "preset p-env ("),
    ("file's preset", "preset p-file ("),
    ("file", "config "),
    ("model's preset", "preset p-model ("),
    ("default", "default"),
)


@pytest.mark.parametrize("strongest", range(len(LAYERS)))
def test_the_strongest_layer_wins_and_is_named(home: Path, strongest: int) -> None:
    """Flag, its preset, environment, its preset, the file's preset, the file, the model's preset, default."""
    present = {layer for layer, _ in LAYERS[strongest:]}
    lines = ["preset: p-file"] if "file's preset" in present else []
    lines += ["system: file"] if "file" in present else []
    config(home, "\n".join(lines))
    env = {"MARCO_SYSTEM": "env"} if "env" in present else {}
    env |= {"MARCO_PRESET": "p-env"} if "env's preset" in present else {}
    flags = {
        "system": "flag" if "flag" in present else None,
        "preset": "p-flag" if "flag's preset" in present else None,
    }

    resolved = resolve(
        flags=flags, env=env, implied_preset=lambda _: "p-model" if "model's preset" in present else None
    )

    expected = ("flag", "p-flag", "env", "p-env", "p-file", "file", "p-model", None)[strongest]
    assert resolved.settings.system == expected
    assert dict(resolved.origins)["system"].startswith(LAYERS[strongest][1])


def test_only_the_strongest_preset_is_in_effect(home: Path) -> None:
    """A preset for another model, named somewhere weaker, never leaks its tags or prefill into this one."""
    config(home, "preset: marco-o1\n")

    settings = resolve(flags={"preset": "generic"}, env={"MARCO_PRESET": "translate"}).settings

    assert (settings.preset, settings.tags, settings.prefill, settings.prefix) == ("generic", "auto", "", "")


def test_a_values_origin_names_file_and_line(home: Path) -> None:
    """`marco config show` can say where to look for each value."""
    config(home, "# mine\ntop_p: 0.5\n")

    origins = dict(resolve(flags={"seed": 3}, env={"MARCO_TOP_K": "4"}).origins)

    assert origins["top_p"] == f"config {home / 'config.yaml'}:2"
    assert origins["seed"] == "flag --seed"
    assert origins["top_k"] == "env MARCO_TOP_K"
    assert set(origins) == set(OPTIONS)


def test_nothing_given_is_the_defaults() -> None:
    """Without any layer the settings are the defaults, and an empty variable or list counts as not given."""
    flags = dict.fromkeys(OPTIONS) | {"stop": [], "variables": ()}

    resolved = resolve(flags=flags, env={"MARCO_TOP_P": "", "MARCO_NONSENSE": ""})

    assert resolved.settings == Settings()
    assert set(dict(resolved.origins).values()) == {"default"}


def test_empty_text_on_the_command_line_is_a_value() -> None:
    """`--system ""` asks for an empty system prompt, which is not the model's default one."""
    assert resolve(flags={"system": "", "preset": "p-flag"}, env={}).settings.system == ""


def test_named_texts_add_up_name_by_name(home: Path) -> None:
    """One variable from the command line replaces one of the preset and leaves the others."""
    config(home, "variables: {tone: dry, who: file}\nsystem: '{who} {tone} {mood}'\n")

    resolved = resolve(flags={"variables": ["mood=good"]}, env={"MARCO_VARIABLES": "who=env"})

    assert dict(resolved.settings.variables) == {"tone": "dry", "who": "env", "mood": "good"}
    assert dict(resolved.origins)["variables.mood"] == "flag --variables"
    assert dict(resolved.origins)["variables.who"] == "env MARCO_VARIABLES"


def test_a_variable_that_no_text_uses_is_a_slip() -> None:
    """A misspelt variable on the command line would silently change nothing: it is refused with the nearest one."""
    with pytest.raises(ConfigError) as caught:
        resolve(flags={"preset": "translate", "variables": ["target_langage=German"]}, env={})

    assert caught.value.message == "flag --variables: no text of this preset holds {target_langage}"
    assert caught.value.hint == "did you mean target_language?"
    assert dict(
        resolve(flags={"preset": "translate", "variables": ["target_language=German"]}, env={}).settings.variables
    ) == {"target_language": "German"}


def test_the_model_that_the_layers_name_implies_a_preset(home: Path) -> None:
    """The caller's catalog is asked once with the model in effect, and only when no preset was named."""
    config(home, "model: marco-nano\n")
    asked: list[str | None] = []

    def implied(model: str | None) -> str:
        asked.append(model)
        return "marco-nano"

    resolved = resolve(flags={}, env={}, implied_preset=implied)

    assert asked == ["marco-nano"]
    assert (resolved.settings.preset, resolved.settings.tags) == ("marco-nano", "marco")
    assert dict(resolved.origins)["preset"] == "implied by the model"
    resolve(flags={"preset": "generic"}, env={}, implied_preset=implied)
    assert asked == ["marco-nano"]


def test_a_presets_path_starts_where_it_was_named(home: Path, tmp_path: Path) -> None:
    """In the configuration file relative to that file, on the command line relative to the current directory."""
    (home / "mine.yaml").write_text("system: beside the file\n")
    (tmp_path / "mine.yaml").write_text("system: here\n")
    config(home, "preset: ./mine.yaml\n")

    assert resolve(flags={}, env={}).settings.system == "beside the file"
    assert resolve(flags={"preset": "./mine.yaml"}, env={}).settings.system == "here"


@pytest.mark.parametrize(
    ("layers", "message", "hint"),
    [
        (({"top_p": 2.0}, {}, ""), "flag --top-p: got 2.0, expected a number above 0 and at most 1", None),
        (({"gpu_layers": "many"}, {}, ""), "flag --gpu-layers: got 'many', expected a whole number at least -1", None),
        (({}, {"MARCO_TOP_K": "x"}, ""), "env MARCO_TOP_K: got 'x', expected a whole number at least 0", None),
        (
            ({}, {"MARCO_TOPP": "1"}, ""),
            "environment variable MARCO_TOPP matches no setting",
            "did you mean MARCO_TOP_P?",
        ),
        (({}, {"MARCO_MODEL_DIR": "1"}, ""), "environment variable MARCO_MODEL_DIR", "did you mean MARCO_MODELS_DIR?"),
        (({}, {}, "seed: 1\nsead: 2"), "config.yaml:2: unknown key 'sead'", "did you mean seed?"),
        (({}, {}, "preset: nope-o1"), "config.yaml:1: no preset named 'nope-o1'", None),
        (({"preset": "marco-01"}, {}, ""), "flag --preset: no preset named 'marco-01'", "did you mean marco-o1?"),
        (
            ({}, {"MARCO_PRESET": "marco-01"}, ""),
            "env MARCO_PRESET: no preset named 'marco-01'",
            "did you mean marco-o1?",
        ),
        (({"topp": 1}, {}, ""), "unknown setting 'topp'", "did you mean top_p?"),
    ],
)
def test_a_mistake_names_its_place_and_the_nearest_key(
    home: Path, layers: tuple[dict[str, object], dict[str, str], str], message: str, hint: str | None
) -> None:
    """Flag, variable or file and line: the place to mend is in the message."""
    flags, env, text = layers
    config(home, text)

    with pytest.raises(ConfigError) as caught:
        resolve(flags=flags, env=env)

    assert message in caught.value.message
    assert hint is None or caught.value.hint == hint


def test_variables_of_other_purposes_are_no_settings() -> None:
    """Places, logging and display have variables too; others than MARCO_* are not looked at."""
    env = dict.fromkeys(OTHER_VARIABLES, "x") | {"_MARCO_COMPLETE": "source_bash", "marco_x": "1", "XMARCO_Y": "1"}
    del env["MARCO_CONFIG"]

    assert resolve(flags={}, env=env).settings == Settings()
    assert not {option.variable for option in OPTIONS.values()} & set(OTHER_VARIABLES)


@pytest.mark.parametrize("name", OTHER_VARIABLES)
def test_every_variable_that_is_known_is_read(name: str) -> None:
    """A variable that is taken without a word does something: it is read somewhere."""
    package = Path(layers.__file__).parents[1]
    sources = (path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path != Path(layers.__file__))

    assert any(f'"{name}"' in source for source in sources)


def test_configuration_loads_no_engine() -> None:
    """Commands that only read settings start fast: neither llama_cpp, numpy nor jinja2 comes along."""
    code = (
        "import sys, marco_cli.config, marco_cli.prompt\n"
        "print({'llama_cpp', 'numpy', 'jinja2', 'huggingface_hub', 'rich', 'typer'} & set(sys.modules))"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "set()\n"

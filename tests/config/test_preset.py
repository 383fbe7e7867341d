import sys
from pathlib import Path

import pytest
from tables import table

from marco_cli.config import preset as preset_module
from marco_cli.config.layers import resolve
from marco_cli.config.preset import config_directory, load_preset, preset_directories, preset_names
from marco_cli.config.settings import Settings
from marco_cli.errors import ConfigError

SHIPPED = ("deepseek-r1", "generic", "marco-nano", "marco-o1", "translate")


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory of the user's own presets."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    directory = config_directory() / "presets"
    directory.mkdir(parents=True)
    return directory


def settings_of(name: str) -> Settings:
    """Resolve the settings of a preset alone."""
    return resolve(flags={"preset": name}, env={}).settings


@pytest.mark.parametrize(
    "name", ["x" * 300, "much text that was pasted " * 20, f"{'x' * 300}/a.yaml", f"a/{'x' * 300}"]
)
def test_a_name_that_no_file_can_have_is_no_preset(name: str) -> None:
    """However long, it is answered like any other that is not there."""
    with pytest.raises(ConfigError, match="no preset "):
        load_preset(name)


def test_a_directory_that_cannot_be_looked_into_has_no_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The presets that ship are there whatever is wrong with the user's own place."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))

    assert set(SHIPPED) <= set(preset_names())
    assert load_preset("marco-o1").name == "marco-o1"
    with pytest.raises(ConfigError, match="no preset named 'mine'"):
        load_preset("mine")


def test_the_shipped_presets_are_found() -> None:
    """An editable checkout and a wheel offer the same names."""
    assert set(SHIPPED) <= set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_every_shipped_preset_loads_and_says_what_it_is(name: str) -> None:
    """A preset that ships can be used: its settings are valid and it has a one-line description."""
    preset = load_preset(name)

    assert settings_of(name).preset == name
    assert preset.name == name
    assert preset.description.endswith(".")
    assert "\n" not in preset.description


@pytest.mark.parametrize("name", preset_names())
def test_every_declared_variable_is_used_and_every_used_one_declared(name: str) -> None:
    """A shipped text has no placeholder that stays open, and no variable without effect."""
    settings = settings_of(name)
    texts = (settings.system or "") + settings.prefix + settings.suffix

    for variable, _ in settings.variables:
        assert f"{{{variable}}}" in texts
        texts = texts.replace(f"{{{variable}}}", "")
    assert "{" not in texts


@pytest.mark.parametrize("name", preset_names())
def test_every_line_of_a_shipped_preset_changes_something_and_is_explained(name: str) -> None:
    """A preset says only what differs from what it builds on, and has comments that say why."""
    preset = load_preset(name)
    lines = preset.path.read_text(encoding="utf-8").splitlines()
    parent = settings_of(preset.extends[0]) if preset.extends else resolve(flags={}, env={}).settings

    for entry in preset.entries:
        if entry.path != preset.path:
            continue
        assert entry.value != getattr(parent, entry.key) or (name, entry.key) == ("generic", "tags")
        assert any(line.lstrip().startswith("#") for line in lines[entry.line - 2 : entry.line + 1])


def test_marco_presets_share_the_format_of_marco_o1() -> None:
    """The bundled model and the translator speak with Marco-o1's tags, opening and reflection phrases."""
    o1, nano, translate = (settings_of(name) for name in ("marco-o1", "marco-nano", "translate"))

    assert (o1.tags, o1.prefill, o1.system) == ("marco", "<Thought>\n", None)
    assert dict(o1.reflection_phrases)["en"] == "Wait! Maybe I made some mistakes! I need to rethink from scratch."
    assert set(dict(o1.reflection_phrases)) == {"en", "zh"}
    for other in (nano, translate):
        assert (other.tags, other.prefill, other.reflection_phrases) == (o1.tags, o1.prefill, o1.reflection_phrases)
    assert nano.max_tokens is not None
    assert nano.max_tokens + nano.output_reserve < 1024


def test_generic_forces_nothing() -> None:
    """With `generic` any chat model is asked exactly as its own template does."""
    assert settings_of("generic") == resolve(flags={"preset": "generic", "tags": "auto"}, env={}).settings
    assert settings_of("generic").system is None
    assert settings_of("generic").prefill == ""


def test_a_preset_extends_by_name_and_by_relative_path(own: Path) -> None:
    """What is not said is taken over, what is said replaces, named texts add up; file and line stay known."""
    (own / "base.yaml").write_text("extends: marco-o1\ntemperature: 0.5\nvariables: {a: '1', b: '2'}\n")
    (own / "sub").mkdir()
    (own / "sub" / "mine.yaml").write_text("# mine\nextends: ../base.yaml\nvariables: {b: '3'}\ntemperature: 0.7\n")

    preset = load_preset(str(own / "sub" / "mine.yaml"))
    settings = settings_of(str(own / "sub" / "mine.yaml"))

    assert preset.extends == ("base", "marco-o1")
    assert preset.entries[-1].where == f"{own / 'sub' / 'mine.yaml'}:4"
    assert (settings.tags, settings.temperature) == ("marco", 0.7)
    assert settings.variables == (("a", "1"), ("b", "3"))


def test_the_users_own_presets_are_known_by_name(own: Path) -> None:
    """A file in the user's presets directory is listed and loaded like a shipped one."""
    (own / "mine.yaml").write_text("description: Mine.\n")
    (own / "notes.txt").write_text("no preset")

    assert "mine" in preset_names()
    assert "notes" not in preset_names()
    assert load_preset("mine").description == "Mine."


def test_shipped_presets_cannot_be_shadowed(own: Path) -> None:
    """A name in a README means the same on every machine; changing one is what `extends` is for."""
    (own / "generic.yaml").write_text("extends: generic\ntags: think\n")

    assert settings_of("generic").tags == "auto"
    assert settings_of(str(own / "generic.yaml")).tags == "think"


def test_a_circle_of_extends_is_shown(own: Path) -> None:
    """Presets that extend one another are an error with the whole circle."""
    (own / "a.yaml").write_text("extends: b\n")
    (own / "b.yaml").write_text("tags: none\nextends: ./c.yaml\n")
    (own / "c.yaml").write_text("extends: a\n")

    with pytest.raises(ConfigError) as caught:
        load_preset("a")

    assert caught.value.message == f"{own / 'c.yaml'}:1: extends itself: a → b → c → a"


def test_a_missing_parent_is_named_with_file_line_and_chain(own: Path) -> None:
    """The error says which file asked for the missing preset, and what was meant."""
    (own / "a.yaml").write_text("extends: b\n")
    (own / "b.yaml").write_text("tags: none\nextends: marco-o2\n")

    with pytest.raises(ConfigError) as caught:
        load_preset("a")

    assert caught.value.message == f"{own / 'b.yaml'}:2: no preset named 'marco-o2' (a → b → marco-o2)"
    assert caught.value.hint == "did you mean marco-o1?"


@table(["", "no-such", "no/such.yaml", "..", "../presets", "a\x00.yaml"])
def test_a_missing_preset_is_one_line(name: str) -> None:
    """Names and paths that lead nowhere are refused, odd ones included."""
    with pytest.raises(ConfigError) as caught:
        load_preset(name, where="flag --preset")

    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "line", "part", "hint"),
    [
        ("tags: marco\nprefil: x\n", 2, "unknown key 'prefil'", "did you mean prefill?"),
        ("preset: marco-o1\n", 1, "unknown key 'preset'", None),
        ("tags: marco\ntags: none\n", 2, "tags is already set on line 1", "keep one of the two"),
        ("tags: marko\n", 1, "tags: got 'marko', expected auto, none, marco, think", "did you mean marco?"),
        ("description: x\nmax_tokens: 1.5\n", 2, "max_tokens: got '1.5', expected a whole number", None),
        ("extends: [a]\n", 1, "extends: got a list, expected text", None),
    ],
)
def test_a_wrong_preset_names_file_line_and_nearest_key(
    own: Path, text: str, line: int, part: str, hint: str | None
) -> None:
    """A preset's mistakes are found when it is loaded, not when a model answers strangely."""
    file = own / "wrong.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_preset("wrong")

    assert caught.value.message.startswith(f"{file}:{line}: {part}")
    assert hint is None or caught.value.hint == hint


def test_a_package_directory_without_a_project_is_no_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package never reads a directory `presets` that happens to lie in site-packages."""
    (tmp_path / "site-packages" / "marco_cli" / "config").mkdir(parents=True)
    monkeypatch.setattr(
        preset_module, "__file__", str(tmp_path / "site-packages" / "marco_cli" / "config" / "preset.py")
    )

    assert tmp_path / "site-packages" / "presets" not in preset_directories()


def test_macos_uses_the_unix_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminal users of macOS find the configuration in ~/.config, like everybody else's tools."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/Users/x")

    assert config_directory() == Path("/Users/x/.config/marco")

"""`marco config` as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands.program import Marco

from marco_cli.config.document import parse_document
from marco_cli.config.layers import resolve
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.view.settings import settings_text


@pytest.fixture
def file(marco: Marco, tmp_path: Path) -> Path:
    """Return where the user's configuration file is; it does not exist yet."""
    return tmp_path / "config" / "marco" / "config.yaml"


def editor(tmp_path: Path, code: str) -> str:
    """Return an EDITOR that runs Python code on the `path` it is given."""
    script = tmp_path / "an editor.py"
    script.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{code}\n", encoding="utf-8")
    return f'"{sys.executable}" "{script}"'


def test_show_prints_every_setting_in_the_form_of_the_file(marco: Marco) -> None:
    """What is shown could be put into a configuration file: same keys, same values, nothing left out."""
    shown = marco("config", "show")

    entries = parse_document(shown.out, Path("shown"), OPTIONS)
    assert shown.code == 0
    assert [entry.key for entry in entries] == list(OPTIONS)


@pytest.mark.parametrize(
    "given",
    [
        {"system": 'quotes " and \\ and\nlines\u2028\x85\u202e\x1b[2J, 中文 🙂', "time_limit": 0.1},
        {"gpu_layers": -1, "top_p": 0.123456789012, "temperature": 1e-07, "seed": 12},
        {"stop": ("a, b", "]", "#"), "variables": (("a", "b: c"), ("no", "{}")), "prefix": "{a} {no}"},
    ],
)
def test_what_is_shown_reads_back_as_the_same_settings(marco: Marco, given: dict[str, object]) -> None:
    """No value is changed by how it is spelt, and no character of a value can steer the terminal."""
    resolved = resolve(flags=given, env={}, config=None)

    for with_origin in (False, True):
        text = settings_text(resolved, with_origin=with_origin)
        values = {entry.key: entry.value for entry in parse_document(text, Path("shown"), OPTIONS)}
        assert Settings(**values) == resolved.settings  # type: ignore[arg-type]
        assert all(character.isprintable() or character == "\n" for character in text)


def test_origin_names_the_layer_of_each_value(marco: Marco, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default, file with its line, environment, preset: each value says which of them won."""
    marco("config", "set", "seed", "7")
    marco("config", "set", "preset", "translate")
    monkeypatch.setenv("MARCO_TOP_P", "0.5")

    lines = {line.split(":")[0]: line for line in marco("config", "show", "--origin").out.splitlines()}

    assert lines["seed"] == f"seed: 7  # config {file}:3"
    assert lines["top_p"] == "top_p: 0.5  # env MARCO_TOP_P"
    assert lines["min_p"] == "min_p: 0  # default"
    assert "target_language: preset translate (" in lines["variables"]
    assert lines["tags"].startswith('tags: "marco"  # preset translate (')


def test_show_as_json_has_values_and_origins(marco: Marco, file: Path) -> None:
    """A program reads typed values: numbers, null, objects for named texts."""
    marco("config", "set", "variables", "tone=dry")

    document = json.loads(marco("config", "show", "--json").out)

    assert (document["v"], document["path"]) == (1, str(file))
    assert list(document["settings"]) == list(OPTIONS)
    assert document["settings"]["variables"]["tone"] == "dry"
    assert document["settings"]["model"] is None
    assert document["origins"]["variables.tone"] == f"config {file}:3"


def test_settings_are_shown_without_the_model_that_they_name(marco: Marco) -> None:
    """A missing model is said and its preset left out; the settings are still there to be looked at."""
    marco("config", "set", "model", "marco-o1")

    shown = marco("config", "show")

    assert shown.code == 0
    assert 'model: "marco-o1"\n' in shown.out
    assert "marco-o1 is not on this machine" in shown.err


def test_path_says_where_the_file_would_be(marco: Marco, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path alone goes to stdout, so that a script can use it; MARCO_CONFIG and --config move it."""
    missing = marco("config", "path")
    marco("config", "set", "seed", "1")
    there = marco("config", "path")
    monkeypatch.setenv("MARCO_CONFIG", "/elsewhere/c.yaml")

    assert (missing.code, missing.out) == (0, f"{file}\n")
    assert "no such file yet" in missing.err
    assert (there.out, there.err) == (f"{file}\n", "")
    assert marco("config", "path").out == "/elsewhere/c.yaml\n"
    assert marco("config", "path", "--config", "mine.yaml").out == "mine.yaml\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("top_p", "0.9"), "top_p: 0.9"),
        (("gpu_layers", "-1"), "gpu_layers: -1"),
        (("gpu_layers", "all"), "gpu_layers: -1"),
        (("system", "Be brief: #1"), 'system: "Be brief: #1"'),
        (("stop", "END", "###"), 'stop: ["END", "###"]'),
        (("variables", "a=b=c", "d=e"), 'variables: {"a": "b=c", "d": "e"}'),
        (("preset", "generic"), 'preset: "generic"'),
    ],
)
def test_set_writes_one_line(marco: Marco, file: Path, words: tuple[str, ...], line: str) -> None:
    """A value is read as the setting's type, and ends up on a line of its own below a header that explains the file."""
    changed = marco("config", "set", *words)

    assert (changed.code, changed.out) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[-1] == line
    assert all(other.startswith("#") for other in text.splitlines()[:-1])


def test_set_and_unset_leave_everything_else_as_it_is(marco: Marco, file: Path) -> None:
    """Comments, order and the user's own spelling survive; unset takes back what set did."""
    file.parent.mkdir(parents=True)
    original = "# mine\nseed:   3   # lucky\n\ntags: marco\n"
    file.write_text(original, encoding="utf-8")

    marco("config", "set", "seed", "4")
    assert file.read_text(encoding="utf-8") == original.replace("3 ", "4 ")
    marco("config", "set", "top_k", "5")
    marco("config", "unset", "top_k")
    assert file.read_text(encoding="utf-8") == original.replace("3 ", "4 ")


def test_unset_of_what_is_not_set_changes_nothing(marco: Marco, file: Path) -> None:
    """It is said, it is not an error, and no file appears."""
    run = marco("config", "unset", "seed")

    assert run.code == 0
    assert "seed is not set" in run.err
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("set", "top-q", "1"), "unknown key 'top-q'", "did you mean top_p?"),
        (("unset", "tempratur"), "unknown key 'tempratur'", "did you mean temperature?"),
        (("set", "top_p", "2"), "top_p: got 2.0, expected a number above 0 and at most 1", ""),
        (("set", "tags", "marko"), "tags: got 'marko'", "did you mean marco?"),
        (("set", "seed", "1", "2"), "seed: got 2 values", "quote"),
        (("set", "variables", "tone"), "variables: got 'tone', expected names", ""),
        (("set", "preset", "markoo1"), "preset: no preset named 'markoo1'", "did you mean marco-o1?"),
    ],
)
def test_a_wrong_word_is_refused_with_the_nearest_right_one(
    marco: Marco, file: Path, words: tuple[str, ...], message: str, hint: str
) -> None:
    """Exit 2, what was got and expected, what to type instead; the file is not touched."""
    run = marco("config", *words)

    assert run.code == 2
    assert message in run.err
    assert hint in run.err
    assert not file.exists()


def test_a_stronger_variable_is_mentioned(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets a key that the environment overrides learns why nothing changes."""
    monkeypatch.setenv("MARCO_SEED", "1")

    assert "MARCO_SEED is set as well, and is stronger" in marco("config", "set", "seed", "2").err


def test_edit_makes_the_file_and_checks_it(
    marco: Marco, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VISUAL wins over EDITOR, spaces in its words are kept, and a missing file begins with a header of comments."""
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", editor(tmp_path, "path.write_text(path.read_text() + 'seed: 5\\n')"))

    assert marco("config", "edit").code == 0
    assert file.read_text(encoding="utf-8").startswith("#")
    assert "seed: 5\n" in marco("config", "show").out


def test_a_wrong_edit_is_kept_and_named_by_its_line(
    marco: Marco, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2 with file:line and the nearest key; what was typed is still there to be mended."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(tmp_path, "path.write_text('# one\\nsead: 5\\n')"))

    run = marco("config", "edit")

    assert run.code == 2
    assert f"{file}:2: unknown key 'sead'" in run.err
    assert "did you mean seed?" in run.err
    assert file.read_text(encoding="utf-8") == "# one\nsead: 5\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (None, "no editor is named"),
        ("  ", "no editor is named"),
        ("'x", "not a command: No closing quotation"),
        ("no-such-editor", "cannot start 'no-such-editor'"),
        ("false", "ended with 1"),
    ],
)
def test_an_editor_that_does_not_edit_is_an_error(
    marco: Marco, monkeypatch: pytest.MonkeyPatch, command: str | None, message: str
) -> None:
    """Exit 2, and which command it was."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", command or "")

    run = marco("config", "edit")

    assert run.code == 2
    assert message in run.err


def test_config_loads_nothing_heavy(tmp_path: Path) -> None:
    """Looking at settings takes no model library: showing, setting and unsetting answer at once."""
    code = (
        "import sys\n"
        "from marco_cli.commands.app import main\n"
        "for words in (['show', '--origin'], ['set', 'seed', '1'], ['path'], ['unset', 'seed']):\n"
        "    sys.argv = ['marco', 'config', *words]\n"
        "    try: main()\n"
        "    except SystemExit as left: assert not left.code\n"
        "print([name for name in ('llama_cpp', 'numpy', 'huggingface_hub', 'jinja2') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert ran.stdout.endswith("[]\n"), ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("config", "path"), 0, "there is no such file yet"),
        (("config", "show"), 0, ""),
        (("config", "unset", "seed"), 0, "seed is not set"),
        (("config", "set", "seed", "3"), 7, "cannot be written"),
        (("presets", "list"), 0, ""),
        (("presets", "path"), 0, "there is no such directory yet"),
        (("presets", "show", "mine"), 2, "no preset named 'mine'"),
        (("config", "show", "--config", "x" * 300), 2, "no configuration file"),
    ],
)
def test_a_directory_that_cannot_be_looked_into_is_like_none(
    marco: Marco, tmp_path: Path, *, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Nothing that only reads the settings ends for it, and what is to be written there says so in one line."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))
    run = marco(*arguments)

    assert run.code == code, run.err
    assert words in run.err
    assert "internal error" not in run.err


@pytest.mark.parametrize(
    ("key", "values", "shown"),
    [
        ("model", [], "auto"),
        ("top-p", ["0.5"], "0.5"),
        ("system", ['say "no"'], 'say "no"'),
        ("system", ["auto"], "auto"),
        ("trace", ["false"], "false"),
        ("gpu_layers", ["all"], "all"),
        ("stop", ["END", "</s>"], "END\n</s>"),
        ("variables", ["tone=dry", "to=en"], "tone=dry\nto=en"),
        ("prefix", ["a\x1b[2J"], "a\\x1b[2J"),
    ],
)
def test_get_prints_one_value_as_set_takes_it(marco: Marco, key: str, values: list[str], shown: str) -> None:
    """A script reads a value without parsing YAML; nothing in it steers the terminal."""
    if values:
        marco("config", "set", key.replace("-", "_"), *values)
    got, as_json = marco("config", "get", key), marco("config", "get", key, "--json")

    assert (got.code, got.err, got.out) == (0, "", f"{shown}\n")
    assert json.loads(as_json.out)["key"] == key.replace("-", "_")


def test_get_of_an_unknown_key_names_the_nearest(marco: Marco) -> None:
    """A slip of the pen is answered, with the exit code of wrong usage."""
    run = marco("config", "get", "temprature")

    assert (run.code, run.out) == (2, "")
    assert "did you mean temperature?" in run.err


def test_one_word_for_what_is_not_decided(marco: Marco, file: Path) -> None:
    """Every setting without a value is `auto`, and written so in a file it undoes nothing and decides nothing."""
    lines = dict(line.split(": ", 1) for line in marco("config", "show").out.splitlines())
    undecided = {key for key, option in OPTIONS.items() if option.is_optional and lines[key] == "auto"}

    assert "null" not in lines.values()
    assert {"model", "system", "strategy", "temperature", "reward", "ctx"} <= undecided
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{key}: auto\n" for key in sorted(undecided)), encoding="utf-8")
    assert dict(line.split(": ", 1) for line in marco("config", "show").out.splitlines()) == lines

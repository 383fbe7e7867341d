import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.config.document import parse_document
from marco_cli.config.file import config_path, default_config_path, read_config, with_key, without_key, write_config
from marco_cli.config.option import Value
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError, StorageError

PATH = Path("config.yaml")
TEXT = """\
# my settings
model: marco-o1   # the big one

# sampling
temperature: 0.7
stop:
  - a  # first
  - b  # last
# after stop
system: |
  Be brief.

  Really.

# the end
"""


def values(text: str) -> dict[str, Value]:
    """Return what a text says."""
    return {entry.key: entry.value for entry in parse_document(text, PATH, OPTIONS)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of the user's configuration directory, not made yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "marco"


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("model", "x", "model: marco-o1   # the big one", 'model: "x"   # the big one'),
        ("temperature", 0.001, "temperature: 0.7", "temperature: 0.001"),
        ("stop", ("c",), "stop:\n  - a  # first\n  - b  # last", 'stop:\n  ["c"]  # last'),
        ("system", "Hi", "system: |\n  Be brief.\n\n  Really.\n", 'system: "Hi"\n'),
    ],
)
def test_setting_a_key_changes_its_value_and_nothing_else(key: str, value: Value, old: str, new: str) -> None:
    """Every other line, comments included, stays as the user wrote it."""
    assert with_key(TEXT, key, value, path=PATH) == TEXT.replace(old, new)


def test_a_new_key_goes_on_a_last_line() -> None:
    """A key that is not there yet is added below everything, also to a file without a last line end."""
    assert with_key("seed: 1", "top_k", 3, path=PATH) == "seed: 1\ntop_k: 3\n"
    assert with_key("seed: 1\r\n", "top_k", 3, path=PATH) == "seed: 1\r\ntop_k: 3\r\n"
    assert with_key("", "gpu_layers", -1, path=PATH) == "gpu_layers: -1\n"


def test_a_key_without_a_value_gets_one() -> None:
    """`ctx:` with nothing behind it can be set like any other."""
    assert with_key("ctx:\nseed: 1\n", "ctx", 512, path=PATH) == "ctx: 512\nseed: 1\n"


@pytest.mark.parametrize(
    ("key", "removed"),
    [
        ("model", "model: marco-o1   # the big one\n"),
        ("temperature", "temperature: 0.7\n"),
        ("stop", "stop:\n  - a  # first\n  - b  # last\n"),
        ("system", "system: |\n  Be brief.\n\n  Really.\n"),
        ("seed", ""),
    ],
)
def test_unsetting_a_key_removes_its_lines_and_nothing_else(key: str, removed: str) -> None:
    """What is left is what the user wrote; a key that is not set changes nothing."""
    assert without_key(TEXT, key, path=PATH) == TEXT.replace(removed, "")


@given(
    key=st.sampled_from(["model", "system", "prefix"]),
    value=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=30),
)
def test_any_text_survives_being_set(key: str, value: str) -> None:
    """What was set is what is read: quotes, colons, hashes, braces and Chinese need no care."""
    edited = with_key(TEXT, key, value, path=PATH)

    assert values(edited) == {**values(TEXT), key: value}
    assert "# my settings" in edited
    assert "# the end" in edited


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("variables", (("a", "x: {y}"), ("b", "c"))),
        ("template_var", (("a", "false"), ("b", '["x", 1]'))),
        ("stop", ()),
        ("max_tokens", None),
        ("top_p", 1e-7),
    ],
)
def test_every_kind_of_value_can_be_set(key: str, value: Value) -> None:
    """Lists, named texts, nothing and small numbers are spelt so that they are read back."""
    assert values(with_key(TEXT, key, value, path=PATH))[key] == value


def test_what_a_line_edit_cannot_change_is_left_to_the_user() -> None:
    """A file on one line in braces is refused, not broken."""
    with pytest.raises(ConfigError) as caught:
        without_key("{seed: 1, top_k: 2}\n", "seed", path=PATH)

    assert caught.value.hint == "edit it by hand"


@pytest.mark.parametrize(("key", "value"), [("top_p", 2.0), ("top-p", 0.5), ("seed", "x")])
def test_a_wrong_key_or_value_is_never_written(key: str, value: Value) -> None:
    """The file cannot be made one that the next start refuses."""
    with pytest.raises(ConfigError):
        with_key(TEXT, key, value, path=PATH)


def test_writing_replaces_the_file_in_one_step(tmp_path: Path) -> None:
    """Missing directories are made, nothing is left beside the file, and line ends stay as they are."""
    path = tmp_path / "new" / "config.yaml"
    write_config(path, "seed: 1\r\n")
    write_config(path, "seed: 2\r\n")

    assert path.read_bytes() == b"seed: 2\r\n"
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    """Who keeps dotfiles elsewhere keeps them there."""
    (tmp_path / "dotfile.yaml").write_text("seed: 1\n")
    (tmp_path / "config.yaml").symlink_to("dotfile.yaml")

    write_config(tmp_path / "config.yaml", "seed: 2\n")

    assert (tmp_path / "config.yaml").is_symlink()
    assert (tmp_path / "dotfile.yaml").read_text() == "seed: 2\n"


def test_a_file_that_cannot_be_written_keeps_its_old_text(tmp_path: Path) -> None:
    """A failed write is a storage error, and leaves neither damage nor litter."""
    (tmp_path / "blocked").write_text("a file where a directory is needed")

    with pytest.raises(StorageError, match="cannot be written"):
        write_config(tmp_path / "blocked" / "config.yaml", "seed: 1\n")
    assert [file.name for file in tmp_path.iterdir()] == ["blocked"]


def test_permissions_of_the_old_file_are_kept(tmp_path: Path) -> None:
    """A file that others may read can still be read by them afterwards."""
    path = tmp_path / "config.yaml"
    path.write_text("seed: 1\n")
    path.chmod(0o644)

    write_config(path, "seed: 2\n")

    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_place_that_cannot_be_looked_into_holds_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with the user's own directory, the program starts, and says so when it is to write there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("x" * 300)))

    assert config_path(None, {}) is None
    with pytest.raises(StorageError, match="File name too long"):
        write_config(default_config_path(), "seed: 1\n")


def test_a_new_file_is_private_and_a_device_is_none(tmp_path: Path) -> None:
    """Nobody else reads what is begun here, and what is not a file is not replaced by one."""
    os.mkfifo(tmp_path / "pipe")
    write_config(tmp_path / "config.yaml", "seed: 1\n")

    assert stat.S_IMODE((tmp_path / "config.yaml").stat().st_mode) == 0o600
    with pytest.raises(StorageError, match="no regular file"):
        write_config(tmp_path / "pipe", "seed: 1\n")


def test_the_file_named_on_the_command_line_wins(home: Path, tmp_path: Path) -> None:
    """--config before MARCO_CONFIG before the user's own file; an empty variable counts as unset."""
    home.mkdir()
    for name in ("marco/config.yaml", "flag.yaml", "env.yaml"):
        (tmp_path / name).write_text("seed: 1\n")
    env = {"MARCO_CONFIG": str(tmp_path / "env.yaml")}

    assert default_config_path() == home / "config.yaml"
    assert config_path(str(tmp_path / "flag.yaml"), env) == tmp_path / "flag.yaml"
    assert config_path(None, env) == tmp_path / "env.yaml"
    assert config_path(None, {"MARCO_CONFIG": ""}) == home / "config.yaml"
    assert read_config(home / "config.yaml")[0].where == f"{home / 'config.yaml'}:1"


def test_a_missing_file_is_an_error_only_when_it_was_named(home: Path, tmp_path: Path) -> None:
    """Nobody needs a configuration file, but a path that was typed must lead somewhere."""
    assert config_path(None, {}) is None
    for name in ("x.yaml", "x" * 300, f"{'x' * 300}/y.yaml"):
        with pytest.raises(ConfigError, match="flag --config: no configuration file"):
            config_path(str(tmp_path / name), {})
    with pytest.raises(ConfigError, match="env MARCO_CONFIG: no configuration file"):
        config_path(None, {"MARCO_CONFIG": "x.yaml"})

"""The user's configuration file: where it is, what it says, and changing one key of it.

Edits are text in, text out: every other line, comments included, stays as it is, and a text whose edit would change anything
else is refused. The file's keys are those of `settings`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from marco_cli.config.document import YamlEntry, parse_document, read_document
from marco_cli.config.home import is_file
from marco_cli.config.option import Option, TypedPairs, Value, did_you_mean, typed_values
from marco_cli.config.preset import config_directory
from marco_cli.config.settings import OPTIONS
from marco_cli.draft import put
from marco_cli.errors import ConfigError, StorageError, os_errors_as


def default_config_path() -> Path:
    """Return the place of the user's configuration file, which need not exist."""
    return config_directory() / "config.yaml"


def config_path(named: str | None, env: Mapping[str, str]) -> Path | None:
    """Return the file to read: `named` (`--config`), else `MARCO_CONFIG`, else the user's own, None if it is missing.

    Raises:
        ConfigError: a file that was named does not exist.
    """
    origin = "flag --config" if named else "env MARCO_CONFIG"
    chosen = named or env.get("MARCO_CONFIG")
    if not chosen:
        return default_config_path() if is_file(default_config_path()) else None
    path = Path(chosen)
    if not is_file(path):
        raise ConfigError(f"{origin}: no configuration file {chosen!r}", hint="create it, or leave the option out")
    return path


def read_config(path: Path) -> tuple[YamlEntry, ...]:
    """Read and check a configuration file."""
    return read_document(path, OPTIONS)


def with_key(text: str, key: str, value: Value, *, path: Path) -> str:
    """Return the file's text with `key` set to `value`, in its old place or on a new last line."""
    _known(key)
    value = OPTIONS[key].check(value, where=key)
    spelt = _spell(value, OPTIONS[key])
    entries = parse_document(text, path, OPTIONS)
    entry = next((entry for entry in entries if entry.key == key), None)
    if entry is None:
        line_end = "\r\n" if "\r\n" in text else "\n"
        edited = text + (line_end if text and not text.endswith("\n") else "") + f"{key}: {spelt}" + line_end
    else:
        start, end = entry.span
        space = " " if text[start - 1] == ":" else ""
        edited = text[:start] + space + spelt + text[end:]
    return _checked(edited, {**_values(entries), key: value}, path)


def without_key(text: str, key: str, *, path: Path) -> str:
    """Return the file's text without the lines of `key`; unchanged when it is not set."""
    _known(key)
    entries = parse_document(text, path, OPTIONS)
    entry = next((entry for entry in entries if entry.key == key), None)
    if entry is None:
        return text
    lines = text.splitlines(keepends=True)
    edited = "".join(lines[: entry.line - 1] + lines[entry.last_line :])
    return _checked(edited, {name: value for name, value in _values(entries).items() if name != key}, path)


def write_config(path: Path, text: str) -> None:
    """Replace a file in one step: after a crash either the old text or the new one is there, never half of it.

    Raises:
        StorageError: no permission, no space.
    """
    with os_errors_as(StorageError, f"{path}: cannot be written"):
        Path(os.path.realpath(path)).parent.mkdir(parents=True, exist_ok=True)
        put(path, text.encode(), mode=0o600)


def _known(key: str) -> None:
    if key not in OPTIONS:
        raise ConfigError(f"unknown key {key!r}", hint=did_you_mean(key, OPTIONS))


def _spell(value: Value, option: Option) -> str:
    """Spell a value on one line in JSON, which YAML contains."""
    if isinstance(value, tuple) and value and not isinstance(value[0], str):
        named = typed_values(cast("TypedPairs", value)) if option.kind == "typed pairs" else dict(value)
        return json.dumps(named, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value, ensure_ascii=False)


def _values(entries: tuple[YamlEntry, ...]) -> dict[str, Value]:
    return {entry.key: entry.value for entry in entries}


def _checked(edited: str, wanted: Mapping[str, Value], path: Path) -> str:
    """Return the edited text if it says what it should; shapes that a line edit cannot change are left to the user."""
    try:
        says = _values(parse_document(edited, path, OPTIONS))
    except ConfigError as error:
        raise ConfigError(f"{path}: cannot be changed line by line", hint="edit it by hand") from error
    if says != wanted:
        raise ConfigError(f"{path}: cannot be changed line by line", hint="edit it by hand")
    return edited

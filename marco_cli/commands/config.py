"""`marco config`: show, get, path, set, unset, edit."""

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marco_cli.commands._completion import complete_keys, complete_values
from marco_cli.commands._help import Commands
from marco_cli.commands._options import Config, Json
from marco_cli.commands._output import say, write
from marco_cli.config.home import is_file
from marco_cli.errors import ConfigError, ModelNotFoundError

if TYPE_CHECKING:
    from marco_cli.config.option import Value

_EXAMPLES = """
marco config show --origin                     # every setting, and where its value comes from
marco config set model marco-o1
marco config get model
marco config unset model
marco config edit
"""

app = Commands(epilog=_EXAMPLES, name="config", help="Show and change the settings.")

_HEADER = """\
# Settings of marco, one `key: value` a line. `marco config show` lists the keys, `marco ask --help-all` explains most of them.
# Stronger than this file are the environment (MARCO_TOP_P for top_p) and flags (--top-p).
"""

Key = Annotated[str, typer.Argument(metavar="KEY", help="A setting, e.g. top_p.", autocompletion=complete_keys)]


@app.command()
def show(
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print every setting as it is in effect, in the form of the configuration file."""
    from marco_cli.commands._resolved import settings_document, settings_in_effect
    from marco_cli.config.file import config_path
    from marco_cli.jsonl import encode
    from marco_cli.view.settings import settings_text

    resolved = settings_in_effect({}, config)
    if not as_json:
        write(f"{settings_text(resolved, with_origin=origin)}\n".encode(errors="replace"))
        return
    path = config_path(config, os.environ)
    write(encode({"v": 1, "path": str(path) if path else None, **settings_document(resolved)}))


@app.command()
def get(key: Key, *, config: Config = None, as_json: Json = False) -> None:
    """Print the value of one setting as it is in effect; `auto` is for the model or the machine to decide."""
    from marco_cli.commands._resolved import settings_in_effect, value_document
    from marco_cli.config.settings import OPTIONS
    from marco_cli.jsonl import encode
    from marco_cli.view.printable import printable
    from marco_cli.view.settings import setting_text

    name = key.replace("-", "_")
    if name not in OPTIONS:
        raise _no_key(key)
    resolved = settings_in_effect({}, config)
    if not as_json:
        write(f"{printable(setting_text(resolved.settings, name))}\n".encode(errors="replace"))
        return
    value = value_document(getattr(resolved.settings, name), OPTIONS[name])
    write(encode({"v": 1, "key": name, "value": value, "origin": dict(resolved.origins).get(name)}))


@app.command()
def path(*, config: Config = None) -> None:
    """Print where the configuration file is, whether it exists or not."""
    file = _path(config)
    write(f"{file}\n".encode(errors="surrogateescape"))
    if not is_file(file):
        say("marco: there is no such file yet; `marco config edit` makes it")


_SET_EXAMPLES = """
marco config set model marco-o1
marco config set effort high
marco config set temperature auto
marco config set stop "END" "</answer>"
marco config set variables tone=dry audience=children
"""


# Unknown options pass as values, so that `marco config set gpu_layers -1` needs no `--`.
@app.command("set", epilog=_SET_EXAMPLES, context_settings={"ignore_unknown_options": True})
def set_key(
    key: Key,
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE...",
            help="One value; several for lists; NAME=VALUE for named texts.",
            autocompletion=complete_values,
        ),
    ],
    *,
    config: Config = None,
) -> None:
    """Set a key in the configuration file; everything else in it stays as it is."""
    from marco_cli.config.file import with_key, write_config
    from marco_cli.config.settings import OPTIONS

    file = _path(config)
    value = _checked(key, values, file)
    write_config(file, with_key(_text(file), key, value, path=file))
    say(f"marco: {key} is set in {file}")
    variable = OPTIONS[key].variable
    if os.environ.get(variable):
        say(f"marco: {variable} is set as well, and is stronger")


@app.command()
def unset(key: Key, *, config: Config = None) -> None:
    """Remove a key from the configuration file; everything else in it stays as it is."""
    from marco_cli.config.file import without_key, write_config

    file = _path(config)
    before = _text(file)
    after = without_key(before, key, path=file)
    if after == before:
        say(f"marco: {key} is not set in {file}")
        return
    write_config(file, after)
    say(f"marco: {key} is no longer set in {file}")


@app.command()
def edit(*, config: Config = None) -> None:
    """Open the configuration file in $VISUAL or $EDITOR, and check it afterwards."""
    from marco_cli.config.file import read_config, write_config

    file = _path(config)
    command = _editor()
    if not is_file(file):
        write_config(file, _HEADER)
    try:
        ended = subprocess.run([*command, str(file)], check=False)  # noqa: S603 (the user's own editor)
    except OSError as error:
        raise ConfigError(f"cannot start {command[0]!r}: {error.strerror}", hint="set EDITOR to your editor") from error
    if ended.returncode:
        raise ConfigError(
            f"{command[0]} ended with {ended.returncode}; {file} was not checked", hint="marco config show"
        )
    try:
        entries = {entry.key: entry for entry in read_config(file)}
        if "preset" in entries:
            _check_preset(entries["preset"].value, file, entries["preset"].where)
    except ConfigError as error:
        hint = f"{error.hint}; " if error.hint else ""
        raise ConfigError(error.message, hint=f"{hint}the edit is kept: marco config edit") from error


def _path(named: str | None) -> Path:
    """Return the file that is to be changed, which need not exist."""
    from marco_cli.config.file import default_config_path

    chosen = named or os.environ.get("MARCO_CONFIG")
    return Path(chosen) if chosen else default_config_path()


def _text(file: Path) -> str:
    from marco_cli.config.document import read_text
    from marco_cli.config.home import is_there

    return read_text(file) if is_there(file) else _HEADER


def _checked(key: str, values: list[str], file: Path) -> "Value":
    """Read what was typed for a key; a preset must exist, a model may be fetched later."""
    from marco_cli.config.settings import OPTIONS

    if key not in OPTIONS:
        raise _no_key(key)
    option = OPTIONS[key]
    if option.kind in {"texts", "pairs"}:
        return option.accept(values, where=key)
    if len(values) > 1:
        raise ConfigError(
            f"{key}: got {len(values)} values, expected {option.expected}", hint="quote a text with spaces"
        )
    value = option.parse(values[0], where=key)
    if key == "preset":
        _check_preset(value, file, key)
    if key == "model":
        _mention_missing(str(value))
    if key in ("prm", "judge") and value is not None:
        _check_assessor(key, str(value))
    return value


def _no_key(key: str) -> ConfigError:
    from marco_cli.config.option import did_you_mean
    from marco_cli.config.settings import OPTIONS

    return ConfigError(f"unknown key {key[:40]!r}", hint=did_you_mean(key, OPTIONS))


def _check_preset(value: "Value", file: Path, where: str) -> None:
    from marco_cli.config.preset import load_preset

    load_preset(str(value), base=file.parent, where=where)


def _check_assessor(key: str, spec: str) -> None:
    from marco_cli.assessors import named
    from marco_cli.config.settings import Settings
    from marco_cli.reward.process import SELF

    other = named(Settings(prm=spec) if key == "prm" else Settings(judge=spec), key)
    if other is not None and other.model != SELF:
        _mention_missing(other.model)


def _mention_missing(model: str) -> None:
    from marco_cli.models import locate

    try:
        locate(model)
    except ModelNotFoundError as error:
        say(f"marco: {error.message}; {error.hint}")


def _editor() -> list[str]:
    from marco_cli.commands._editor import editor_command

    command = editor_command(os.environ)
    if not command:
        raise ConfigError("no editor is named, expected VISUAL or EDITOR", hint="EDITOR=nano marco config edit")
    return command

"""Presets: named recipes in YAML that say only what differs from the defaults.

In: a name or a path. Out: the preset's entries, those it `extends` first, each with file and line. What the entries mean
together with flags, environment and configuration file is `config`'s business.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from platformdirs.unix import Unix

from marco_cli.config.document import YamlEntry, read_document
from marco_cli.config.home import is_file
from marco_cli.config.option import About, Option, did_you_mean
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError, cut, quoted

SUFFIXES = (".yaml", ".yml")

# What a preset's file may say: every setting but `preset`, whose place `extends` takes.
PRESET_OPTIONS: dict[str, Option] = {
    "description": Option(key="description", kind="text", about=About(help="What the preset is for, in one line.")),
    "extends": Option(key="extends", kind="text", about=About(help="Preset, by name or path, that this one changes.")),
    **{key: option for key, option in OPTIONS.items() if key != "preset"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A loaded preset."""

    name: str
    path: Path
    description: str
    extends: tuple[str, ...]
    """Names of the presets it builds on, nearest first."""
    entries: tuple[YamlEntry, ...]
    """Its settings, weakest first: those of the presets it extends come before its own."""


def config_directory() -> Path:
    """Return the user's directory for marco's configuration; on macOS the Unix one, which XDG variables may move."""
    if sys.platform == "darwin":
        return Path(Unix("marco").user_config_dir)
    return Path(platformdirs.user_config_dir("marco", appauthor=False))


def preset_directories() -> tuple[Path, ...]:
    """Return where named presets are looked for: the installed package, the checkout, the user's own directory."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    own = config_directory() / "presets"
    if (checkout / "pyproject.toml").is_file():
        return package / "presets", checkout / "presets", own
    return package / "presets", own


def preset_names() -> tuple[str, ...]:
    """List the names that `load_preset` knows, sorted."""
    return tuple(sorted({file.stem for directory in preset_directories() for file in _files(directory)}))


def _files(directory: Path) -> list[Path]:
    """Return the presets of a directory; one that is not there, or may not be looked into, has none."""
    try:
        return [file for file in directory.iterdir() if file.suffix in SUFFIXES and is_file(file)]
    except OSError:
        return []


def check_preset_name(name: str) -> None:
    """Refuse a path, and any other text that names no preset, without looking at the file system.

    Raises:
        ConfigError: there is no such preset.
    """
    names = preset_names()
    if name not in names:
        raise ConfigError(f"no preset is called {quoted(name)}, expected a name", hint=did_you_mean(name, names))


def load_preset(name_or_path: str, *, base: Path | None = None, where: str = "") -> Preset:
    """Load a preset, by its name or its path, and all that it extends.

    Relative paths start from `base`, or from the current directory. The message about a missing preset begins with
    `where`.

    Raises:
        ConfigError: missing, unreadable, wrong, or extending itself.
    """
    return _load(_find(name_or_path, base=base or Path(), where=where, chain=()), ())


def _load(path: Path, chain: tuple[Path, ...]) -> Preset:
    entries = read_document(path, PRESET_OPTIONS)
    chain = (*chain, path)
    parent = None
    for entry in entries:
        if entry.key == "extends":
            found = _find(str(entry.value), base=path.parent, where=entry.where, chain=chain)
            if found in chain:
                circle = " → ".join(file.stem for file in (*chain, found))
                raise ConfigError(
                    f"{entry.where}: extends itself: {circle}", hint="remove one `extends:` of the circle"
                )
            parent = _load(found, chain)
    own = tuple(entry for entry in entries if entry.key in OPTIONS)
    return Preset(
        name=path.stem,
        path=path,
        description=next((str(entry.value) for entry in entries if entry.key == "description"), ""),
        extends=(parent.name, *parent.extends) if parent else (),
        entries=(*parent.entries, *own) if parent else own,
    )


def _find(name_or_path: str, *, base: Path, where: str, chain: tuple[Path, ...]) -> Path:
    prefix = f"{where}: " if where else ""
    via = " (" + " → ".join((*(file.stem for file in chain), cut(name_or_path))) + ")" if chain else ""
    if name_or_path.endswith(SUFFIXES) or "/" in name_or_path or "\\" in name_or_path:
        path = _absolute(name_or_path, base)
        if not is_file(path):
            raise ConfigError(
                f"{prefix}no preset file {path if len(name_or_path) <= 60 else cut(name_or_path)}{via}",
                hint="known presets: " + ", ".join(preset_names()),
            )
        return path
    for directory in preset_directories():
        for suffix in SUFFIXES:
            if name_or_path and is_file(directory / (name_or_path + suffix)):
                return (directory / (name_or_path + suffix)).resolve()
    raise ConfigError(
        f"{prefix}no preset named {quoted(name_or_path)}{via}", hint=did_you_mean(name_or_path, preset_names())
    )


def _absolute(path: str, base: Path) -> Path:
    try:
        return (base / Path(path).expanduser()).resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such home, a NUL, a circle of links
        raise ConfigError(f"{quoted(path)} is not a usable path: {cut(str(error))}") from error

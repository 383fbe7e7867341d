"""What the shell offers for a value, when Tab is pressed: names only, read from tables and directories.

In: what is typed so far. Out: texts; typer keeps those that begin with it. Values carry no help texts: typer would load
rich to print them. Nothing here loads a model, a hub client or numpy: every press of Tab starts the program anew.
"""

from collections.abc import Callable

import typer

from marco_cli.config.home import expanded, is_directory
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import StorageError

Completer = Callable[..., list[str]]


def complete_models(incomplete: str) -> list[str]:
    """Offer the names of the catalogue, what is installed, aliases, and GGUF files and directories at the path typed so far."""
    from marco_cli.models import catalog, installed

    here = [model.name for model in installed()]
    return [
        *dict.fromkeys(
            (
                *(entry.name for entry in catalog.entries()),
                *here,
                *complete_aliases(""),
                *_paths(incomplete, (".gguf",)),
            )
        )
    ]


def complete_aliases(incomplete: str) -> list[str]:
    """Offer the user's own names for models; none where they cannot be read, which the command itself will say."""
    from marco_cli.models.alias import aliases

    try:
        return [name for name in aliases() if name.startswith(incomplete)]
    except StorageError:
        return []


def complete_presets(incomplete: str) -> list[str]:
    """Offer the names of presets, and YAML files and directories at the path typed so far."""
    from marco_cli.config.preset import SUFFIXES, preset_names

    return [*preset_names(), *_paths(incomplete, SUFFIXES)]


def complete_keys(incomplete: str) -> list[str]:
    """Offer the keys of the settings."""
    return [key for key in OPTIONS if key.startswith(incomplete)]


def complete_values(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the values of the key that stands before."""
    completer = completer_of(str(ctx.params.get("key")))
    return completer(incomplete) if completer else []


def complete_assignments(incomplete: str) -> list[str]:
    """Offer `key=` for a key that is begun, and the values of a key that is there."""
    key, equals, value = incomplete.partition("=")
    if not equals:
        return [f"{name}=" for name in OPTIONS if name.startswith(key)]
    completer = completer_of(key)
    return [f"{key}={offer}" for offer in completer(value)] if completer else []


def choices_of(key: str) -> tuple[str, ...]:
    """Return every value that a setting may have; empty where they are not a list of names."""
    option = OPTIONS.get(key)
    return () if option is None else option.choices


def completer_of(key: str) -> Completer | None:
    """Return what completes the values of a setting; None where nothing can be offered."""
    if key in _COMPLETERS:
        return _COMPLETERS[key]
    option = OPTIONS.get(key)
    if option is None or option.about.is_prose:
        return None
    words = option.choices or tuple(word for word, _ in option.about.words)
    return _among(words) if words else None


def _among(words: tuple[str, ...]) -> Completer:
    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


_COMPLETERS: dict[str, Completer] = {
    "model": complete_models,
    "preset": complete_presets,
    "prm": complete_models,
    "judge": complete_models,
}


def paths(typed: str) -> list[str]:
    """Return files and directories, these with a slash, that begin with what is typed; what is hidden is not offered."""
    folder = typed[: typed.rfind("/") + 1]
    try:
        found = sorted(path for path in expanded(folder or ".").iterdir() if not path.name.startswith("."))
    except OSError:
        return []
    names = (f"{folder}{path.name}{'/' * is_directory(path)}" for path in found)
    return [name for name in names if name.startswith(typed)]


def _paths(typed: str, suffixes: tuple[str, ...]) -> list[str]:
    """Return of the paths those with one of the suffixes, and directories once a folder is typed."""
    return [path for path in paths(typed) if ("/" in typed if path.endswith("/") else path.lower().endswith(suffixes))]

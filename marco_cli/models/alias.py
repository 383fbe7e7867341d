"""Names of the user's own for models: after `models alias qwen ./qwen.gguf`, `qwen` is that file wherever a model is named.

    MODELS_DIR/aliases.json        {"v": 1, "aliases": {"qwen": "/home/me/qwen.gguf"}}

In: names. Out: specifications as `catalog.parse` reads them. Files are kept with their full path.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from marco_cli.config.home import expanded, is_file
from marco_cli.draft import put
from marco_cli.errors import ConfigError, ModelNotFoundError, StorageError, os_errors_as, quoted
from marco_cli.models import catalog
from marco_cli.models.store import directory

_FILE: Final = "aliases.json"
_VERSION: Final = 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED: Final = ("auto", "none", "null")


def aliases(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return every alias with what it stands for, by name.

    Raises:
        StorageError: the file that holds them cannot be read.
    """
    path = directory(environ) / _FILE
    if not is_file(path):
        return {}
    try:
        row: Any = json.loads(path.read_text(encoding="utf-8"))
        kept = {str(name): str(target) for name, target in row["aliases"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(f"{path} cannot be read as aliases of models", hint="mend it, or delete it") from error
    return dict(sorted(kept.items()))


def meaning(spec: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return what an alias stands for; any other specification is returned as it is. A name of the catalogue comes first."""
    if not _NAME.fullmatch(spec) or spec.lower() in catalog.names():
        return spec
    return aliases(environ).get(spec.lower(), spec)


def own_names(spec: str, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the aliases that a specification may be a slip of: none, where it cannot be a name."""
    return tuple(aliases(environ)) if _NAME.fullmatch(spec) and spec.lower() not in catalog.names() else ()


def refuse_name(name: str) -> None:
    """Raise ConfigError for a name that cannot be an alias, or names a model already."""
    key = name.lower()
    if not _NAME.fullmatch(name) or key.endswith((".gguf", ".part")) or key in _RESERVED:
        hint = "letters, digits, and . _ - after the first: qwen-0.5b"
        raise ConfigError(f"{quoted(name)} cannot be an alias", hint=hint)
    if key in catalog.names():
        raise ConfigError(f"{name} is a model of the catalogue", hint="choose another name")


def set_alias(name: str, spec: str, environ: Mapping[str, str] = os.environ) -> str:
    """Let a name stand for a model; return what it stands for: of an alias its model, of a file the full path.

    Raises:
        ConfigError: the name cannot be an alias, or the specification is malformed.
        ModelNotFoundError: no model is called so.
        StorageError: the file that holds the aliases cannot be read or written.
    """
    refuse_name(name)
    target = meaning(spec, environ)
    reference = catalog.parse(target)
    if isinstance(reference, catalog.PathReference):
        target = os.path.abspath(expanded(str(reference.path)))  # noqa: PTH100 (links are kept as the user sees them)
    _write({**aliases(environ), name.lower(): target}, environ)
    return target


def remove_alias(name: str, environ: Mapping[str, str] = os.environ) -> None:
    """Forget an alias; the model that it stands for stays.

    Raises:
        ModelNotFoundError: there is no such alias.
    """
    kept = aliases(environ)
    if name.lower() not in kept:
        near = catalog.did_you_mean(name, kept)
        raise ModelNotFoundError(f"no alias is called {quoted(name)}{near}", hint="marco models alias lists them")
    del kept[name.lower()]
    _write(kept, environ)


def _write(kept: Mapping[str, str], environ: Mapping[str, str]) -> None:
    path = directory(environ) / _FILE
    with os_errors_as(StorageError, f"cannot write {path}", hint="check the disk and permissions"):
        Path(path.parent).mkdir(parents=True, exist_ok=True)
        text = json.dumps({"v": _VERSION, "aliases": dict(sorted(kept.items()))}, indent=1, ensure_ascii=False)
        put(path, f"{text}\n".encode())

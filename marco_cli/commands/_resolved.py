"""The settings as they are in effect, for commands that show them and load no model."""

import os
from collections.abc import Mapping
from typing import Any

from marco_cli.commands._output import say
from marco_cli.config.layers import Resolved, resolve
from marco_cli.config.option import Option, typed_values
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import EngineError, ModelNotFoundError, StorageError
from marco_cli.models.choice import choose_model, implied_preset


def settings_in_effect(flags: Mapping[str, object], config: str | None) -> Resolved:
    """Merge all layers; a model that is not here only costs the preset that it would imply, and a line that says so."""
    return resolve(flags=flags, env=os.environ, config=config, implied_preset=_preset_of)


def settings_document(resolved: Resolved) -> dict[str, object]:
    """Return what `--json` says of settings: every key with its value, named texts as an object, and where each came from."""
    values = {key: getattr(resolved.settings, key) for key in OPTIONS}
    return {
        "settings": {key: value_document(value, OPTIONS[key]) for key, value in values.items()},
        "origins": dict(resolved.origins),
    }


def value_document(value: Any, option: Option) -> object:
    """Return what `--json` says of one value."""
    if not option.has_names:
        return value
    return typed_values(value) if option.kind == "typed pairs" else dict(value)


def _preset_of(model: str | None) -> str | None:
    try:
        return implied_preset(choose_model(model, os.environ))
    except (EngineError, ModelNotFoundError, StorageError) as error:
        say(f"marco: {error.message}; shown without its preset")
        return None

"""Layers settings on one another: flag > preset > environment > configuration file > defaults.

In full, strongest first: the command line, the preset named there; `MARCO_*`, the preset named by `MARCO_PRESET`; the
preset named in the configuration file, that file; the preset that the model implies; the defaults. Only the strongest named
preset is in effect, in the place of the layer that named it. Values with names (`variables`, `reflection_phrases`,
`template_var`) add up name by name, every other setting is replaced as a whole. The result says for each value where it came from.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marco_cli.config.file import config_path, read_config
from marco_cli.config.option import Pairs, Value, did_you_mean
from marco_cli.config.preset import load_preset
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.errors import ConfigError

# Environment variables that are not settings: places, logging and display, read where they are used.
OTHER_VARIABLES = ("MARCO_CONFIG", "MARCO_DISPLAY", "MARCO_LOG", "MARCO_MODELS_DIR", "MARCO_OFFLINE", "MARCO_STATE_DIR")

# How many of the layers file, environment and flags a preset is laid over, by the first word of who named it.
_WEAKER_LAYERS = {"implied": 0, "config": 1, "env": 1, "flag": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One value on its way into the settings."""

    key: str
    value: Value
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The settings in effect and where each value came from."""

    settings: Settings
    origins: tuple[tuple[str, str], ...]
    """Every key with its origin, e.g. ("top_p", "env MARCO_TOP_P"); named texts as ("variables.tone", …)."""


Layer = tuple[Assignment, ...]


def no_preset(model: str | None) -> str | None:  # noqa: ARG001 - the signature is resolve's
    """Imply no preset for any model."""
    return None


def resolve(
    *,
    flags: Mapping[str, object],
    env: Mapping[str, str],
    config: str | None = None,
    implied_preset: Callable[[str | None], str | None] = no_preset,
) -> Resolved:
    """Merge all layers.

    Args:
        flags: key → value from the command line; None and empty lists count as not given.
        env: the environment; an empty variable counts as unset.
        config: path of the configuration file from `--config`; else `MARCO_CONFIG`, else the user's own if it exists.
        implied_preset: the model that the layers name (None: none) → the preset to use when no layer names one.

    Raises:
        ConfigError: a wrong value, an unknown key, variable or preset; the message names flag, variable or file:line.
    """
    path = config_path(config, env)
    layers = (_file_layer(path), _environment_layer(env), _flag_layer(flags))
    from_preset, height = _preset_layer(layers, path, implied_preset)
    values, origins = _overlay((*layers[:height], from_preset, *layers[height:]))
    lower, _ = _overlay((*layers[:2], from_preset))
    settings = Settings(**values)
    _refuse_unused_variables(layers[2], dict(lower["variables"]), settings)
    return Resolved(settings=settings, origins=tuple(origins.items()))


def _preset_layer(
    layers: tuple[Layer, Layer, Layer], path: Path | None, implied_preset: Callable[[str | None], str | None]
) -> tuple[Layer, int]:
    """Load the strongest named preset; return its layer with the number of layers that are weaker than it."""
    values, origins = _overlay(layers)
    name, origin = values["preset"], origins["preset"]
    if name is None:
        name, origin = implied_preset(values["model"]), "implied by the model"
    if name is None:
        return (), 0
    # A path in the configuration file starts where the file is, elsewhere where the user is.
    base = path.parent if path and origin.startswith("config") else None
    preset = load_preset(name, base=base, where=origin)
    layer = tuple(
        Assignment(key=entry.key, value=entry.value, origin=f"preset {preset.name} ({entry.where})")
        for entry in preset.entries
    )
    return (Assignment(key="preset", value=name, origin=origin), *layer), _WEAKER_LAYERS[origin.split()[0]]


def _overlay(layers: Iterable[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Put layers, weakest first, on the defaults; return values and origins by key."""
    values: dict[str, Any] = {key: option.default for key, option in OPTIONS.items()}
    origins = dict.fromkeys(OPTIONS, "default")
    for layer in layers:
        for given in layer:
            if OPTIONS[given.key].has_names:
                values[given.key] = tuple((dict(values[given.key]) | dict(_pairs(given.value))).items())
                origins.update({f"{given.key}.{name}": given.origin for name, _ in _pairs(given.value)})
                origins.pop(given.key, None)
            else:
                values[given.key] = given.value
                origins[given.key] = given.origin
    return values, origins


def _pairs(value: Value) -> Pairs:
    return value  # type: ignore[return-value]  # checked by the option, which has names


def _file_layer(path: Path | None) -> Layer:
    if path is None:
        return ()
    return tuple(
        Assignment(key=entry.key, value=entry.value, origin=f"config {entry.where}") for entry in read_config(path)
    )


def _environment_layer(env: Mapping[str, str]) -> Layer:
    options = {option.variable: option for option in OPTIONS.values()}
    given = []
    for name, text in sorted(env.items()):
        if not name.startswith("MARCO_") or not text or name in OTHER_VARIABLES:
            continue
        if name not in options:
            raise ConfigError(
                f"environment variable {name} matches no setting", hint=did_you_mean(name, (*options, *OTHER_VARIABLES))
            )
        origin = f"env {name}"
        given.append(Assignment(key=options[name].key, value=options[name].parse(text, where=origin), origin=origin))
    return tuple(given)


def _flag_layer(flags: Mapping[str, object]) -> Layer:
    given = []
    for key, value in flags.items():
        if key not in OPTIONS:
            raise ConfigError(f"unknown setting {key!r}", hint=did_you_mean(key, OPTIONS))
        if value is None or value in ([], ()):
            continue
        origin = f"flag {OPTIONS[key].flag}"
        given.append(Assignment(key=key, value=OPTIONS[key].accept(value, where=origin), origin=origin))
    return tuple(given)


def _refuse_unused_variables(flags: Layer, declared: Mapping[str, str], settings: Settings) -> None:
    """Refuse a variable that was typed for this run and would change nothing: it is a slip of the pen."""
    texts = "".join((settings.system or "", settings.prefix, settings.suffix))
    used = set(re.findall(r"\{(\w+)\}", texts))
    for given in flags:
        for name, _ in _pairs(given.value) if given.key == "variables" else ():
            if name not in declared and name not in used:
                raise ConfigError(
                    f"{given.origin}: no text of this preset holds {{{name}}}",
                    hint=did_you_mean(name, sorted({*declared, *used})) if declared or used else None,
                )

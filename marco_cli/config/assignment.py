"""Settings as they are typed after `--set`: `top_p=0.9`, each to be repeated.

In: texts, and what the flags of the same command line say. Out: key → value, checked.
"""

from collections.abc import Iterable, Mapping

from marco_cli.config.option import Value, did_you_mean
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError, quoted


def read_assignments(texts: Iterable[str]) -> dict[str, Value]:
    """Read `key=value` texts. A key may be spelt with hyphens; of a key with named values or a list, all are kept.

    Raises:
        ConfigError: no `=`, an unknown key, a key that is set twice, a value of the wrong type or out of range.
    """
    spelt: dict[str, list[str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        key = name.strip().lower().replace("-", "_")
        if not equals:
            raise ConfigError(f"--set: got {quoted(text)}, expected KEY=VALUE", hint="for example --set top_p=0.9")
        if key not in OPTIONS:
            raise ConfigError(f"--set: unknown key {quoted(name)}", hint=did_you_mean(key, OPTIONS))
        spelt.setdefault(key, []).append(value)
    return {key: _read(key, values) for key, values in spelt.items()}


def with_assignments(flags: Mapping[str, object], texts: Iterable[str]) -> dict[str, object]:
    """Return the flags and what `--set` adds to them.

    Raises:
        ConfigError: see `read_assignments`; or a setting has both a flag and a `--set`.
    """
    values = read_assignments(texts)
    for key in values:
        if flags.get(key) not in (None, [], ()):
            flag = OPTIONS[key].flag
            raise ConfigError(f"{flag} and --set {key} name the same setting", hint=f"leave out --set {key}")
    return {**flags, **values}


def _read(key: str, values: list[str]) -> Value:
    option = OPTIONS[key]
    if option.has_names or option.kind == "texts":
        return option.accept(values, where=f"--set {key}")
    if len(values) > 1:
        raise ConfigError(f"--set {key} is given {len(values)} times", hint=f"leave one: --set {key}={values[-1]}")
    return option.parse(values[0], where=f"--set {key}")

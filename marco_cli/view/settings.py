"""Settings as text: lines of YAML that a configuration file could hold, and on demand where each value came from.

In: a `Resolved`. Out: text without control characters; reading it as a configuration file gives the same settings.
"""

import json

from marco_cli.config.layers import Resolved
from marco_cli.config.option import Option, Value
from marco_cli.config.settings import OPTIONS, UNDECIDED, Settings
from marco_cli.view.printable import printable


def settings_text(resolved: Resolved, *, with_origin: bool) -> str:
    """Return one line `key: value` a setting; `with_origin` adds a comment with the layer that the value came from."""
    lines = {key: f"{key}: {_spell(getattr(resolved.settings, key), option)}" for key, option in OPTIONS.items()}
    if not with_origin:
        return "\n".join(lines.values())
    return "\n".join(f"{line}  # {printable(_origin(resolved, key))}" for key, line in lines.items())


def setting_text(settings: Settings, key: str) -> str:
    """Return one value as `config set` takes it: a text as it is, named texts and lists an entry a line."""
    value, option = getattr(settings, key), OPTIONS[key]
    if isinstance(value, tuple):
        return "\n".join(f"{item[0]}={item[1]}" if isinstance(item, tuple) else item for item in value)
    return value if isinstance(value, str) else _spell(value, option)


def _origin(resolved: Resolved, key: str) -> str:
    """Return where a value came from; named texts are layered one by one, so each of their names says its own."""
    prefix = f"{key}."
    return "; ".join(
        origin if name == key else f"{name.removeprefix(prefix)}: {origin}"
        for name, origin in resolved.origins
        if name == key or name.startswith(prefix)
    )


def _spell(value: Value, option: Option) -> str:
    for word, meaning in option.about.words:
        if value == meaning:
            return word
    if value == UNDECIDED and not option.is_optional and (option.choices or option.kind == "tags"):
        return UNDECIDED
    if isinstance(value, tuple):
        is_typed = option.kind == "typed pairs"
        items = (_named(*item, is_typed=is_typed) if isinstance(item, tuple) else _quoted(item) for item in value)
        return ("{%s}" if option.has_names else "[%s]") % ", ".join(items)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return json.dumps(value)


def _named(name: str, value: str, *, is_typed: bool) -> str:
    spelt = "".join(map(_escaped, value)) if is_typed else _quoted(value)
    return f"{_quoted(name)}: {spelt}"


def _quoted(text: str) -> str:
    """Return a text in the double quotes of YAML, whose escapes include those of JSON."""
    return "".join(_escaped(character) for character in json.dumps(text, ensure_ascii=False))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""A strict YAML file: a flat mapping from known keys to checked values, each with the line that it stands on.

In: text and the table of the keys that it may have. Out: entries in the order of the file. YAML 1.1 guesses types
(`no` is a boolean, `012` is ten, `1e-3` is text, a repeated key wins silently): here the option's type decides, and
everything else is a `ConfigError` that names file and line. Nothing is ever constructed from a tag. The only import of `yaml`.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from marco_cli.config.option import Option, Value, did_you_mean
from marco_cli.errors import ConfigError, cut, os_errors_as, quoted

_CORE = "tag:yaml.org,2002:"
# What YAML 1.1 takes an unquoted value for: 1e-3 is text to it, and so are words such as auto.
_PLAIN_TAGS = {"integer": ("int", "str"), "number": ("float", "int", "str"), "switch": ("bool",)}
_MISREAD_TEXTS = ("bool", "int", "float", "timestamp")
MAX_BYTES = 256_000
"""Of a file: PyYAML reads some 100 kB a second, and the longest chat templates are a tenth of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlEntry:
    """One key of a document with its checked value and its place."""

    key: str
    value: Value
    path: Path
    line: int
    """Where the key stands, counted from 1."""
    last_line: int
    """Where its value ends."""
    span: tuple[int, int]
    """The value's characters in the text; empty, right after the colon, for a key without a value."""

    @property
    def where(self) -> str:
        """Name the place as `file:line`."""
        return f"{self.path}:{self.line}"


def read_document(path: Path, options: Mapping[str, Option]) -> tuple[YamlEntry, ...]:
    """Read and check a file.

    Raises:
        ConfigError: the file cannot be read, is neither UTF-8 nor a YAML mapping, or a key or value is wrong.
    """
    return parse_document(read_text(path), path, options)


def read_text(path: Path) -> str:
    """Return a file's text with its line ends as they are; a byte order mark is dropped.

    Raises:
        ConfigError: the file cannot be read, is larger than `MAX_BYTES`, or is not UTF-8.
    """
    with os_errors_as(ConfigError, f"{path}: cannot be read"), path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1000} kB, expected a short YAML text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8, expected a YAML text") from error


def parse_document(text: str, path: Path, options: Mapping[str, Option]) -> tuple[YamlEntry, ...]:
    """Check a document's text; `path` only names it in errors. An empty document has no entries."""
    root = _compose(text, path)
    if root is None:
        return ()
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{_place(path, root)}: got {_noun(root)}, expected lines of `key: value`")
    entries: dict[str, YamlEntry] = {}
    for key_node, value_node in root.value:
        place = _place(path, key_node)
        key = _key(key_node, place)
        if key not in options:
            raise ConfigError(f"{place}: unknown key {quoted(key)}", hint=did_you_mean(key, options))
        if key in entries:
            raise ConfigError(f"{place}: {key} is already set on line {entries[key].line}", hint="keep one of the two")
        start, end = value_node.start_mark.index, _last_leaf(value_node).end_mark.index
        end = start + len(text[start:end].rstrip())  # the node of a block text reaches to the next key
        entries[key] = YamlEntry(
            key=key,
            value=_value(value_node, options[key], f"{_place(path, value_node)}: {key}"),
            path=path,
            line=key_node.start_mark.line + 1,
            last_line=text.count("\n", 0, end) + 1,
            span=(start, end),
        )
    return tuple(entries.values())


def _compose(text: str, path: Path) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {cut(error.problem or error.context or '')}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.reason}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply, expected lines of `key: value`") from error
    except ValueError as error:  # PyYAML takes the version in a %YAML line for a number of any length
        raise ConfigError(f"{path}: not valid YAML: {cut(str(error))}") from error


def _value(node: yaml.Node, option: Option, where: str) -> Value:
    match option.kind, node:
        case "texts", yaml.ScalarNode():
            return (_text(node, option, where),)
        case "texts", yaml.SequenceNode():
            return tuple(_text(item, option, where) for item in node.value)
        case "pairs", yaml.MappingNode():
            names = [_key(name, where) for name, _ in node.value]
            _refuse_repeated(names, where)
            return tuple((name, _text(item, option, where)) for name, (_, item) in zip(names, node.value, strict=True))
        case "typed pairs", yaml.MappingNode():
            return option.accept(_json(node, where, set()), where=where)
        case "tags", yaml.MappingNode():
            return option.check(json.dumps(_json(node, where, set()), ensure_ascii=False), where=where)
        case (("text" | "integer" | "number" | "switch" | "tags"), yaml.ScalarNode()):
            return _scalar(node, option, where)
        case _:
            raise _mismatch(node, option, where)


def _refuse_repeated(names: list[str], where: str) -> None:
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise ConfigError(f"{where}: {cut(name)} is set twice", hint="keep one of the two")


def _json(node: yaml.Node, where: str, seen: set[int]) -> Any:
    """Return a node as a value of JSON; words that YAML takes for something else are refused, as are aliases."""
    if id(node) in seen:  # aliases of aliases double a value with each line, or hold themselves
        raise ConfigError(f"{where}: got an alias, expected the value itself")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_json(item, where, seen) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        names = [_key(name, where) for name, _ in node.value]
        _refuse_repeated(names, where)
        return {name: _json(item, where, seen) for name, (_, item) in zip(names, node.value, strict=True)}
    if node.tag == _CORE + "str":
        return str(node.value)
    try:
        return json.loads(node.value)  # true, null, 3 and 0.5 as JSON spells them
    except ValueError as error:
        hint = f'put it in quotes: "{cut(node.value)}"'
        raise ConfigError(f"{where}: got {_noun(node)}, expected JSON or text", hint=hint) from error


def _scalar(node: yaml.ScalarNode, option: Option, where: str) -> Value:
    if option.is_optional and node.tag == _CORE + "null":
        return None
    if node.style is None and node.value in dict(option.about.words):  # in quotes it is a text like any other
        return dict(option.about.words)[node.value]
    if option.kind in ("text", "tags"):
        return option.check(_text(node, option, where), where=where)
    is_plain = node.style is None and node.tag in {_CORE + kind for kind in _PLAIN_TAGS[option.kind]}
    if not is_plain or (option.kind == "switch" and node.value not in {"true", "false"}):
        raise option.mismatch(node.value, where=where, hint=f"write {option.key}: and the value as it is, unquoted")
    return option.parse(node.value, where=where)


def _text(node: yaml.Node, option: Option, where: str) -> str:
    if isinstance(node, yaml.ScalarNode) and node.tag == _CORE + "str":
        return str(node.value)
    raise _mismatch(node, option, where)


def _mismatch(node: yaml.Node, option: Option, where: str) -> ConfigError:
    """Build the error for a node of another type; words that YAML takes for something else are shown in quotes."""
    hint = None
    if option.kind in {"text", "texts", "pairs"} and node.tag in {_CORE + kind for kind in _MISREAD_TEXTS}:
        hint = f'put it in quotes: "{cut(node.value)}"'
    return ConfigError(f"{where}: got {_noun(node)}, expected {option.expected}", hint=hint)


def _key(node: yaml.Node, place: str) -> str:
    """Return a key as it is spelt: `no` is Norwegian here, not a boolean."""
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise ConfigError(f"{place}: got {_noun(node)} as a key, expected a name")
    return str(node.value)


def _last_leaf(node: yaml.Node) -> yaml.Node:
    """Follow the last child down: the node of a block list or mapping reaches over the comments behind it."""
    seen: set[int] = set()
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value and id(node) not in seen:
        seen.add(id(node))  # an alias may make a list its own last entry
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _noun(node: yaml.Node) -> str:
    """Describe a node for an error, e.g. "the bool no" or "a list"."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    kind = node.tag.removeprefix(_CORE)
    return "nothing" if kind == "null" else f"the {cut(kind)} {cut(node.value)}"


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}:{node.start_mark.line + 1}"

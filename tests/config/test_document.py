from pathlib import Path

import pytest
from tables import table

from marco_cli.config.document import parse_document, read_document
from marco_cli.config.option import Value
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError

PATH = Path("some.yaml")


def parse(text: str) -> dict[str, Value]:
    """Return what a text says."""
    return {entry.key: entry.value for entry in parse_document(text, PATH, OPTIONS)}


@table(
    [
        ("", {}),
        ("# only a comment\n", {}),
        ("top_p: 0.9", {"top_p": 0.9}),
        ("top_p: 1", {"top_p": 1}),
        ("top_p: 1e-3", {"top_p": 0.001}),
        ("top_p: 1.0E-3", {"top_p": 0.001}),
        ("max_tokens: null", {"max_tokens": None}),
        ("max_tokens: auto", {"max_tokens": None}),
        ("max_tokens:", {"max_tokens": None}),
        ("gpu_layers: all", {"gpu_layers": -1}),
        ("tags: none", {"tags": "none"}),
        ('tags: {thought: [<a>, "</a>"]}', {"tags": '{"thought": ["<a>", "</a>"]}'}),
        ("tags:\n  output: [null, '[END]']\n", {"tags": '{"output": [null, "[END]"]}'}),
        ('system: ""', {"system": ""}),
        ('system: "no"', {"system": "no"}),
        ("system: |\n  one\n  two\n", {"system": "one\ntwo\n"}),
        ("stop: x", {"stop": ("x",)}),
        ("stop: [x, 'y']", {"stop": ("x", "y")}),
        ("stop:\n- x\n- y", {"stop": ("x", "y")}),
        ("reflection_phrases: {en: Wait!, no: Vent!}", {"reflection_phrases": (("en", "Wait!"), ("no", "Vent!"))}),
        ("prefill: 你好", {"prefill": "你好"}),
        ("\ufefftop_k: 3", {"top_k": 3}),
        ("top_k: 3\r\nseed: 4\r\n", {"top_k": 3, "seed": 4}),
    ]
)
def test_values_have_the_types_of_their_keys(text: str, values: dict[str, Value]) -> None:
    """The option's type decides what a YAML value means, not YAML 1.1's guess."""
    assert parse(text) == values


@table(
    [
        ("seed: 1\ntop-p: 0.9", 2, "unknown key 'top-p'"),
        ("seed: 1\n\nseed: 2", 3, "seed is already set on line 1"),
        ("top_p: nope", 1, "top_p: got 'nope', expected a number above 0"),
        ("top_p: '0.9'", 1, "top_p: got '0.9', expected a number"),
        ("top_p: .inf", 1, "top_p: got '.inf'"),
        ("top_p: .nan", 1, "top_p: got '.nan'"),
        ("top_p: [0.9]", 1, "top_p: got a list"),
        ("top_p: no", 1, "top_p: got 'no'"),
        ("top_p: 2", 1, "at most 1"),
        ("top_p:", 1, "top_p: got"),
        ("top_k: 012", 1, "top_k: got '012', expected a whole number"),
        ("top_k: 0x1F", 1, "top_k: got '0x1F'"),
        ("top_k: 1:30", 1, "top_k: got '1:30'"),
        ("top_k: 1.0", 1, "top_k: got '1.0'"),
        ("top_k: true", 1, "top_k: got 'true'"),
        ("top_k: !foo 5", 1, "top_k: got '5'"),
        ("model: no", 1, "model: got the bool no, expected text"),
        ("model: 7", 1, "model: got the int 7, expected text"),
        ("model: 2024-01-01", 1, "model: got the timestamp 2024-01-01"),
        ("model: {a: b}", 1, "model: got a mapping"),
        ("model: !!python/object/apply:os.system [x]", 1, "model: got a list"),
        ("prefill: null", 1, "prefill: got nothing, expected text"),
        ("stop: [a, 1]", 1, "stop: got the int 1"),
        ("stop:\n - a\n - [b]", 2, "stop: got a list"),
        ("reflection_phrases: {en: a, en: b}", 1, "en is set twice"),
        ("reflection_phrases: {en: [a]}", 1, "reflection_phrases: got a list"),
        ("reflection_phrases: Wait!", 1, "reflection_phrases: got the str Wait!"),
        ("variables: {a: no}", 1, "variables: got the bool no"),
        ("template_var: {a: no}", 1, "template_var: got the bool no, expected JSON or text"),
        ("template_var: {a: {b: 1, b: 2}}", 1, "b is set twice"),
        ("template_var: {a: &x [1], b: *x}", 1, "got an alias"),
        ("template_var: &x {a: *x}", 1, "got an alias"),
        ("- a\n- b", 1, "expected lines of `key: value`"),
        ("just text", 1, "expected lines of `key: value`"),
        ("[a]: b", 1, "as a key, expected a name"),
        ("<<: {seed: 1}", 1, "unknown key '<<'"),
        ("seed: 1\nmodel: [a", 2, "not valid YAML"),
        ("seed: 1\nmodel: *x", 2, "not valid YAML"),
        ("seed: 1\n---\nseed: 2", 2, "not valid YAML"),
        ("seed: 1\nmodel: \x00", 2, "not valid YAML"),
        ("seed: 1\n\tmodel: x", 2, "not valid YAML"),
    ]
)
def test_everything_else_is_refused_with_file_and_line(text: str, line: int, part: str) -> None:
    """YAML's traps (booleans, octals, sexagesimals, repeated keys, tags) are errors that say where they are."""
    with pytest.raises(ConfigError) as caught:
        parse(text)

    assert caught.value.message.startswith(f"some.yaml:{line}: ")
    assert part in caught.value.message


def test_an_unknown_key_names_the_nearest_valid_one() -> None:
    """A slip in a key is answered with the key that was meant."""
    with pytest.raises(ConfigError) as caught:
        parse("temprature: 1")

    assert caught.value.hint == "did you mean temperature?"


def test_a_word_that_yaml_takes_for_a_boolean_is_shown_in_quotes() -> None:
    """The remedy for `model: no` can be copied from the hint."""
    with pytest.raises(ConfigError) as caught:
        parse("model: no")

    assert caught.value.hint == 'put it in quotes: "no"'


def test_deep_nesting_is_refused_like_any_other_mistake() -> None:
    """A hostile file ends in one line, not in a traceback."""
    with pytest.raises(ConfigError, match=r"^some\.yaml"):
        parse("stop: " + "[" * 20_000)


def test_aliases_do_not_grow() -> None:
    """A small file cannot unfold into a huge value."""
    text = "stop: &a [x, x]\nvariables: {k: *a}"

    with pytest.raises(ConfigError, match="variables: got a list"):
        parse(text)


@pytest.mark.parametrize("content", [b"seed: \xff\xfe", b"\x80"])
def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path, content: bytes) -> None:
    """Binary files are named as such."""
    (tmp_path / "x.yaml").write_bytes(content)

    with pytest.raises(ConfigError, match=r"x\.yaml: byte \d is not UTF-8"):
        read_document(tmp_path / "x.yaml", OPTIONS)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    """Paths that cannot be read give one line with the reason."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_document(tmp_path / "x.yaml", OPTIONS)
    with pytest.raises(ConfigError, match="cannot be read: "):
        read_document(tmp_path, OPTIONS)


def test_entries_know_the_lines_and_characters_they_cover() -> None:
    """Edits of one key can leave every other line alone."""
    text = "# head\nstop:\n- a\n- b  # why\n# tail\nseed: 1 # one\nsystem: |\n  x\n\n# end\n"

    entries = parse_document(text, PATH, OPTIONS)

    assert [(entry.key, entry.line, entry.last_line) for entry in entries] == [
        ("stop", 2, 4),
        ("seed", 6, 6),
        ("system", 7, 8),
    ]
    assert [text[slice(*entry.span)] for entry in entries] == ["- a\n- b", "1", "|\n  x"]


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE" * 60 + "\n-----END"


@table(
    [
        KEY,
        KEY.replace("\n", " "),
        f"system: [{'k' * 5000}]",
        f"seed: {'9' * 5000}",
        f"seed: {'k' * 5000}",
        f"{'k' * 5000}: 1",
        f"{'k' * 500}\n: 1",
        f"system: *{'k' * 5000}",
        f"system: !{'k' * 5000} x",
        f"!{'k' * 5000}",
        f"!k!{'k' * 5000} x",
        f"variables: {{{'k' * 5000}: 1, {'k' * 5000}: 2}}",
        f"system: {'1' * 5000}",
        f"%YAML {'1' * 5000}.1\n---\nseed: 1",
        f"%{'k' * 5000}\n---\n{'k' * 5000}",
        f'system: "\\q{"k" * 5000}"',
        f"extends: {'k' * 5000}",
    ]
)
def test_no_error_quotes_more_than_a_line_of_a_file(text: str) -> None:
    """Whatever a file holds, e.g. a key that was named by mistake, its error shows 60 characters of it at most."""
    with pytest.raises(ConfigError) as refused:
        parse_document(text, PATH, OPTIONS)

    assert len(refused.value.message) < 170
    assert len(refused.value.hint or "") < 1000
    assert "kkk" * 21 not in f"{refused.value.message} {refused.value.hint}"
    assert KEY[36:117] not in refused.value.message


@pytest.mark.parametrize("text", ["stop: &a\n- *a\n", "variables: &a\n  k: *a\n", "stop: &a [*a]\n", "&a [*a]"])
def test_a_list_inside_itself_is_refused(text: str) -> None:
    """Aliases can make a document endless."""
    with pytest.raises(ConfigError, match="got a"):
        parse_document(text, PATH, OPTIONS)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """YAML is read slowly: 20 MB of words would take minutes."""
    path = tmp_path / "large.yaml"
    path.write_text("word " * 60_000)

    with pytest.raises(ConfigError, match="larger than 256 kB"):
        read_document(path, OPTIONS)

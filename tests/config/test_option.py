from typing import Any

import pytest
from tables import table

from marco_cli.config.option import Option, Value, did_you_mean
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.errors import ConfigError


@table(
    [
        ("top_p", "0.9", 0.9),
        ("top_p", "1e-3", 0.001),
        ("top_p", ".5", 0.5),
        ("top_k", "40", 40),
        ("max_tokens", "auto", None),
        ("gpu_layers", "auto", None),
        ("gpu_layers", "all", -1),
        ("gpu_layers", "12", 12),
        ("seed", "1763738400123456789", 1763738400123456789),
        ("system", "", ""),
        ("system", "auto", "auto"),
        ("tags", "think", "think"),
        ("tags", '{"thought": ["<a>", "</a>"]}', '{"thought": ["<a>", "</a>"]}'),
        ("stop", "a\nb", ("a", "b")),
        ("variables", "a=1\nb=x=y", (("a", "1"), ("b", "x=y"))),
        ("variables", "a=", (("a", ""),)),
        ("template_var", "a=false\nb=3\nc=low\nd=", (("a", "false"), ("b", "3"), ("c", '"low"'), ("d", '""'))),
        (
            "template_var",
            'a=False\nb="true"\nc=[1, {"x": null}]',
            (("a", "false"), ("b", '"true"'), ("c", '[1, {"x": null}]')),
        ),
        ("template_var", "a=NaN\nb={x}", (("a", '"NaN"'), ("b", '"{x}"'))),
    ]
)
def test_text_from_a_shell_becomes_a_value(key: str, text: str, value: Value) -> None:
    """Flags and environment variables are read as the option's type, with words for automatic choices."""
    assert OPTIONS[key].parse(text, where="here") == value


@table(
    [
        ("top_p", "0"),
        ("top_p", "1.01"),
        ("top_p", "nan"),
        ("top_p", "inf"),
        ("top_p", "1e999"),
        ("top_p", "0,9"),
        ("top_p", "٠.٥"),
        ("temperature", "-0.1"),
        ("top_k", "1.0"),
        ("top_k", "012"),
        ("top_k", "0x10"),
        ("top_k", "1_000"),
        ("top_k", "9" * 5000),
        ("seed", str(1 << 63)),
        ("seed", "12345678901234567890"),
        ("ctx", "all"),
        ("ctx", "0"),
        ("gpu_layers", "-2"),
        ("parallel", "256"),
        ("tags", "thinking"),
        ("tags", "{"),
        ("tags", "{}"),
        ("tags", '["<a>", "</a>"]'),
        ("tags", '{"thoughts": ["<a>", "</a>"]}'),
        ("tags", '{"thought": ["<a>"]}'),
        ("tags", '{"thought": [null, null]}'),
        ("tags", '{"thought": ["<a>", "<a>"]}'),
        ("tags", '{"thought": ["<", ">"]}'),
        ("variables", "no-equals-sign"),
        ("variables", "=x"),
        ("variables", "a=1\na=2"),
        ("seed", ""),
    ]
)
def test_a_wrong_text_is_refused_with_got_and_expected(key: str, text: str) -> None:
    """A wrong value never reaches the program; the message is one short line that starts with its place."""
    with pytest.raises(ConfigError) as caught:
        OPTIONS[key].parse(text, where="flag --x")

    assert caught.value.message.startswith("flag --x: got ")
    assert OPTIONS[key].expected in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200


@table(
    [
        ("stop", ["a"], ("a",)),
        ("stop", "two\nlines", ("two\nlines",)),
        ("variables", ["a=1"], (("a", "1"),)),
        ("variables", {"a": "1"}, (("a", "1"),)),
        ("template_var", {"a": True, "b": "true", "c": [1]}, (("a", "true"), ("b", '"true"'), ("c", "[1]"))),
        ("template_var", ["a=true"], (("a", "true"),)),
        ("template_var", (("a", "true"),), (("a", "true"),)),
        ("top_k", 3, 3),
        ("temperature", 1, 1),
        ("gpu_layers", "all", -1),
    ]
)
def test_values_at_hand_are_frozen(key: str, value: Any, accepted: Value) -> None:
    """Lists and mappings that a caller has become tuples."""
    assert OPTIONS[key].accept(value, where="here") == accepted


@table(
    [
        ("top_k", True),
        ("temperature", False),
        ("top_p", None),
        ("stop", ["a"]),
        ("stop", ("a", 1)),
        ("variables", (("a", "1"), ("a", "2"))),
        ("template_var", (("a", "no JSON"),)),
        ("template_var", (("a", "NaN"),)),
        ("variables", {"a": "1"}),
        ("system", 3),
        ("top_p", float("nan")),
        ("seed", 1.0),
    ]
)
def test_settings_refuse_values_of_another_type(key: str, value: Any) -> None:
    """Settings built in code are checked like any other: no mutable value, no boolean for a number, no NaN."""
    with pytest.raises(ConfigError, match=f"^{key}: got "):
        Settings(**{key: value})


@pytest.mark.parametrize("key", ["seed", "max_tokens", "time_limit", "temperature"])
@pytest.mark.parametrize("value", [1 << 63, 10**400, -(10**400)], ids=["64 bits", "1e400", "-1e400"])
def test_integers_that_64_bits_do_not_hold_are_refused(key: str, value: int) -> None:
    """What JSON could not keep as a number, a trace or a row could not say again."""
    with pytest.raises(ConfigError, match=f"^{key}: got ") as caught:
        OPTIONS[key].accept(value, where=key)
    assert len(caught.value.message) < 200
    assert OPTIONS["seed"].accept((1 << 63) - 1, where="seed") == (1 << 63) - 1


def test_a_wrong_choice_names_the_nearest() -> None:
    """A slip in a choice is answered with the choice that was meant."""
    with pytest.raises(ConfigError) as caught:
        OPTIONS["tags"].parse("marko", where="env MARCO_TAGS")

    assert caught.value.message == f"env MARCO_TAGS: got 'marko', expected {OPTIONS['tags'].expected}"
    assert caught.value.hint == "did you mean marco?"


def test_ranges_are_told_in_words() -> None:
    """What an option expects can be printed as it is in an error or a help text."""
    assert OPTIONS["top_p"].expected == "a number above 0 and at most 1"
    assert OPTIONS["gpu_layers"].expected == "a whole number at least -1 or auto or all"
    assert OPTIONS["thought"].expected == "one of auto, full, hide"


def test_a_switch_takes_the_usual_words() -> None:
    """Booleans in an environment variable may be spelt true, yes, on or 1."""
    switch = Option(key="x", kind="switch", about=OPTIONS["seed"].about)

    assert [switch.parse(text, where="x") for text in ("true", "Yes", "on", "1", "false", "no", "OFF", "0")] == (
        [True] * 4 + [False] * 4
    )
    with pytest.raises(ConfigError, match="expected true or false"):
        switch.parse("maybe", where="x")


def test_hyphens_and_case_do_not_hide_the_nearest_key() -> None:
    """Who types a flag's spelling in a file is shown the key's spelling."""
    assert did_you_mean("Top-P", OPTIONS) == "did you mean top_p?"
    assert did_you_mean("zzzzzz", ("a", "b")) == "known: a, b"


@pytest.mark.parametrize("text", ["9223372036854775808", "12345678901234567890", "-12345678901234567890"])
def test_a_number_that_is_too_long_says_how_long_it_may_be(text: str) -> None:
    """A number of 20 digits is a whole number to a person: the hint says what is wrong with it."""
    with pytest.raises(ConfigError) as refused:
        OPTIONS["seed"].parse(text, where="flag --seed")

    assert "18 digits" in f"{refused.value.hint}"

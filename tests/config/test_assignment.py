"""What may stand after `--set`."""

import pytest
from tables import table

from marco_cli.config.assignment import with_assignments
from marco_cli.config.settings import OPTIONS
from marco_cli.errors import ConfigError


@table(
    [
        ([], {}),
        (["top_p=0.9"], {"top_p": 0.9}),
        (["top-p=0.9", "TOP_K=5"], {"top_p": 0.9, "top_k": 5}),
        (["temperature=auto"], {"temperature": None}),
        (["system=a=b, c"], {"system": "a=b, c"}),
        (["stop=x", "stop=y"], {"stop": ("x", "y")}),
        (["variables=a=1", "variables=b=2"], {"variables": (("a", "1"), ("b", "2"))}),
        (["template_var=enable_thinking=false"], {"template_var": (("enable_thinking", "false"),)}),
        (["effort=auto"], {"effort": "auto"}),
        (["trace=no"], {"trace": False}),
        (["prefix="], {"prefix": ""}),
    ]
)
def test_any_setting_can_be_set(texts: list[str], values: dict[str, object]) -> None:
    """Each is read as its flag, its variable and its key are, and added to what flags say."""
    assert with_assignments({"seed": 1, "model": None}, texts) == {"seed": 1, "model": None, **values}


@table(
    [
        (["top_p"], "expected KEY=VALUE"),
        (["tpo_p=1"], "unknown key 'tpo_p'"),
        (["=1"], "unknown key ''"),
        (["top_p=2"], "--set top_p: got 2.0, expected a number"),
        (["top_p=0.5", "top-p=0.6"], "given 2 times"),
        (["strategy=mcst"], "expected one of"),
        (["variables=x"], "--set variables"),
        (["seed=2"], "--seed and --set seed"),
    ]
)
def test_what_cannot_be_set_is_one_line(texts: list[str], message: str) -> None:
    """Unknown keys, wrong values and contradictions are refused before anything is loaded."""
    with pytest.raises(ConfigError) as refused:
        with_assignments({"seed": 1}, texts)

    assert message in refused.value.message


def test_every_key_is_known() -> None:
    """`--set` has no list of its own."""
    for key, option in OPTIONS.items():
        if option.choices:
            assert with_assignments({}, [f"{key}={option.choices[0]}"]) == {key: option.choices[0]}

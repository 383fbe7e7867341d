import dataclasses

import pytest

from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.errors import ConfigError


def test_every_field_is_an_option_with_help_flag_and_variable() -> None:
    """One line in the class is all that a setting needs: its key, flag, variable and default follow."""
    defaults = Settings()

    assert list(OPTIONS) == [field.name for field in dataclasses.fields(Settings)]
    for key, option in OPTIONS.items():
        assert option.about.help.endswith(".")
        assert option.default == getattr(defaults, key)
        assert option.flag == "--" + key.replace("_", "-")
        assert option.variable == f"MARCO_{key.upper()}"


def test_settings_cannot_change() -> None:
    """Two runs in one process never see each other's settings."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 1  # type: ignore[misc]  # what is tested
    assert hash(Settings()) == hash(Settings())


def test_defaults_force_nothing_on_a_model() -> None:
    """Without preset and flags a model is asked as its own template does, greedily."""
    settings = Settings()

    assert (settings.system, settings.prefill, settings.tags, settings.temperature) == (None, "", "auto", None)


def test_replacing_one_value_checks_it_too() -> None:
    """A search that derives settings from settings cannot leave the ranges."""
    with pytest.raises(ConfigError, match=r"top_p: got 2\.0, expected a number above 0 and at most 1"):
        dataclasses.replace(Settings(), top_p=2.0)

"""Temperature 0 is greedy or refused, and never the same as no temperature."""

import pytest

from marco_cli.config.settings import Settings
from marco_cli.errors import ConfigError
from marco_cli.plan import search_plan
from marco_cli.search import STRATEGIES
from marco_cli.search.config import SAMPLED


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_zero_is_greedy_or_refused(strategy: str) -> None:
    """A search that lives on differing samples says that it cannot be; the others draw nothing."""
    settings = Settings(strategy=strategy, temperature=0.0)
    if STRATEGIES[strategy].needs_chance:
        with pytest.raises(ConfigError, match=f"replies of {strategy} would be the same"):
            search_plan(settings)
        return
    config = search_plan(settings).config

    assert (config.sampling.temperature, config.greedy_first) == (0.0, True)


@pytest.mark.parametrize("effort", ["auto", "none", "low", "max", None])
def test_every_effort_can_be_greedy(effort: str | None) -> None:
    """Efforts use searches that temperature 0 leaves something to do."""
    config = search_plan(Settings(effort=effort, temperature=0.0)).config

    assert config.sampling.temperature == 0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_temperature_is_the_search_s_own(strategy: str) -> None:
    """A search without a temperature samples after a greedy first chain; any temperature above 0 is taken as it is."""
    unset = search_plan(Settings(strategy=strategy)).config
    warm = search_plan(Settings(strategy=strategy, temperature=0.25)).config

    assert unset.greedy_first
    assert unset.sampling.temperature >= SAMPLED.temperature
    assert (warm.sampling.temperature, warm.greedy_first) == (0.25, False)

"""How a question will be answered: what the settings come to as a search.

In: settings. Out: a `SearchPlan`, made once where the settings are known and carried from there. No model is needed for it.
"""

from dataclasses import dataclass, replace
from typing import Any

from marco_cli.config.settings import Settings
from marco_cli.engine.base import SamplingParams
from marco_cli.errors import ConfigError
from marco_cli.search import STRATEGIES
from marco_cli.search.config import SAMPLED, SearchConfig
from marco_cli.search.effort import AUTO, AUTO_SEARCH, EFFORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlan:
    """Settings, with the search that they come to."""

    settings: Settings
    config: SearchConfig
    is_routed: bool
    """Whether a chain comes first and decides whether to search (`--effort auto`)."""

    @property
    def is_chain(self) -> bool:
        """Whether the strategy writes a single reply."""
        return self.config.entry.is_chain

    @property
    def begins_with_chain(self) -> bool:
        """Whether a single reply comes first, and often is all there is."""
        return self.is_routed or self.is_chain

    def seeded(self, seed: int) -> "SearchPlan":
        """Return the same plan with another seed."""
        return replace(self, settings=replace(self.settings, seed=seed), config=replace(self.config, seed=seed))


def search_plan(settings: Settings) -> SearchPlan:
    """Return how to search.

    Without an effort it is `auto`; with a strategy or a number of simulations, which ask for a search, `medium` with that
    changed. A chain is greedy unless a temperature above 0 is set.

    Raises:
        ConfigError: the settings do not go together, or the temperature is 0 and the strategy lives on differing samples.
    """
    is_direct = settings.strategy is not None or settings.simulations is not None
    effort = settings.effort or ("medium" if is_direct else AUTO)
    bundle = AUTO_SEARCH if effort == AUTO else EFFORTS[effort]
    is_sampled = bool(settings.temperature)
    strategy = settings.strategy or (
        "sample" if is_sampled and STRATEGIES[bundle.strategy].is_greedy else bundle.strategy
    )
    if settings.temperature == 0 and STRATEGIES[strategy].needs_chance:
        raise ConfigError(
            f"at temperature 0 all replies of {strategy} would be the same",
            hint="leave the temperature out, which samples at 0.7, or use --strategy mcts, which then searches greedily",
        )
    chosen: dict[str, Any] = {
        "seed": settings.seed,
        "sampling": _sampling(settings),
        "greedy_first": not is_sampled,
        "parallel": settings.parallel or bundle.parallel,
        "simulations": settings.simulations or bundle.simulations,
        "max_search_tokens": settings.max_search_tokens or bundle.max_search_tokens,
        "time_limit": settings.time_limit or bundle.time_limit,
    }
    for key in ("certainty", "step", "reflection", "reward", "vote", "corrects", "programs", "doubt_below"):
        value = getattr(settings, key)
        if value is not None:
            chosen[key] = value
    if settings.prm is not None:
        chosen = {"reward": "process", "vote": "process", **chosen}
    return SearchPlan(settings=settings, config=SearchConfig.of(strategy, **chosen), is_routed=effort == AUTO)


def _sampling(settings: Settings) -> SamplingParams:
    """Return how a search draws tokens: greedily at temperature 0, and without a temperature at its own."""
    is_usual = settings.temperature is None
    return SamplingParams(
        temperature=SAMPLED.temperature if settings.temperature is None else settings.temperature,
        top_k=settings.top_k,
        top_p=SAMPLED.top_p if is_usual and settings.top_p == 1 else settings.top_p,
        min_p=settings.min_p,
        repeat_penalty=settings.repeat_penalty,
    )

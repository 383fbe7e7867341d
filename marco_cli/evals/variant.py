"""A way of answering that is measured, as typed: `mcts@16+step=mini32`.

In: texts of the form NAME[@N][+setting=value]… over the settings in effect. Out: `Variant`s, each with its own settings.
NAME is a strategy or an effort, N its number of simulations. The model and how it is loaded are the same for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from marco_cli.config.option import did_you_mean
from marco_cli.config.settings import OPTIONS, Settings
from marco_cli.errors import ConfigError
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.search import STRATEGIES
from marco_cli.search.effort import AUTO, EFFORTS

DEFAULT = ("cot", "vote", "mcts")

_FIXED = frozenset(
    {"model", "prm", "judge", "preset", "ctx", "threads", "gpu_layers", "batch", "seed", "strategy", "effort"}
)
"""Settings that all variants of a run share, or that the name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of answering."""

    label: str
    """As it was typed."""
    plan: SearchPlan
    """Its seed is the first one."""
    num_seeds: int

    @property
    def settings(self) -> Settings:
        """The settings, with the first seed."""
        return self.plan.settings

    def seeded(self, index: int) -> SearchPlan:
        """Return the plan with one of the seeds, from 0."""
        return self.plan.seeded(self.settings.seed + index)


def parse_variants(texts: Sequence[str], base: Settings, *, num_seeds: int = 1) -> tuple[Variant, ...]:
    """Return the variants; a greedy chain is run with one seed only, since it has nothing to draw.

    Raises:
        ConfigError: an unknown name or setting, or the same variant twice.
    """
    if not texts:
        named = base.strategy or base.effort
        texts = (named,) if named else DEFAULT
    variants: dict[str, Variant] = {}
    for text in texts:
        label = text.strip()
        if label in variants:
            raise ConfigError(f"--strategy names {label!r} twice")
        plan = search_plan(_settings(label, base))
        is_greedy = plan.config.entry.is_greedy and not plan.is_routed and not plan.settings.temperature
        variants[label] = Variant(label=label, plan=plan, num_seeds=1 if is_greedy else num_seeds)
    return tuple(variants.values())


def _settings(text: str, base: Settings) -> Settings:
    head, *changes = text.split("+")
    name, at, count = head.partition("@")
    if name not in STRATEGIES and name not in (AUTO, *EFFORTS):
        names = (*STRATEGIES, AUTO, *EFFORTS)
        raise ConfigError(
            f"--strategy: {name!r} is neither a strategy nor an effort, expected one of {', '.join(names)}",
            hint=did_you_mean(name, names),
        )
    chosen: dict[str, Any] = {"strategy": name, "effort": None} if name in STRATEGIES else _effort(name)
    where = f"--strategy {text}"
    if at:
        chosen["simulations"] = OPTIONS["simulations"].parse(count, where=where)
    for change in changes:
        key, equals, value = change.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise ConfigError(f"{where}: {change!r} is not a setting=value", hint="write e.g. mcts@16+step=mini32")
        if key not in OPTIONS or key in _FIXED:
            known = [each for each in OPTIONS if each not in _FIXED]
            raise ConfigError(f"{where}: {key!r} is not a setting of a variant", hint=did_you_mean(key, known))
        chosen[key] = OPTIONS[key].parse(value, where=where)
    return replace(base, **chosen)


def _effort(name: str) -> dict[str, Any]:
    return {"strategy": None, "effort": name}

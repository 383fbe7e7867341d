"""Presets and efforts as text.

In: presets by name, the table of efforts. Out: text without control characters, one line each.
"""

from collections.abc import Mapping, Sequence

from marco_cli.config.preset import Preset
from marco_cli.search import STRATEGIES
from marco_cli.search.effort import AUTO, Effort
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.printable import printable


def preset_table(presets: Sequence[Preset]) -> str:
    """Return one line a preset: its name, and what it is for."""
    width = max((len(preset.name) for preset in presets), default=0)
    return "\n".join(printable(f"{preset.name:<{width}}  {preset.description}").rstrip() for preset in presets)


def effort_table(efforts: Mapping[str, Effort], auto_search: Effort) -> str:
    """Return one line an effort: the strategy and budgets that its name stands for."""
    rows = {AUTO: f"one chain; where it is doubtful, {_bundle(auto_search)}"}
    rows |= {name: _bundle(effort) for name, effort in efforts.items()}
    width = max(len(name) for name in rows)
    return "\n".join(f"{name:<{width}}  {row}" for name, row in rows.items())


def _bundle(effort: Effort) -> str:
    if STRATEGIES[effort.strategy].is_chain:
        return STRATEGIES[effort.strategy].help
    parts = [effort.strategy]
    if effort.simulations is not None:
        parts.append(f"{grouped(effort.simulations)} simulations")
    if effort.max_search_tokens is not None:
        parts.append(f"{grouped(effort.max_search_tokens)} tokens")
    if effort.time_limit is not None:
        parts.append(duration(effort.time_limit))
    return ", ".join([*parts, f"{effort.parallel} at once"])

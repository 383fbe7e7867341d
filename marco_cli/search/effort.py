"""Efforts: named bundles of strategy and budgets, for people who do not want to think about numbers.

Only numbers live here, so that the command line can list them without loading a model library.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

AUTO: Final = "auto"
"""Not a bundle: one chain first, and a search only when it is doubtful (`search.route`)."""


class Effort(NamedTuple):
    """What an effort stands for. None leaves a budget open."""

    strategy: str
    simulations: int | None
    max_search_tokens: int | None
    time_limit: float | None
    """Seconds."""
    parallel: int


EFFORTS: Final[Mapping[str, Effort]] = MappingProxyType(
    {
        "none": Effort("cot", 1, None, None, 1),
        "low": Effort("mcts", 8, None, None, 4),
        "medium": Effort("mcts", 16, None, None, 4),
        "high": Effort("mcts", 32, None, None, 8),
        "max": Effort("mcts", 128, None, None, 16),
    }
)
"""By the name on the command line; every number can be overridden by its own flag."""

AUTO_SEARCH: Final = Effort("mcts", 32, None, None, 8)
"""What `auto` goes on with; how long it may take, the first chain tells (`search.route`)."""

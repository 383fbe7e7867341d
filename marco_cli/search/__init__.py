"""Search over reasoning: the strategies and votes by name.

Only literal tables live here, so that the command line can list its choices without loading a model library. Places are
written `module:function`. A strategy takes a `search.run.Run` and returns why it stopped; `search.solve.search` runs one.
"""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

StepMode = Literal["paragraph", "line", "mini64", "mini32"]
ReflectionMode = Literal["never", "always", "low-confidence", "child"]


class StrategyEntry(NamedTuple):
    """Where a strategy is, the reward and the vote it uses unless told otherwise, and what the program must know of it."""

    place: str
    reward: str
    vote: str
    help: str
    unmeasured_vote: str | None = None
    """The vote instead where no `doubt_below` says that the model's confidence tells right from wrong."""
    needs_chance: bool = False
    """Whether it compares samples of the same beginning, which temperature 0 makes all the same."""
    is_chain: bool = False
    """Whether it writes a single reply, whatever the budget."""
    is_greedy: bool = False
    """Whether it draws nothing: its replies do not depend on the seed."""
    is_independent: bool = False
    """Whether its replies are independent samples from the prompt."""
    is_resumable: bool = False
    """Whether it can go on from an earlier search of its own (`Run.candidates`, `Run.tree`)."""
    has_tree: bool = False
    """Whether it grows a tree (`Run.tree`)."""
    has_programs: bool = False
    """Whether some of its replies may answer with a program (`SearchConfig.programs`)."""
    config: Mapping[str, object] = MappingProxyType({})
    """Fields of `SearchConfig` that have other defaults with it."""


STRATEGIES: Final = MappingProxyType(
    {
        "cot": StrategyEntry(
            "marco_cli.search.strategies.cot:cot",
            "confidence",
            "best",
            "one greedy chain of thought",
            is_chain=True,
            is_greedy=True,
        ),
        "sample": StrategyEntry(
            "marco_cli.search.strategies.sample:sample",
            "confidence",
            "best",
            "one sampled chain",
            is_chain=True,
            is_independent=True,
        ),
        "vote": StrategyEntry(
            "marco_cli.search.strategies.sample:self_consistency",
            "confidence",
            "majority",
            "sampled chains vote on the answer",
            needs_chance=True,
            is_independent=True,
            is_resumable=True,
        ),
        "best-of-n": StrategyEntry(
            "marco_cli.search.strategies.sample:best_of_n",
            "confidence",
            "best",
            "the most confident of n sampled chains",
            needs_chance=True,
            is_independent=True,
            is_resumable=True,
        ),
        "beam": StrategyEntry(
            "marco_cli.search.strategies.beam:beam",
            "confidence",
            "best",
            "keep the most confident partial chains, step by step",
            needs_chance=True,
            has_tree=True,
        ),
        "tot": StrategyEntry(
            "marco_cli.search.strategies.beam:tree_of_thoughts",
            "confidence",
            "best",
            "the model judges each step of a beam",
            needs_chance=True,
            has_tree=True,
        ),
        "mcts": StrategyEntry(
            "marco_cli.search.strategies.mcts:mcts",
            "checked",
            "checked",
            "tree search over steps, tuned for small budgets",
            is_resumable=True,
            has_tree=True,
            has_programs=True,
            unmeasured_vote="sound",
        ),
        "mcts-paper": StrategyEntry(
            "marco_cli.search.strategies.paper:paper",
            "confidence",
            "best",
            "tree search as the Marco-o1 paper describes it",
            needs_chance=True,
            is_resumable=True,
            has_tree=True,
            # The paper leaves most of these open: see `search.strategies.paper`.
            config={"step": "line", "exploration": 1.414, "normalise": False, "certainty": 1.0, "corrects": False},
        ),
    }
)
"""By the name on the command line. A new strategy is one file and one line here."""

VOTES: Final = MappingProxyType(
    {
        "majority": "marco_cli.search.vote:majority",
        "weighted": "marco_cli.search.vote:weighted",
        "likely": "marco_cli.search.vote:likely",
        "checked": "marco_cli.search.vote:checked",
        "sound": "marco_cli.search.vote:sound",
        "best": "marco_cli.search.vote:best",
        "process": "marco_cli.search.vote:process",
    }
)
"""By the name on the command line: the rules that turn candidates into weights."""


def load(place: str) -> Any:
    """Import what an entry of a table names as `module:function`."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)

"""Every number that a search can be tuned with, with its default and the reason for it.

Names of strategies, rewards and votes are checked here against the literal tables, so that a typing error costs one line
and no model load.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from marco_cli.engine.base import SamplingParams
from marco_cli.errors import ConfigError, nearest, quoted
from marco_cli.reward import REWARDS
from marco_cli.search import STRATEGIES, VOTES, ReflectionMode, StepMode, StrategyEntry

RootRule = Literal["auto", "uct", "halving"]

HALVING_LIMIT = 16
"""Up to this many simulations the root is searched by sequential halving: UCT needs more visits to tell arms apart."""

SAMPLED = SamplingParams(temperature=0.7, top_p=0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """How to search. The defaults are those of the default mode of `mcts`.

    Raises:
        ConfigError: a value is out of range, or a name is not in its table.
    """

    strategy: str = "mcts"
    seed: int = 0
    sampling: SamplingParams = SAMPLED
    """Of every rollout but the first of `mcts`, which is greedy. No repetition penalty: it spoils digits."""
    parallel: int = 4
    """Simulations (or samples) under way at once. 1 is the sequential algorithm."""

    simulations: int | None = 32
    """Budget: simulations of a tree search, replies of the others."""
    max_search_tokens: int | None = None
    """Budget: decoded tokens."""
    time_limit: float | None = None
    """Budget: seconds."""
    certainty: float = 0.95
    """Stop when the leader of the vote stays ahead with this posterior probability; 1 never stops early."""

    step: StepMode = "paragraph"
    exploration: float = 0.5
    """c of UCT, on normalised values. 1.414 on raw ones is the paper's."""
    normalise: bool = True
    """Whether Q is taken on the tree's running min-max: siblings differ by 0.01 to 0.03, far less than the bonus."""
    min_doubt: float = 0.02
    """A node is left alone when one more sample would be one of its children with all but this probability."""
    max_children: int = 8
    avoid_unsound: bool = True
    """Whether branches leave a path before its first false equation, never behind it."""
    corrects: bool = True
    """Whether false arithmetic is put right while a reply is written, and the first reply once more from its first slip on."""
    programs: float | None = None
    """Which share of the replies of `mcts` answers with a program, in [0, 1], where the first reply answers with a number and
    there is an interpreter. None is what suits the model's format (`search.program.share`)."""
    root: RootRule = "auto"
    """`halving`: sequential halving over the root's children; `auto` does so up to 16 simulations."""
    root_children: int = 4
    """Arms of the sequential halving at most."""
    greedy_first: bool = True
    """Whether the first rollout takes the most likely tokens: the search then never knows less than the plain chain."""
    root_samples: int = 0
    """Replies that `mcts` samples from the prompt alone, beside the first, before it branches off any of them: witnesses
    that share nothing with each other. The tree waits for all of them, and they end the search if most agree
    (`search.ballot.AGREED`)."""

    reward: str | None = None
    """Name in `REWARDS`; None is the strategy's own."""
    vote: str | None = None
    """Name in `VOTES`; None is the strategy's own."""
    reflection: ReflectionMode = "never"
    doubt_below: float | None = None
    """Mean confidence, in [0, 1], below which a reply is doubtful for this model: `auto` then searches on, and
    `low-confidence` reflects. None, where it was not measured, judges a reply by the others of its search, and counts replies
    where it would weigh them by how likely they are (`StrategyEntry.unmeasured_vote`)."""

    beam_width: int = 4
    beam_branching: int = 4
    """`beam` and `tot`: paths kept, and continuations of each, a level."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, in one line."""
        check_name("strategy", self.strategy, tuple(STRATEGIES))
        check_name("reward", self.reward_name, tuple(REWARDS))
        check_name("vote", self.vote_name, tuple(VOTES))
        check_name("step", self.step, get_args(StepMode))
        check_name("reflection", self.reflection, get_args(ReflectionMode))
        check_name("root", self.root, get_args(RootRule))
        for name in _COUNTS:
            _check(name, getattr(self, name), "1 or more", lambda value: value >= 1)
        for name in ("simulations", "max_search_tokens"):
            _check(name, getattr(self, name), "1 or more", lambda value: value is None or value >= 1)
        _check("root_samples", self.root_samples, "0 or more", lambda value: value >= 0)
        _check("time_limit", self.time_limit, "more than 0 seconds", lambda value: value is None or value > 0)
        for name in ("certainty", "min_doubt", "programs"):
            _check(name, getattr(self, name), "between 0 and 1", lambda value: value is None or 0 <= value <= 1)
        _check("exploration", self.exploration, "0 or more", lambda value: value >= 0)
        if self.simulations is None and self.max_search_tokens is None and self.time_limit is None:
            raise ConfigError(
                "the search has no budget, expected simulations, tokens or seconds",
                hint="set one of --simulations, --max-search-tokens, --time-limit",
            )

    @classmethod
    def of(cls, strategy: str, **chosen: Any) -> Self:
        """Return the configuration of a strategy: its own defaults where nothing is chosen.

        Raises:
            ConfigError: a value is out of range, or a name is not in its table.
        """
        check_name("strategy", strategy, tuple(STRATEGIES))
        return cls(**{**STRATEGIES[strategy].config, **chosen, "strategy": strategy})

    @property
    def entry(self) -> StrategyEntry:
        """What the table says of the strategy."""
        return STRATEGIES[self.strategy]

    @property
    def reward_name(self) -> str:
        """The reward in use, a key of `REWARDS`."""
        return self.entry.reward if self.reward is None else self.reward

    @property
    def vote_name(self) -> str:
        """The vote in use, a key of `VOTES`."""
        unmeasured = self.entry.unmeasured_vote if self.doubt_below is None else None
        return self.vote or unmeasured or self.entry.vote


_COUNTS = ("parallel", "max_children", "root_children", "beam_width", "beam_branching")


def check_name(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is not one of the choices.

    Raises:
        ConfigError: it is not.
    """
    if value not in choices:
        near = nearest(value, choices)
        raise ConfigError(
            f"{name} is {quoted(value)}, expected one of {', '.join(choices)}",
            hint=f"did you mean {near}?" if near else None,
        )


def _check(name: str, value: Any, expected: str, is_ok: Callable[[Any], bool]) -> None:
    if not is_ok(value):
        raise ConfigError(f"{name} is {value}, expected {expected}")

"""Run one search: the door through which everything outside `search/` comes in.

In: a problem, a `SearchContext`, a `SearchConfig`. Out: a `SearchResult`. Checks that the machine can do what the configuration
asks before anything is generated.
"""

from marco_cli.errors import ConfigError
from marco_cli.search import STRATEGIES, load
from marco_cli.search.base import Earlier, Problem, Reply, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.limits import reply_limit
from marco_cli.search.run import Run, Strategy


async def search(
    problem: Problem,
    context: SearchContext,
    config: SearchConfig,
    *,
    first: Reply | None = None,
    earlier: Earlier | None = None,
) -> SearchResult:
    """Search for the answer of a problem.

    Args:
        problem: the prompt and the format of its reply.
        context: what the search works with.
        config: the strategy and its numbers.
        first: a greedy reply to the same problem that exists already.
        earlier: a search of the same problem and strategy to go on from. Its simulations count towards
            `config.simulations`; tokens and seconds are those of this search alone. With `parallel` 1 and the same seed the
            tree becomes that of one longer search, unless sequential halving shared out the root of one of them: how it
            does that depends on the number of simulations.

    Raises:
        ConfigError: the engine cannot serve the configuration.
        ContextOverflowError: the prompt leaves no room for a reply.
        DecodeError: the model refused to evaluate something.
    """
    _check(problem, context, config, is_resumed=earlier is not None)
    run = Run(problem, context, config, first=first, earlier=earlier)
    strategy: Strategy = load(config.entry.place)
    run.start()
    if run.first is not None:
        run.first = await run.assessed(run.first)
    return await run.result(await strategy(run))


def _check(problem: Problem, context: SearchContext, config: SearchConfig, *, is_resumed: bool) -> None:
    """Refuse what the engines at hand, or the strategy, cannot do."""
    if context.scorer is None and "process" in (config.reward_name, config.vote_name):
        raise ConfigError(
            "the reward and the vote process go by a process model, and there is none", hint="name one with --prm"
        )
    most = context.engine.max_num_seqs
    if config.parallel > most:
        raise ConfigError(
            f"parallel is {config.parallel}, but the engine decodes {most} requests at once",
            hint=f"use --parallel {most} or less",
        )
    reply_limit(problem, context.engine.context_size)
    if is_resumed and not config.entry.is_resumable:
        able = sorted((not entry.has_tree, name) for name, entry in STRATEGIES.items() if entry.is_resumable)
        names = ", ".join(name for _, name in able)
        raise ConfigError(f"{config.strategy} cannot go on from an earlier search, expected one of {names}")

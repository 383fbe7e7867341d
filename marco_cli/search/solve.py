"""Run one search: the door through which everything outside `search/` comes in.

In: a problem, an engine, a `SearchConfig`. Out: a `SearchResult`. Checks that the machine can do what the configuration
asks before anything is generated.
"""

import time

from marco_cli.check.base import Verifier
from marco_cli.engine.base import Engine, TokenListener
from marco_cli.errors import ConfigError
from marco_cli.reward.judge import Judge
from marco_cli.reward.process.base import StepScorer
from marco_cli.search import STRATEGIES, load
from marco_cli.search.base import Clock, Earlier, Problem, Reply, SearchResult
from marco_cli.search.budget import Budget, Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.events import EventListener
from marco_cli.search.rollout import reply_limit
from marco_cli.search.run import Run, Strategy


async def search(
    problem: Problem,
    *,
    engine: Engine,
    config: SearchConfig,
    scorer: StepScorer | None = None,
    judge: Judge | None = None,
    verifier: Verifier | None = None,
    on_event: EventListener | None = None,
    on_token: TokenListener | None = None,
    stop: Stop | None = None,
    clock: Clock = time.monotonic,
    first: Reply | None = None,
    earlier: Earlier | None = None,
) -> SearchResult:
    """Search for the answer of a problem.

    Args:
        problem: the prompt and the format of its reply.
        engine: who generates; other searches may use it at the same time.
        config: the strategy and its numbers.
        scorer: who says whether steps are right, for the reward and the vote `process`.
        judge: who chooses among replies that have no answer to vote on.
        verifier: who knows whether a reply is right; the first right one ends the search.
        on_event: hears everything that happens, on the event loop.
        on_token: hears the tokens of the first reply.
        stop: raise it to get the answer now from what there is.
        clock: seconds for the time limit.
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
    _check(problem, engine=engine, config=config, scorer=scorer)
    if earlier is not None and not config.entry.is_resumable:
        able = sorted((not entry.has_tree, name) for name, entry in STRATEGIES.items() if entry.is_resumable)
        names = ", ".join(name for _, name in able)
        raise ConfigError(f"{config.strategy} cannot go on from an earlier search, expected one of {names}")
    budget = Budget(
        clock=clock,
        stop=stop or Stop(),
        simulations=None if config.entry.is_chain else config.simulations,
        tokens=config.max_search_tokens,
        seconds=config.time_limit,
        output_reserve=problem.output_reserve,
    )
    run = Run(
        problem,
        engine=engine,
        config=config,
        budget=budget,
        scorer=scorer,
        judge=judge,
        verifier=verifier,
        on_event=on_event,
        on_token=on_token,
        first=first,
        earlier=earlier,
    )
    strategy: Strategy = load(config.entry.place)
    run.start()
    if run.first is not None:
        run.first = await run.assessed(run.first)
    reason = await strategy(run)
    await run.judge()
    return run.result("verified" if budget.is_verified else reason)


def _check(problem: Problem, *, engine: Engine, config: SearchConfig, scorer: StepScorer | None) -> None:
    """Refuse what the engines at hand cannot do."""
    if scorer is None and "process" in (config.reward_name, config.vote_name):
        raise ConfigError(
            "the reward and the vote process go by a process model, and there is none", hint="name one with --prm"
        )
    if config.parallel > engine.places:
        raise ConfigError(
            f"parallel is {config.parallel}, but the engine decodes {engine.places} requests at once",
            hint=f"use --parallel {engine.places} or less",
        )
    reply_limit(problem, engine.context_size)

"""Search on from a trace.

In: a trace, an open solver of the same model, how much more to search. Out: the result of both searches together, as one
longer search with the same seed would have had it (see `search.solve.search` for when exactly). A single chain goes on as
the tree search whose first reply it is, as `--effort auto` would have done.
"""

from dataclasses import dataclass, replace

from marco_cli.errors import ConfigError, InputError
from marco_cli.models import LocatedModel
from marco_cli.prompt.base import Message
from marco_cli.search import STRATEGIES
from marco_cli.search.base import Earlier, Reply, SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import HALVING_LIMIT, SearchConfig
from marco_cli.search.events import EventListener
from marco_cli.search.solve import search
from marco_cli.solver import Solver
from marco_cli.trace.record import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much more to search. None leaves a budget open, or for `certainty` and `parallel` as it was."""

    simulations: int | None
    """To be added to those of the trace."""
    tokens: int | None = None
    seconds: float | None = None
    certainty: float | None = None
    parallel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """How a trace is gone on with."""

    config: SearchConfig
    earlier: Earlier | None
    first: Reply | None
    notices: tuple[str, ...]


def plan(trace: Trace, budget: Budget) -> Continuation:
    """Work out how to go on.

    Raises:
        ConfigError: the strategy cannot go on.
    """
    result, config = trace.result, trace.config
    # A tree search can begin with the reply of a chain.
    able = {name: entry for name, entry in STRATEGIES.items() if entry.is_chain or entry.is_resumable}
    if result.strategy not in able:
        raise ConfigError(
            f"a search with {result.strategy} cannot go on, expected one of {', '.join(able)}",
            hint='ask anew: marco ask --strategy mcts "…"',
        )
    is_chain = able[result.strategy].is_chain
    if is_chain and not (config.entry.has_tree and config.entry.is_resumable):
        config = replace(config, strategy="mcts", reward=None, vote=None)
    done = 0 if is_chain else result.num_simulations
    # A search that ended because it was certain would end again at once.
    certainty = 1.0 if result.stop_reason == "certain" and not is_chain else config.certainty
    config = replace(
        config,
        simulations=None if budget.simulations is None else done + budget.simulations,
        max_search_tokens=budget.tokens,
        time_limit=budget.seconds,
        certainty=certainty if budget.certainty is None else budget.certainty,
        parallel=config.parallel if budget.parallel is None else budget.parallel,
    )
    tree = None if trace.is_grafted else trace.tree
    earlier = None if is_chain else Earlier(tree=tree, candidates=trace.candidates, num_simulations=done)
    first = trace.reply if is_chain and trace.reply.output else None
    return Continuation(config=config, earlier=earlier, first=first, notices=_notices(trace, config))


async def search_on(
    trace: Trace, solver: Solver, plan: Continuation, *, on_event: EventListener | None = None, stop: Stop | None = None
) -> SearchResult:
    """Search on and return the result of all of it; the trace's own tree grows.

    Raises:
        InputError: the model reads the prompt as other tokens than the trace's.
    """
    _check_prompt(trace, solver)
    found = await search(
        trace.problem,
        solver.context(solver.plan, on_event=on_event, stop=stop),
        plan.config,
        first=plan.first,
        earlier=plan.earlier,
    )
    before = trace.result
    return replace(
        found,
        usage=before.usage + found.usage,
        seconds=before.seconds + found.seconds,
        notices=tuple(dict.fromkeys((*before.notices, *plan.notices, *found.notices))),
        first=before.reply if plan.first is not None else before.first,
    )


def check_model(trace: Trace, model: LocatedModel) -> None:
    """Refuse to go on with other weights.

    Raises:
        InputError: the file's recorded hash, or where none is recorded its name, is another one.
    """
    then, now = trace.model.sha256, model.sha256
    is_other = then != now if then and now else trace.model.file != model.path.name
    if is_other:
        raise InputError(
            f"the trace was made by {trace.model.name} ({_known(then, trace.model.file)}), "
            f"here is {model.name} ({_known(now, model.path.name)})",
            hint="name the same model with --model",
        )


def history(trace: Trace) -> tuple[Message, ...]:
    """Return the turns before the question."""
    own = trace.messages[:-1]
    return own[1:] if trace.settings.system is not None else own


def _check_prompt(trace: Trace, solver: Solver) -> None:
    here = solver.problem(trace.question, history=history(trace)).prompt_ids
    if here != trace.prompt_ids:
        raise InputError(
            f"the model reads the prompt of {trace.id} as other tokens ({len(here)}, the trace has {len(trace.prompt_ids)})",
            hint="name the same model with --model",
        )


def _notices(trace: Trace, config: SearchConfig) -> tuple[str, ...]:
    before, after = trace.result.max_simulations, config.simulations
    is_halved = any(limit is not None and limit <= HALVING_LIMIT for limit in (before, after))
    if trace.result.strategy != "mcts" or config.root != "auto" or before == after or not is_halved:
        return ()
    return (
        f"up to {HALVING_LIMIT} simulations share out the root by halving: one longer search would have taken other ways",
    )


def _known(sha256: str | None, file: str) -> str:
    return f"sha256 {sha256[:12]}…" if sha256 else file

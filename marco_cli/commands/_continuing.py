"""Search on from a trace, and show it as `marco ask` does."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import typer

from marco_cli.assessors import KEYS, named
from marco_cli.commands._output import say
from marco_cli.commands._reply import Screen, say_how
from marco_cli.commands._signals import run
from marco_cli.config.settings import Settings
from marco_cli.errors import EXIT_INTERRUPTED, ConfigError, IncompleteError, quoted
from marco_cli.models.catalog import PathReference, parse
from marco_cli.models.choice import choose_model
from marco_cli.search.budget import Stop
from marco_cli.solver import Solver, open_solver
from marco_cli.trace.continuing import Budget, Continuation, check_model, history, plan, search_on
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result
from marco_cli.trace.store import save_if_wanted
from marco_cli.view.printable import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user typed."""

    more: int
    """Simulations to add."""
    flags: Mapping[str, Any]
    """Settings of this run, checked."""
    own: Settings
    """The user's own: what becomes of kept traces is no business of the trace's."""
    is_foreign: bool
    """Whether the trace is from a file that was named, which may come from anywhere."""
    screen: Screen


def go_on(trace: Trace, wish: Wish) -> None:
    """Search on, print the output, keep the new trace.

    Raises:
        ConfigError: the strategy of the trace cannot go on, or a trace of another names a file of this machine.
        InputError: the model is another one than the trace's.
        ModelNotFoundError: it is not here.
        IncompleteError: there is still no output.
    """
    planned = plan(trace, _budget(wish))
    settings = _settings(trace, wish, planned)
    model = settings.model or trace.model.name
    if wish.is_foreign:
        _refuse_paths(model, settings, wish)
    located = choose_model(model, os.environ)
    check_model(trace, located)
    solver = open_solver(settings, located, os.environ)
    stop = Stop()
    done = _searched(trace, solver, planned, wish, stop)
    notice = save_if_wanted(done, settings, os.environ)
    if done.reply.output:
        output = wish.screen.output()
        output.write(done.reply.output)
        output.end()
    if not wish.screen.is_quiet:
        say_how(done.result, doubt_below=settings.doubt_below, is_verbose=wish.screen.is_verbose)
        if settings.trace and notice is None:
            say(f"marco: trace {done.id}")
    if notice is not None:
        say(f"marco: {printable(notice)}")
    if stop.is_set:
        raise typer.Exit(EXIT_INTERRUPTED)
    if not done.reply.output:
        raise IncompleteError("no reply has an output", hint="go on with more --simulations")


def _refuse_paths(model: str, settings: Settings, wish: Wish) -> None:
    """Refuse a trace of another that would have files of this machine opened."""
    names = {"model": model}
    names |= {key: other.model for key in KEYS if (other := named(settings, key)) is not None}
    for key, name in names.items():
        if key not in wish.flags and isinstance(parse(name), PathReference):
            raise ConfigError(
                f"the trace names its {key} by a path: {quoted(name)}", hint="name the model with --model"
            )


def _searched(trace: Trace, solver: Solver, planned: Continuation, wish: Wish, stop: Stop) -> Trace:
    view = wish.screen.search(solver.engine)

    async def work() -> Trace:
        try:
            with view:
                result = await search_on(trace, solver, planned, on_event=view.on_event, stop=stop)
            plan = replace(solver.plan, config=planned.config, is_routed=trace.is_routed)
            done = from_result(solver, trace.problem, result, source=trace.source, history=history(trace), plan=plan)
            return replace(done, target=trace.target, item=trace.item, continues=trace.id)
        finally:
            await solver.close()

    return run(work(), on_interrupt=stop.set, say=view.say)


def _budget(wish: Wish) -> Budget:
    flags = wish.flags
    return Budget(
        simulations=wish.more,
        tokens=flags.get("max_search_tokens"),
        seconds=flags.get("time_limit"),
        certainty=flags.get("certainty"),
        parallel=flags.get("parallel"),
    )


def _settings(trace: Trace, wish: Wish, planned: Continuation) -> Settings:
    """Return the trace's settings with what was typed, and with what the search now is."""
    own: dict[str, Any] = {"trace": wish.own.trace, "trace_limit": wish.own.trace_limit}
    if wish.is_foreign:
        own["check"] = ()  # a check may run any program: that of a file from anywhere runs none
    now = {**own, "strategy": planned.config.strategy, "simulations": planned.config.simulations}
    return replace(trace.settings, **{**now, "parallel": planned.config.parallel, **wish.flags})

"""The search for programs and notebooks: a model is opened once, questions are put to it one after the other.

    with open_solver("marco-nano", effort="low") as solver:
        result = solve("What is 12 + 30?", solver=solver)

Nothing here needs `async`, and all of it works where an event loop runs already, as in a notebook: an open solver has a
loop of its own, in a thread of its own.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Self, TypeVar

from marco_cli import solver as solving
from marco_cli.models import LocatedModel
from marco_cli.plan import SearchPlan
from marco_cli.prompt.base import Message
from marco_cli.search.base import SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.events import EventListener
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

T = TypeVar("T")


class OpenSolver:
    """A model that is loaded, with the settings that questions are put to it with; `close` frees it, as does `with`."""

    def __init__(self, solver: solving.Solver) -> None:
        """Take over an open solver; no other code may use it from here on."""
        self._solver = solver
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="marco", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Free the model."""
        self.close()

    @property
    def model(self) -> LocatedModel:
        """The model that answers."""
        return self._solver.model

    @property
    def config(self) -> SearchConfig:
        """What the settings come to: how a question is searched unless another configuration is given with it."""
        return self._solver.plan.config

    def solve(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        config: SearchConfig | None = None,
        on_event: EventListener | None = None,
    ) -> SearchResult:
        """Answer a question; see `solve`."""
        return self._run(self._solve(question, tuple(history), config, on_event))

    def trace(
        self,
        question: str,
        result: SearchResult,
        *,
        history: Sequence[Message] = (),
        config: SearchConfig | None = None,
    ) -> Trace:
        """Put an answer together with its evidence, for `marco_cli.trace`: its store, its filters and its exports."""
        earlier = tuple(history)
        problem = self._solver.problem(question, history=earlier)
        return from_result(
            self._solver, problem, result, source="ask", history=earlier, plan=_planned(self._solver.plan, config)
        )

    def close(self) -> None:
        """Free the model's memory; closing twice is harmless."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._solver.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _solve(
        self, question: str, history: tuple[Message, ...], config: SearchConfig | None, on_event: EventListener | None
    ) -> SearchResult:
        problem = self._solver.problem(question, history=history)
        return await self._solver.solve(problem, _planned(self._solver.plan, config), on_event=on_event)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the loop; Ctrl-C here cancels it there."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _planned(plan: SearchPlan, config: SearchConfig | None) -> SearchPlan:
    return plan if config is None else replace(plan, config=config, is_routed=False)


def open_solver(model: str | None = None, **settings: object) -> OpenSolver:
    """Load a model.

    Args:
        model: a name, an alias or the path of a GGUF file, as `--model` takes it; None is the configured one, or the
            bundled demo.
        settings: any of `marco config show`, by its key: `effort="high"`, `temperature=0.7`. What is not given comes from
            where the command line takes it: variables, the configuration file, the model's preset, the defaults.

    Raises:
        ConfigError: a setting is unknown or wrong.
        ModelNotFoundError: the model is not on this machine.
        EngineError: it cannot be loaded.
    """
    chosen, located = solving.resolve_settings({"model": model, **settings}, os.environ)
    return OpenSolver(solving.open_solver(chosen, located, os.environ))


def solve(
    question: str,
    *,
    solver: OpenSolver | None = None,
    history: Sequence[Message] = (),
    config: SearchConfig | None = None,
    on_event: EventListener | None = None,
    **settings: object,
) -> SearchResult:
    """Answer a question and return the whole search: reply, candidates, votes, tree, cost.

    Args:
        question: as a person asks it; preset and chat template are put around it.
        solver: an open one; without it, a model is loaded for this question alone.
        history: earlier turns, which the prompt then holds.
        config: how to search, in place of what the solver's settings come to.
        on_event: hears what the search does while it runs, in another thread.
        settings: of `open_solver`, `model` included; only without an open solver.

    Raises:
        TypeError: settings are given for a solver that is open already.
        ConfigError, ModelNotFoundError, EngineError: as `open_solver`.
        InputError: the question is empty.
        ContextOverflowError: it leaves no room for a reply.
    """
    if solver is not None and settings:
        raise TypeError(f"{', '.join(settings)}: the solver is open already, give its settings to open_solver")
    opened = open_solver(**settings) if solver is None else nullcontext(solver)  # type: ignore[arg-type]  # checked there
    with opened as ready:
        return ready.solve(question, history=history, config=config, on_event=on_event)

"""Put one question to a solver and show what happens, on the terminal at hand."""

import sys
import time
from typing import Literal

from marco_cli.commands._enter import can_listen, on_enter
from marco_cli.commands._output import fitted
from marco_cli.commands._reply import Reply, Screen, reply_view, ticking
from marco_cli.commands._signals import run
from marco_cli.plan import SearchPlan
from marco_cli.search.base import Problem
from marco_cli.search.budget import Stop
from marco_cli.search.events import EventListener
from marco_cli.solver import Solver
from marco_cli.trace.recording import from_result
from marco_cli.view.answering import AnsweringView
from marco_cli.view.report import Answered
from marco_cli.view.summary import purpose

Streaming = Literal["never", "final", "always"]
"""When stdout gets words as they are written.

`final`: on a terminal, and of a plain chain in a pipe, too; a search might still replace what a pipe was given. `always`: in
a pipe as well.
"""


def answer(
    solver: Solver, question: str, screen: Screen, *, streaming: Streaming, record: EventListener | None
) -> Answered:
    """Answer a question within the solver's settings and close the solver.

    The thought of the first chain is shown on stderr while it grows, a search as well; Enter or Ctrl-C ends a search with the answer
    as it stands. What stdout did not get while it was written, the caller writes at the end. `record` hears every event of a search.
    """
    started = time.perf_counter()
    problem = solver.problem(question)
    chain = _chain_view(solver.plan, problem, screen, streaming)
    view = _view(solver, chain, screen, record)
    stop, interruption = Stop(), Stop()

    def interrupt() -> None:
        interruption.set()
        stop.set()

    async def work() -> Answered:
        try:
            with view, on_enter(lambda: stop.set() if view.is_searching else None):
                # A listener would make the events of a chain, which its view does not show.
                listener = None if solver.plan.is_chain and record is None else view.on_event
                async with ticking(chain):
                    result = await solver.solve(problem, on_event=listener, on_token=view.on_token, stop=stop)
            has_shown = chain is not None and chain.has_shown_output
            is_shown = has_shown and result.reply is (result.first or result.reply)
            return Answered(
                problem=problem,
                result=result,
                seconds=time.perf_counter() - started,
                is_output_shown=is_shown,
                is_replaced=has_shown and not is_shown,
                was_interrupted=interruption.is_set,
                trace=from_result(solver, problem, result, source="ask"),
            )
        finally:
            await solver.close()

    return run(work(), on_interrupt=interrupt, say=view.say)


def _view(solver: Solver, chain: Reply | None, screen: Screen, record: EventListener | None) -> AnsweringView:
    """Return the view of the chain and of the search that may follow."""
    takes_enter = can_listen()
    tells_purpose = solver.plan.is_routed and not screen.is_quiet
    return AnsweringView(
        chain=chain,
        open_search=lambda: screen.search(solver.engine),
        record=record,
        purpose=(lambda first: fitted(f"marco: {purpose(first, takes_enter=takes_enter)}")) if tells_purpose else None,
    )


def _chain_view(plan: SearchPlan, problem: Problem, screen: Screen, streaming: Streaming) -> Reply | None:
    """Return the view of the first chain; None where a search begins without one."""
    if not plan.begins_with_chain:
        return None
    is_final = sys.stdout.isatty() or (plan.is_chain and plan.config.reflection == "never")
    is_written = streaming == "always" or (streaming == "final" and is_final)
    chain = reply_view(
        thought=plan.settings.thought,
        is_quiet=screen.is_quiet or streaming == "never",
        display=screen.display,
        output=screen.output() if is_written else None,
        remedy="--thought full",
    )
    chain.begin(problem.tags, problem.prefill)
    return chain

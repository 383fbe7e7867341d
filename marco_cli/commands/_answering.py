"""Put one question to a solver and show what happens, on the terminal at hand."""

import sys
import time
from typing import Literal

from marco_cli.commands._enter import can_listen, on_enter
from marco_cli.commands._output import fitted
from marco_cli.commands._reply import output_to_stdout, reply_view, ticking
from marco_cli.commands._signals import run
from marco_cli.search.budget import Stop
from marco_cli.search.events import EventListener
from marco_cli.solver import Solver
from marco_cli.trace.recording import from_result
from marco_cli.view.answering import AnsweringView
from marco_cli.view.display import Display, choose_view
from marco_cli.view.report import Answered
from marco_cli.view.summary import purpose

Streaming = Literal["never", "final", "always"]
"""When stdout gets words as they are written.

`final`: on a terminal, and of a plain chain in a pipe, too; a search might still replace what a pipe was given. `always`: in
a pipe as well.
"""


def answer(
    solver: Solver,
    question: str,
    *,
    display: Display,
    streaming: Streaming,
    raw: bool,
    quiet: bool,
    verbose: bool,
    record: EventListener | None,
) -> Answered:
    """Answer a question within the solver's settings and close the solver.

    The thought of the first chain is shown on stderr while it grows, a search as well; Enter or Ctrl-C ends a search with the answer
    as it stands. `streaming` says whether stdout gets the first chain's output while it is written, `raw` that a terminal gets it as
    it is; what it did not get, the caller writes at the end. `record` hears every event of a search.
    """
    started = time.perf_counter()
    problem = solver.problem(question)
    plan = solver.plan
    chain = None
    if plan.begins_with_chain:
        is_final = sys.stdout.isatty() or (plan.is_chain and plan.config.reflection == "never")
        is_written = streaming == "always" or (streaming == "final" and is_final)
        chain = reply_view(
            thought=plan.settings.thought,
            is_quiet=quiet or streaming == "never",
            display=display,
            output=output_to_stdout(is_raw=raw) if is_written else None,
            remedy="--thought full",
        )
        chain.begin(problem.tags, problem.prefill)
    takes_enter = can_listen()
    view = AnsweringView(
        chain=chain,
        open_search=lambda: choose_view(
            "plain" if quiet else display, sys.stderr, is_verbose=verbose, meter=lambda: solver.engine.usage
        ),
        record=record,
        purpose=None
        if quiet or not plan.is_routed
        else lambda first: fitted(f"marco: {purpose(first, takes_enter=takes_enter)}"),
    )
    stop = Stop()
    was_interrupted = False

    def interrupt() -> None:
        nonlocal was_interrupted
        was_interrupted = True
        stop.set()

    async def work() -> Answered:
        try:
            with view, on_enter(lambda: stop.set() if view.is_searching else None):
                listener = None if plan.is_chain and record is None else view.on_event
                async with ticking(chain):
                    result = await solver.solve(problem, on_event=listener, on_token=view.on_token, stop=stop)
            shown = chain is not None and chain.has_shown_output and result.reply is (result.first or result.reply)
            return Answered(
                problem=problem,
                result=result,
                seconds=time.perf_counter() - started,
                is_output_shown=shown,
                is_replaced=chain is not None and chain.has_shown_output and not shown,
                was_interrupted=was_interrupted,
                trace=from_result(solver, problem, result, source="ask"),
            )
        finally:
            await solver.close()

    return run(work(), on_interrupt=interrupt, say=view.say)

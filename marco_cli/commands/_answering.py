"""Put one question to a solver and show what happens, on the terminal at hand."""

import sys
import time

from marco_cli.commands._output import show, write
from marco_cli.commands._signals import run
from marco_cli.search.base import Problem
from marco_cli.search.budget import Stop
from marco_cli.search.events import EventListener, SearchEvent
from marco_cli.solver import Solver, search_plan
from marco_cli.trace.record import from_result
from marco_cli.trace.timeline import Timeline
from marco_cli.view.answering import AnsweringView
from marco_cli.view.chain import ChainView
from marco_cli.view.display import Display, choose_view
from marco_cli.view.report import Answered
from marco_cli.view.terminal import wants_colour


def answer(
    solver: Solver,
    question: str,
    *,
    display: Display,
    is_streamed: bool,
    quiet: bool,
    verbose: bool,
    record: EventListener | None,
) -> Answered:
    """Answer a question within the solver's settings and close the solver.

    The thought of the first chain is streamed to stderr, a search is shown there; stdout gets the output of a single chain
    while it is written if it is a terminal. In a pipe the caller writes the output at the end, when it is final. `record` hears
    every event of a search.
    """
    started = time.perf_counter()
    problem = solver.problem(question)
    config, is_routed = search_plan(solver.settings)
    is_chain = config.strategy in ("cot", "sample")
    chain = _chain_view(solver, problem, is_streamed=is_streamed, quiet=quiet) if is_chain or is_routed else None
    view = AnsweringView(
        chain=chain,
        open_search=lambda: choose_view(
            "plain" if quiet else display, sys.stderr, is_verbose=verbose, meter=lambda: solver.engine.usage
        ),
        record=record,
    )
    stop = Stop()
    timeline = Timeline()

    def on_event(event: SearchEvent) -> None:
        timeline.on_event(event)
        view.on_event(event)

    def on_token(token: int, piece: bytes) -> None:
        timeline.on_token(token, piece)
        view.on_token(token, piece)

    async def work() -> Answered:
        try:
            with view:
                listener = None if is_chain and record is None else on_event
                result = await solver.solve(problem, on_event=listener, on_token=on_token, stop=stop)
            shown = chain is not None and chain.has_shown_output and result.reply is (result.first or result.reply)
            return Answered(
                problem=problem,
                result=result,
                lengths=solver.section_lengths(problem, result.reply),
                seconds=time.perf_counter() - started,
                is_output_shown=shown,
                was_interrupted=stop.is_set,
                trace=from_result(solver, problem, result, source="ask", timeline=timeline.moments),
            )
        finally:
            await solver.close()

    return run(work(), on_interrupt=stop.set, say=view.say)


def _chain_view(solver: Solver, problem: Problem, *, is_streamed: bool, quiet: bool) -> ChainView:
    thought = solver.settings.thought
    is_wanted = is_streamed and not quiet and (thought == "full" or (thought == "auto" and sys.stderr.isatty()))
    return ChainView(
        problem.tags,
        problem.prefill,
        show_thought=show if is_wanted else None,
        show_output=(lambda text: write(text.encode())) if is_streamed and sys.stdout.isatty() else None,
        is_coloured=wants_colour(sys.stderr),
    )

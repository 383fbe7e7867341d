"""Traces of small searches over scripted models, made in a few milliseconds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loop import finished
from search.scripts import SUM, Inline

from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import Script, scripted_engine
from marco_cli.models import LocatedModel
from marco_cli.plan import search_plan
from marco_cli.solver import Solver
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

MODEL = LocatedModel(
    name="scripted", path=Path("/nowhere/scripted.gguf"), source="path", files=(), hashes=("ab" * 32,), preset=None
)


def scripted_solver(script: Script = SUM, **settings: Any) -> Solver:
    """Open a solver whose model speaks by a script."""
    engine = scripted_engine(script)
    engine._thread = Inline()
    chosen: Mapping[str, Any] = {"tags": "marco", "temperature": 1.0, "step": "line", "certainty": 1.0, **settings}
    return Solver(engine=engine, plan=search_plan(Settings(**chosen)), model=MODEL)


def traced(
    script: Script = SUM, *, question: str = "2+2?", more: Mapping[str, Any] | None = None, **settings: Any
) -> Trace:
    """Answer a question and return the trace; `more` goes to `from_result`, or into the trace."""

    async def work() -> Trace:
        solver = scripted_solver(script, **settings)
        try:
            problem = solver.problem(question)
            result = await solver.solve(problem)
            given: dict[str, Any] = {"source": "ask", **(more or {})}
            put_together = {key: given.pop(key) for key in ("source", "history", "plan") if key in given}
            return replace(from_result(solver, problem, result, **put_together), **given)
        finally:
            await solver.close()

    return finished(work())

"""Who answers and how: the settings of a conversation, which its commands change one at a time.

In: what was typed on the command line and in the conversation, which is the same layer of settings. Out: an open solver. A
change that the open engine can serve keeps it and its KV memory; any other loads anew, and one that fails leaves the
conversation with the model that it had.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from marco_cli.assessors import KEYS
from marco_cli.config.settings import Settings
from marco_cli.errors import EngineLostError, IncompleteError, MarcoError
from marco_cli.models import LocatedModel
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.solver import Solver, open_solver, resolve_settings

_LOADED: Final = ("ctx", "threads", "gpu_layers", "batch", *KEYS)
"""Settings that an engine is opened with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Where the settings come from."""

    flags: Mapping[str, object]
    environ: Mapping[str, str]
    config: str | None = None

    def changed(self, key: str, value: object) -> "Setup":
        """Return the setup with another value for a setting; None takes it back."""
        return replace(self, flags={**self.flags, key: value})

    def resolve(self) -> tuple[Settings, LocatedModel]:
        """Merge all layers of settings and find the model; see `solver.resolve_settings`."""
        return resolve_settings(self.flags, self.environ, self.config)


def serves(solver: Solver, plan: SearchPlan, model: LocatedModel) -> bool:
    """Say whether an open solver does for another plan."""
    is_loaded = all(getattr(solver.plan.settings, key) == getattr(plan.settings, key) for key in _LOADED)
    return is_loaded and model.path == solver.model.path and plan.config.parallel <= solver.engine.max_num_seqs


async def switched(solver: Solver, setup: Setup) -> tuple[Solver, SearchPlan | MarcoError]:
    """Return a solver for another setup, and its plan; the old one is closed unless it goes on.

    The old model is freed before the new one is loaded: there may be memory for one only. When that fails, the solver that
    comes back is the one before, loaded again, beside the error.

    Raises:
        ConfigError: a setting is wrong; the old solver is still open.
        ModelNotFoundError: the model is not on this machine; the old solver is still open.
        EngineLostError: neither the new model nor the old one loads; there is no open solver any more.
    """
    settings, model = setup.resolve()
    plan = search_plan(settings)
    if serves(solver, plan, model):
        solver.checks.panel(settings.check)  # one that cannot be used is refused here, not in the next turn
        return solver, plan
    await solver.close()
    try:
        opened = open_solver(settings, model, setup.environ)
    except (MarcoError, KeyboardInterrupt) as failure:
        error = failure if isinstance(failure, MarcoError) else IncompleteError("loading was given up")
        try:
            return open_solver(solver.plan.settings, solver.model, setup.environ), error
        except MarcoError as again:
            raise EngineLostError(
                f"{error.message}; and {solver.model.name} does not load again: {again.message}", hint=again.hint
            ) from again
    return opened, opened.plan

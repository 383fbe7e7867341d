"""One row at a time: its settings, its question, its search, its output row.

In: a `BatchRow` or a `BadRow`. Out: a `Finished`, always: what goes wrong with a row stays with that row.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from marco_cli.batch.record import Format, answered_row, encode_row, failed_row, reason_of_error, reason_of_silence
from marco_cli.batch.rows import BadRow, BatchRow
from marco_cli.batch.tally import Finished
from marco_cli.check.panel import allowed
from marco_cli.config.settings import Settings
from marco_cli.errors import ConfigError
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.search.base import Problem, SearchResult
from marco_cli.solver import Solver
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

NO_TIME_LIMIT: Final = 1e9
"""Seconds. A limit that was not asked for would make an answer depend on what else is running."""


class RowSettings:
    """The settings of the run, and of rows that have some of their own."""

    def __init__(self, base: Settings, resolve: Callable[[str], Settings]) -> None:
        """Take the settings of the run, and what gives them with a preset of this name, or raises ConfigError."""
        self.base = _unhurried(base)
        self._resolve = resolve
        self._presets: dict[str, Settings] = {}

    def of(self, row: BatchRow) -> Settings:
        """Return the settings of a row. Its seed depends on the run's and on its id alone.

        Raises:
            ConfigError: they cannot be.
        """
        chosen: dict[str, Any] = dict(row.overrides)
        preset = chosen.pop("preset", None)
        settings = self.base if preset is None else self._of_preset(str(preset))
        if "template_var" in chosen:
            chosen["template_var"] = tuple((dict(settings.template_var) | dict(chosen["template_var"])).items())
        if "check" in chosen:
            chosen["check"] = (*settings.check, *allowed(chosen["check"], named=settings.check))
        chosen.setdefault("seed", row_seed(self.base.seed, row.key))
        return replace(settings, **chosen)

    def _of_preset(self, name: str) -> Settings:
        if name not in self._presets:
            settings = _unhurried(self._resolve(name))
            if settings.model not in (None, self.base.model):
                raise ConfigError(f"preset {name!r} is for the model {settings.model}, this run's is {self.base.model}")
            self._presets[name] = settings
        return self._presets[name]


def row_seed(run_seed: int, key: str) -> int:
    """Return the seed of a row, in [0, 2**32): rows with the same question are still answered independently."""
    return int.from_bytes(blake2b(f"{run_seed}:{key}".encode(), digest_size=4).digest())


class Answerer:
    """Puts rows to a solver."""

    def __init__(
        self,
        solver: Solver,
        settings: RowSettings,
        *,
        form: Format = "marco",
        min_confidence: float | None = None,
        is_alone: bool = False,
        on_untraced: Callable[[Exception], None] | None = None,
    ) -> None:
        """Take what all rows have in common, and an open engine. A row below `min_confidence` is `abstained`.

        Where it `is_alone`, rows come one at a time, and each is the same to the bit, whatever came before it.
        `on_untraced` hears why an answer has no trace; without it, none has one.
        """
        self._on_untraced = on_untraced
        self._is_alone = is_alone
        self._solver = solver
        self._settings = settings
        self._form: Format = form
        self._min_confidence = min_confidence

    async def answer(self, row: BatchRow | BadRow) -> Finished:
        """Return the row's output, or a row that says what went wrong."""
        if isinstance(row, BadRow):
            return self._failed(row, row.error)
        settings: Settings | None = None
        try:
            settings = self._settings.of(row)
            return await self._answer(row, settings)
        except Exception as error:  # noqa: BLE001 (whatever happens to a row is written down in it, and the others go on)
            return self._failed(row, error, settings)

    def _failed(self, row: BatchRow | BadRow, error: Exception, settings: Settings | None = None) -> Finished:
        document = failed_row(row, error, settings=settings, model=self._solver.model.name)
        return Finished(
            data=encode_row(document, self._form), status="error", line=row.line, reason=reason_of_error(error)
        )

    async def _answer(self, row: BatchRow, settings: Settings) -> Finished:
        has_own_system = any(message.role == "system" for message in row.history)
        plan = search_plan(replace(settings, system=None) if has_own_system else settings)
        solver = self._solver
        problem = solver.problem(row.question, plan, history=row.history, tests=row.tests)
        if self._is_alone:
            await solver.engine.reset_cache(problem.prompt_ids)
        try:
            result = await solver.solve(problem, plan)
        finally:
            solver.engine.free_suffixes(problem.prompt_ids)
        document = answered_row(
            row,
            result=result,
            settings=settings,
            model=solver.model.name,
            num_prompt_tokens=len(problem.prompt_ids),
            min_confidence=self._min_confidence,
        )
        return Finished(
            data=encode_row(document, self._form),
            status=document["status"],
            line=row.line,
            reason=None if result.reply.output else reason_of_silence(result.reply),
            judgement=None if result.reply.verdict is None else result.reply.verdict.judgement,
            is_routed=plan.is_routed,
            is_searched=result.is_searched,
            is_changed=result.is_changed,
            num_tokens=result.usage.decoded,
            num_search_tokens=_search_tokens(result),
            trace=self._traced(row, plan, problem, result),
        )

    def _traced(self, row: BatchRow, plan: SearchPlan, problem: Problem, result: SearchResult) -> Trace | None:
        """Return the trace of an answer, which is good without one too."""
        if self._on_untraced is None:
            return None
        try:
            trace = from_result(self._solver, problem, result, source="batch", history=row.history, plan=plan)
            return replace(trace, item=str(row.id))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told, and the row stands)
            self._on_untraced(error)
            return None


def _search_tokens(result: SearchResult) -> int:
    """Return what was decoded after the first chain."""
    if result.first is None:
        return 0
    return max(0, result.usage.decoded - int(result.first.tokens.is_sampled.sum()))


def _unhurried(settings: Settings) -> Settings:
    return settings if settings.time_limit is not None else replace(settings, time_limit=NO_TIME_LIMIT)

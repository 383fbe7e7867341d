"""From the options of `marco eval` to rows and reports on disk."""

import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import typer

from marco_cli import __version__, jsonl
from marco_cli.assessors import KEYS, located
from marco_cli.batch.journal import Journal, Mode, open_journal
from marco_cli.batch.provenance import hashes
from marco_cli.commands._batch_output import resume_command
from marco_cli.commands._live_report import LiveReport
from marco_cli.commands._output import say, say_all, write
from marco_cli.commands._page import show_page
from marco_cli.commands._signals import run as run_to_end
from marco_cli.commands._trace_file import TraceFile
from marco_cli.config.layers import resolve
from marco_cli.config.settings import Settings
from marco_cli.draft import put
from marco_cli.errors import EXIT_INTERRUPTED, ConfigError, StorageError, os_errors_as
from marco_cli.evals.base import DataSet
from marco_cli.evals.forecast import Forecast
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.report import About, Report
from marco_cli.evals.runner import (
    ROWS_FILE,
    EvaluationJob,
    Listener,
    jobs,
    missing,
    read_entry,
    read_outcomes,
    row_key,
    run_jobs,
)
from marco_cli.evals.variant import Variant
from marco_cli.models import LocatedModel
from marco_cli.models.choice import BUNDLED_MODEL
from marco_cli.solver import Solver, open_solver, resolve_settings
from marco_cli.view.eval_progress import EvalProgress, opening_line, time_text
from marco_cli.view.printable import printable

REPORT_PAGE: Final = "report.html"
REPORTS: Final = ("summary.json", "table.md", REPORT_PAGE)
"""What a run's directory holds besides its rows."""

_NOT_OF_THE_ROWS = ("threads", "gpu_layers", "batch", "thought", "trace", "trace_limit", "seed", "strategy", "effort")
"""Settings that may differ between runs whose rows belong together; a row's key tells its seed, strategy and effort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """Everything that is to be asked."""

    dataset: DataSet
    variants: tuple[Variant, ...]
    settings: Settings
    model: LocatedModel
    in_flight: int
    output: Path | None
    """Where rows and reports stay; None keeps none."""
    mode: Mode
    is_forced: bool
    """Whether rows of another configuration are gone on with."""
    traces: Path | None
    """Where the trace of each answer goes; None keeps none."""
    must_be_verified: bool
    """Whether the run is incomplete as long as an answer did not pass a check."""
    is_quiet: bool
    is_opened: bool = False
    """Whether the report is opened in the browser at once, and follows the run."""

    @property
    def about(self) -> About:
        """What the rows do not say themselves."""
        labels = tuple(variant.label for variant in self.variants)
        return About(dataset=self.dataset.name, source=self.dataset.source, model=self.model.name, labels=labels)

    @property
    def configuration(self) -> dict[str, object]:
        """What must be the same for rows to belong together. Hashes a model that nothing vouches for."""
        settings = {key: value for key, value in asdict(self.settings).items() if key not in _NOT_OF_THE_ROWS}
        others = {key: _identity(model) for key, model in located(self.settings, os.environ).items()}
        return {
            "command": "eval",
            "dataset": self.dataset.name,
            "model": _identity(self.model),
            **others,
            "settings": {key: value for key, value in settings.items() if key not in KEYS or value is not None},
        }


def _identity(model: LocatedModel) -> dict[str, object]:
    first, *others = hashes(model)
    return {"name": model.name, "sha256": [first, *others] if others else first, "bytes": model.size}


@contextmanager
def run_directory(output: Path | None, *, is_kept: bool = False) -> Iterator[Path]:
    """Yield the directory for rows and reports; without one of the user's, one that is gone afterwards unless it is kept.

    Raises:
        StorageError: it cannot be made.
    """
    if output is None and is_kept:
        output = Path(tempfile.mkdtemp(prefix="marco-eval-"))
    if output is None:
        with tempfile.TemporaryDirectory(prefix="marco-eval-") as temporary:
            yield Path(temporary)
        return
    with os_errors_as(StorageError, f"cannot make {output}", hint="name another directory with -o"):
        output.mkdir(parents=True, exist_ok=True)
    yield output


def run_plan(plan: EvaluationPlan, directory: Path) -> bool:
    """Ask everything that has no row yet; return whether the report is open in the browser already.

    Raises:
        typer.Exit: it was interrupted; how to go on has been said.
    """
    facts = {"marco": __version__, "source": plan.dataset.source, "model_path": str(plan.model.path)}
    rows = directory / ROWS_FILE
    with open_journal(
        rows, mode=plan.mode, configuration=plan.configuration, facts=facts, read_entry=read_entry, force=plan.is_forced
    ) as journal:
        for notice in journal.notices:
            say(f"marco: {notice}")
        all_jobs = list(jobs(plan.dataset.items, plan.variants))
        past = [] if journal.is_empty else list(read_outcomes(rows))
        left = missing(all_jobs, past)
        if not left:
            return False
        answered = {job.key for job in all_jobs} - {job.key for job in left}
        done = [row for row in past if row_key(row.item.id, row.variant, row.seed) in answered]
        progress = EvalProgress(sys.stderr, total=len(all_jobs), done=done, is_quiet=plan.is_quiet)
        forecast = Forecast((job.variant.label for job in left), done, in_flight=plan.in_flight)
        say_all(
            () if plan.is_quiet else (opening_line(len(plan.dataset.items), len(plan.variants), len(left), forecast),)
        )
        live = _live_report(plan, directory, done, progress)
        traces = None if plan.traces is None else TraceFile(plan.traces, say=progress.say)
        solver = open_solver(_widest(plan), plan.model, os.environ)
        say_all(() if plan.is_quiet else solver.phrasing().notices)
        is_whole = False
        try:
            listeners = [progress.on_outcome, _announcer(forecast, progress, plan.in_flight)]
            if live is not None:
                listeners.append(live.on_outcome)
            is_whole = _answered(left, solver, journal, progress, listeners, traces=traces, in_flight=plan.in_flight)
        finally:
            progress.close()
            if live is not None:
                live.close(is_whole=is_whole)
        if not is_whole:  # told to the journal, too, which leaves old rows alone as long as there are no new ones
            way = _way_on(plan, directory, is_untouched=plan.mode == "overwrite" and journal.is_empty)
            say(f"marco: interrupted; {way}")
            raise typer.Exit(EXIT_INTERRUPTED)
        return live is not None


def _live_report(
    plan: EvaluationPlan, directory: Path, done: Sequence[Outcome], progress: EvalProgress
) -> LiveReport | None:
    """Begin the report that follows the run, and open it, where that was asked for."""
    if not plan.is_opened:
        return None
    path = directory / REPORT_PAGE
    live = LiveReport(path, plan.about, done, state=progress.line, say=progress.say)
    show_page(path, is_opened=True, is_quiet=plan.is_quiet)
    return live


def _announcer(forecast: Forecast, progress: EvalProgress, in_flight: int) -> Listener:
    """Return a listener that says once how long the run will take, as soon as there is something to go by."""
    is_due, began = forecast.seconds() is None, time.monotonic()

    def listen(row: Outcome) -> None:
        nonlocal is_due
        forecast.add(row)
        if is_due and forecast.num_new >= in_flight and forecast.seconds():
            is_due = False
            progress.announce(f"marco: {time_text(forecast, time.monotonic() - began)}")

    return listen


def _way_on(plan: EvaluationPlan, directory: Path, *, is_untouched: bool) -> str:
    if plan.output is None and plan.is_opened:
        return f"go on with: {printable(f'{resume_command()} -o {shlex.quote(str(directory))}')}"
    if plan.output is None:
        return "nothing was kept (-o DIR keeps rows, and --resume goes on with them)"
    if is_untouched:
        return "nothing was overwritten yet: the same command begins again"
    return f"go on with: {printable(resume_command())}"


def _widest(plan: EvaluationPlan) -> Settings:
    """Return the settings of the variant that wants the most requests at once."""
    return max((variant.plan for variant in plan.variants), key=lambda each: each.config.parallel).settings


def _answered(
    left: Sequence[EvaluationJob],
    solver: Solver,
    journal: Journal,
    progress: EvalProgress,
    listeners: Sequence[Listener],
    *,
    traces: TraceFile | None,
    in_flight: int,
) -> bool:
    stop = asyncio.Event()

    def on_outcome(row: Outcome) -> None:
        for listen in listeners:
            listen(row)

    async def work() -> bool:
        try:
            return await run_jobs(
                left,
                solver=solver,
                journal=journal,
                on_outcome=on_outcome,
                traces=traces,
                in_flight=in_flight,
                stop=stop,
            )
        finally:
            await solver.close()

    try:
        return run_to_end(work(), on_interrupt=stop.set, say=progress.say, notice="finishing the rows in flight")
    except KeyboardInterrupt:
        return False


def write_report(report: Report, directory: Path) -> tuple[Path, ...]:
    """Write the `REPORTS`; return their paths.

    Raises:
        StorageError: one cannot be written.
    """
    from marco_cli.view.eval_page import page
    from marco_cli.view.eval_summary import summary_document
    from marco_cli.view.eval_table import markdown

    texts = (
        jsonl.encode(summary_document(report), indent=True),
        markdown(report).encode(errors="replace"),
        page(report).encode(errors="replace"),
    )
    paths = []
    for name, data in zip(REPORTS, texts, strict=True):
        path = directory / name
        with os_errors_as(StorageError, f"cannot write {path}", hint="free some space, or name another"):
            put(path, data)
        paths.append(path)
    return tuple(paths)


def settings_for(
    dataset: str, flags: Mapping[str, object], environ: Mapping[str, str], config: str | None
) -> tuple[Settings, LocatedModel]:
    """Return the settings and the model; only the bundled data set implies one, the bundled model.

    Raises:
        ConfigError: no model is named, or a setting is wrong.
        ModelNotFoundError: the model is not on this machine.
    """
    if resolve(flags=flags, env=environ, config=config).settings.model is None:
        if dataset != "nano":
            raise ConfigError(
                "eval wants the model named: its figures are about one", hint="add --model marco-o1, or marco-nano"
            )
        flags = {**flags, "model": BUNDLED_MODEL}
    return resolve_settings(flags, environ, config)


def print_report(report: Report, *, as_json: bool) -> None:
    """Write the table, or the summary as JSON, to stdout."""
    from marco_cli.view.eval_summary import summary_document
    from marco_cli.view.eval_table import summary_text
    from marco_cli.view.terminal import columns

    if as_json:
        write(jsonl.encode(summary_document(report)))
    else:
        write(summary_text(report, width=columns(sys.stdout)).encode(errors="replace"))

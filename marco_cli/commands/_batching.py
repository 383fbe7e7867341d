"""A batch from the file it reads to the file it writes: what `marco batch` does once its options are understood."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterable, Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from marco_cli.assessors import located
from marco_cli.batch import lines, provenance
from marco_cli.batch.answering import Answerer, RowSettings
from marco_cli.batch.entries import Done, read_done
from marco_cli.batch.failures import Failures
from marco_cli.batch.fields import Unused
from marco_cli.batch.journal import Journal, Mode, open_journal
from marco_cli.batch.meta import check_meta, read_meta
from marco_cli.batch.record import Format, read_entry
from marco_cli.batch.rows import Layout, read_row
from marco_cli.batch.runner import AnyRow, Measured, file_rows, measure, run_rows, stream_rows
from marco_cli.batch.survey import Survey
from marco_cli.batch.tally import ErrorLimit, Tally
from marco_cli.commands._batch_output import refuse_input_as_output, remove_rows, resume_command
from marco_cli.commands._options import no_check
from marco_cli.commands._output import say, write
from marco_cli.commands._signals import run
from marco_cli.commands._trace_file import TraceFile
from marco_cli.config.home import is_there
from marco_cli.config.settings import Settings
from marco_cli.engine.defaults import MAX_NUM_SEQS
from marco_cli.errors import EXIT_INTERRUPTED, ConfigError, IncompleteError
from marco_cli.models import LocatedModel
from marco_cli.models.gguf_header import read as read_header
from marco_cli.plan import search_plan
from marco_cli.prompt.template import choose_template
from marco_cli.prompt.worker import template_contents
from marco_cli.solver import Solver, open_solver
from marco_cli.view.batch_progress import open_view
from marco_cli.view.batch_report import batch_report, dry_run_report
from marco_cli.view.printable import printable

SAMPLE_SECONDS = 30.0
"""Time that a dry run spends on its sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """What is asked for."""

    source: str
    output: Path | None
    """None is stdout."""
    layout: Layout
    form: Format
    min_confidence: float | None
    parallel: int | None
    mode: Mode
    is_retrying: bool
    is_forced: bool
    limit: ErrorLimit | None
    must_be_verified: bool
    """Whether the run is incomplete as long as an answer did not pass a check."""
    traces: Path | None
    """Where the trace of each answer goes; None keeps none."""
    is_dry: bool
    is_quiet: bool


def run_job(job: BatchJob, settings: Settings, model: LocatedModel, resolve: Callable[[str], Settings]) -> None:
    """Do what is asked for; `resolve` gives the settings of the run with a preset, by its name.

    Raises:
        MarcoError: it cannot be done, or (IncompleteError) not for all rows.
        typer.Exit: it was interrupted, or stdout is not read any more.
    """
    if settings.model is None:
        raise ConfigError(
            "no model is named, and a batch is not left to chance",
            hint="--model marco-o1, or --model marco-nano for the bundled demo; marco models list shows what is here",
        )
    if job.output is None and job.mode != "create":
        raise ConfigError("stdout cannot be gone on with or begun anew", hint="name a file with -o")
    job = replace(job, layout=replace(job.layout, model=model.name))
    batch = Batch(job, RowSettings(settings, resolve), model)
    if job.is_dry:
        batch.dry_run()
    else:
        batch.run()


def usual_parallel(settings: Settings) -> int:
    """Return how many rows in flight keep the engine's batch full.

    A search brings several requests of its own, but about half as many on average: it begins with one chain, and often
    ends with it.
    """
    plan = search_plan(settings)
    lanes = 1 if plan.begins_with_chain else plan.config.parallel
    return MAX_NUM_SEQS if lanes < 2 else max(2, -(-2 * MAX_NUM_SEQS // lanes))


class Batch:
    """One run of the command.

    A file is read twice, a stream once. The first pass finds what nothing should be begun with (an id that comes again, no
    good row, rows of another input) before a model is loaded, and keeps of each row its key alone; the second one answers.
    """

    def __init__(self, job: BatchJob, rows: RowSettings, model: LocatedModel) -> None:
        self._job = job
        self._rows = rows
        self._model = model
        self._label = "stdin" if job.source == lines.STDIN else job.source
        self._is_stream = lines.is_stream(job.source)
        self._parallel = job.parallel or usual_parallel(rows.base)
        self._tally = Tally()

    def dry_run(self) -> None:
        """Check everything, answer a few rows, print what a run would come to."""
        survey = Survey(self._done_so_far(), num_samples=self._parallel, is_retrying=self._job.is_retrying)
        self._look_through(survey)
        self._refuse_unfit(survey)
        self._tell_unused(survey.unused)
        measured = self._measure(survey) if survey.sample else None
        write(f"{dry_run_report(survey, measured, parallel=self._parallel)}\n".encode())
        if measured is not None:
            self._say_failures(measured.failures)
        if survey.num_bad:
            raise IncompleteError(f"{survey.num_bad} of {survey.num_rows} rows cannot be used", hint=survey.hint)

    def _done_so_far(self) -> Done:
        """Return what the output holds, without touching it; refuse what a run would refuse."""
        job, output = self._job, self._job.output
        if output is None or not is_there(output):
            return {}
        refuse_input_as_output(job.source, output)
        if job.mode == "create":
            raise ConfigError(f"{output} exists already", hint="--resume goes on with it, --overwrite begins it anew")
        done = read_done(output, read_entry) if job.mode == "resume" else {}
        if len(done):
            check_meta(output, read_meta(output), self._configuration(), force=job.is_forced)
        return done

    def run(self) -> None:
        """Answer the rows."""
        if self._job.output is None:
            self._run(None)
        else:
            with self._open_journal(self._job.output) as journal:
                self._run(journal)
        if self._tally.num_failed:
            again = None if self._job.output is None else f"try them again with: {resume_command(is_retrying=True)}"
            failed = f"{self._tally.num_failed} of {self._tally.num_finished} rows failed"
            raise IncompleteError(f"{failed}{self._untold_reasons()}", hint=again)
        if self._job.must_be_verified and self._tally.num_unverified:
            raise IncompleteError(
                f"{self._tally.num_unverified} of {self._tally.num_finished} rows have no answer that a check found right",
                hint="search for longer: --effort high, or more --simulations",
            )

    def _run(self, journal: Journal | None) -> None:
        seen: dict[str, int] = {}
        if not self._is_stream:
            survey = Survey({} if journal is None else journal.done)
            self._look_through(survey)
            self._refuse_unfit(survey)
            self._tally.total, seen = survey.num_rows, survey.lines
            self._tell(survey)
            if journal is not None:
                remove_rows(journal, survey, is_retrying=self._job.is_retrying)
        done = {} if journal is None else journal.done
        if not self._is_stream and seen.keys() <= done.keys():
            for key in seen:
                self._tally.pass_over(done[key])
        elif not self._answer(
            journal, done, seen
        ):  # told to the journal, too, which leaves old rows alone as long as there are no new ones
            self._say(f"stopped after {self._tally.num_finished} rows")
            self._tell_how_to_resume()
            raise typer.Exit(EXIT_INTERRUPTED)
        if not self._tally.num_rows:
            count = self._tally.num_finished
            self._say(f"nothing is left to do: {count} rows are there" if count else f"no rows in {self._label}")
        if journal is not None and self._job.mode == "resume":
            journal.arrange(lambda entry: seen.get(entry.key) or 0)

    def _look_through(self, survey: Survey) -> None:
        """Survey the whole input."""
        if self._is_stream:
            asyncio.run(self._look_through_stream(survey))
        else:  # in no event loop, which would keep Ctrl-C to itself until the end of the file
            for line in lines.file_lines(self._job.source):
                survey.add(read_row(line, self._job.layout))
        survey.check(self._label)

    async def _look_through_stream(self, survey: Survey) -> None:
        async for line in self._stream():
            survey.add(read_row(line, self._job.layout))

    def _stream(self) -> AsyncIterable[lines.Line]:
        if self._job.source == lines.STDIN and sys.stdin.isatty():
            self._say("reading rows from the terminal; Ctrl-D ends them")
        return lines.stream_lines(self._job.source, sys.stdin.buffer)

    def _refuse_unfit(self, survey: Survey) -> None:
        """Refuse an input that the output does not belong to, or that nothing would check."""
        if self._job.must_be_verified and not (self._rows.base.check or survey.may_check):
            raise no_check()
        if survey.num_strangers and not self._job.is_forced:
            raise ConfigError(
                f"{self._job.output} holds {survey.num_strangers} rows that {self._label} does not have",
                hint="give the input that it was made from; --force keeps them",
            )

    def _tell(self, survey: Survey) -> None:
        """Say what is remarkable about an input."""
        for number, message in survey.problems:
            self._say(f"line {number}: {message}")
        if survey.num_bad > len(survey.problems):
            self._say(f"{survey.num_bad - len(survey.problems)} more rows cannot be used")
        if survey.stale:
            self._say(f"{len(survey.stale)} rows were changed since they were answered and are answered again")

        self._tell_unused(survey.unused)

    def _tell_unused(self, unused: Unused) -> None:
        """Say which fields of the rows are not honoured."""
        for line in unused.lines(self._template_names):
            self._say(line)

    def _template_names(self) -> Container[str]:
        """Return what the chat template reads."""
        shipped = read_header(self._model.path).chat_template
        return template_contents(choose_template(self._rows.base.chat_template, shipped))[0]

    def _answer(self, journal: Journal | None, done: Done, seen: dict[str, int]) -> bool:
        """Load the model and answer what is left; say whether that was all."""
        view = open_view(sys.stderr, self._tally, lambda: solver.engine.usage, is_quiet=self._job.is_quiet)
        traces = None if self._job.traces is None else TraceFile(self._job.traces, say=view.say)
        solver = self._open_solver()
        stop = asyncio.Event()
        started, before = time.perf_counter(), solver.engine.usage

        async def work() -> bool:
            try:
                with view:
                    return await run_rows(
                        self._items(done, seen),
                        answerer=self._answerer(solver, traces),
                        write=write if journal is None else journal.append,
                        tally=self._tally,
                        parallel=self._parallel,
                        limit=self._job.limit,
                        stop=stop,
                        save_trace=None if traces is None else traces.save,
                    )
            finally:
                await solver.close()

        try:
            return run(work(), on_interrupt=stop.set, say=view.say, notice="finishing the rows in flight, 10 s at most")
        except IncompleteError as error:
            raise IncompleteError(f"{error.message}{self._untold_reasons()}", hint=self._way_on()) from error
        except KeyboardInterrupt:
            self._tell_how_to_resume()
            raise
        finally:
            self._tell_unused(self._tally.unused)
            if self._tally.num_rows:
                cost = solver.engine.usage - before
                self._say(batch_report(self._tally, cost, time.perf_counter() - started), is_plain=True)
                self._say_failures(self._tally.failures)

    def _items(self, done: Done, seen: dict[str, int]) -> Iterable[AnyRow] | AsyncIterable[AnyRow]:
        if self._is_stream:
            rows, is_retrying = self._stream(), self._job.is_retrying
            return stream_rows(rows, self._job.layout, done, self._tally, seen, is_retrying=is_retrying)
        return file_rows(lines.file_lines(self._job.source), self._job.layout, done, self._tally)

    def _answerer(self, solver: Solver, traces: TraceFile | None = None) -> Answerer:
        return Answerer(
            solver,
            self._rows,
            form=self._job.form,
            min_confidence=self._job.min_confidence,
            is_alone=self._parallel == 1,
            on_untraced=None if traces is None else traces.lose,
        )

    def _measure(self, survey: Survey) -> Measured:
        solver = self._open_solver()

        async def work() -> Measured:
            try:
                return await measure(
                    survey.sample, answerer=self._answerer(solver), parallel=self._parallel, seconds=SAMPLE_SECONDS
                )
            finally:
                await solver.close()

        return asyncio.run(work())

    def _open_solver(self) -> Solver:
        wide = replace(self._rows.base, parallel=max(self._parallel, MAX_NUM_SEQS))
        solver = open_solver(wide, self._model, os.environ)
        for notice in solver.phrasing().notices:
            self._say(notice)
        return solver

    def _open_journal(self, output: Path) -> Journal:
        job, settings = self._job, self._rows.base
        refuse_input_as_output(job.source, output)
        if job.mode == "create" and is_there(output) and output.is_file():  # before a large model is hashed
            raise ConfigError(f"{output} exists already", hint="--resume goes on with it, --overwrite begins it anew")
        journal = open_journal(
            output,
            mode=job.mode,
            force=job.is_forced,
            read_entry=read_entry,
            configuration=self._configuration(),
            facts=provenance.facts(settings, model=self._model, source=self._label, parallel=self._parallel),
        )
        for notice in journal.notices:
            self._say(notice)
        return journal

    def _configuration(self) -> Mapping[str, object]:
        """Return what rows of one file must have in common."""
        job, settings = self._job, self._rows.base
        return provenance.configuration(
            settings,
            model=self._model,
            others=located(settings, os.environ),
            layout=job.layout,
            form=job.form,
            min_confidence=job.min_confidence,
        )

    def _way_on(self) -> str | None:
        if self._job.output is None:
            return None
        if self._job.mode == "overwrite" and not self._tally.num_rows:
            return "nothing was overwritten yet: the same command begins again"
        return f"go on with: {resume_command()}"

    def _tell_how_to_resume(self) -> None:
        way = self._way_on()
        if way is not None:
            self._say(way)

    def _say_failures(self, failures: Failures) -> None:
        """Say why rows have no answer, a line a reason."""
        for text, hint in failures.texts():
            self._say(text)
            if hint:
                self._say(f"  hint: {hint}", is_plain=True)

    def _untold_reasons(self) -> str:
        """Return the reasons for the error's own line, where --quiet kept them back."""
        if not self._job.is_quiet:
            return ""
        return "".join(f"; {text}" for text, _ in self._tally.failures.texts())

    def _say(self, text: str, *, is_plain: bool = False) -> None:
        if not self._job.is_quiet:
            say(printable(text) if is_plain else f"marco: {printable(text)}")

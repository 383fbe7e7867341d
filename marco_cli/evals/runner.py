"""Ask every item under every variant and seed, and keep each outcome as soon as it is known.

In: items, variants, an open solver, a journal. Out: rows of `rows.jsonl`, in order, on disk one by one; whatever is there
already is not asked again. A trace comes after its row: whatever ends a run, going on with it keeps no trace twice. All
variants of an item come one after the other, so that their common prompt is evaluated once and stays in the prefix cache
for the next.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

from marco_cli import jsonl
from marco_cli.batch.entries import JournalEntry
from marco_cli.batch.journal import Journal
from marco_cli.batch.pool import run_in_order
from marco_cli.errors import EngineError, InputError, os_errors_as
from marco_cli.evals import translation
from marco_cli.evals.base import Item
from marco_cli.evals.outcome import Outcome, failed, outcome_document, outcome_of, read_outcome
from marco_cli.evals.simple_evals import instruct
from marco_cli.evals.variant import Variant
from marco_cli.plan import SearchPlan
from marco_cli.search import STRATEGIES
from marco_cli.solver import Solver
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

ROWS_FILE: Final = "rows.jsonl"
ROWS_IN_FLIGHT: Final = 8
"""Items worked on at once: while one search waits for its last chain, the others fill the batch."""

Listener = Callable[[Outcome], None]

_ANSWERS: Final = ("exact", "number", "choice", "simple-evals")
"""Scorers whose target is an answer, and no pattern or text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationJob:
    """One item under one variant and seed."""

    item: Item
    variant: Variant
    seed_index: int

    @property
    def seed(self) -> int:
        """The seed itself."""
        return self.variant.settings.seed + self.seed_index

    @property
    def key(self) -> str:
        """What the row is the answer to."""
        return row_key(self.item.id, self.variant.label, self.seed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answered:
    """What came of a job."""

    outcome: Outcome
    trace: Trace | None = None
    """Kept once the row is where it stays."""


class TraceKeeper(Protocol):
    """Where traces go. Neither method raises: a row is good without its trace."""

    async def save(self, trace: Trace) -> None:
        """Keep a trace."""

    def lose(self, error: Exception) -> None:
        """Hear why an answer has no trace."""


def jobs(items: Sequence[Item], variants: Sequence[Variant]) -> Iterator[EvaluationJob]:
    """Yield all jobs, those of one item together."""
    for item in items:
        for variant in variants:
            for index in range(variant.num_seeds):
                yield EvaluationJob(item=item, variant=variant, seed_index=index)


def row_key(item_id: str, variant: str, seed: int) -> str:
    """Return the key of a row."""
    return f"{item_id}\n{variant}\n{seed}"


def input_hash(item: Item) -> str:
    """Return a hash of what is asked, what would be right, and who says so."""
    text = "\n".join(
        (item.question, item.target, item.lang, item.scorer, *item.references, *filter(None, [item.tests]))
    )
    return blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()


def read_entry(document: object) -> JournalEntry:
    """Return what the journal must know of a row."""
    outcome = read_outcome(document, where="row")
    key = row_key(outcome.item.id, outcome.variant, outcome.seed)
    return JournalEntry(
        key=key, input_hash=input_hash(outcome.item), status="ok" if outcome.error is None else outcome.error.type
    )


def read_outcomes(path: Path) -> Iterator[Outcome]:
    """Yield the rows of a file in order, of several rows for one job only the last; an incomplete last line is not a row.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    found: dict[str, Outcome] = {}
    hint = "name the directory that `marco eval -o` wrote"
    with os_errors_as(InputError, f"cannot read {path}", hint=hint), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                row = _outcome(line, where=f"{path} line {number}")
                found[row_key(row.item.id, row.variant, row.seed)] = row
    yield from found.values()


def _outcome(line: bytes, where: str) -> Outcome:
    try:
        document = jsonl.decode(line)
    except InputError as error:
        raise InputError(f"{where}: {error.message}", hint="take that line out") from error
    return read_outcome(document, where=where)


def missing(all_jobs: Sequence[EvaluationJob], past: Iterable[Outcome]) -> list[EvaluationJob]:
    """Return the jobs without a row among the past ones; those that failed are tried again.

    Raises:
        InputError: a row, of whatever variant, has the id of an item with another question, target or scorer.
    """
    items = {job.item.id: job.item for job in all_jobs}
    answered: set[str] = set()
    for row in past:
        now = items.get(row.item.id)
        if now is not None and input_hash(now) != input_hash(row.item):
            raise _changed(row.item, now)
        if row.error is None:
            answered.add(row_key(row.item.id, row.variant, row.seed))
    return [job for job in all_jobs if job.key not in answered]


def _changed(before: Item, now: Item) -> InputError:
    if input_hash(replace(before, scorer=now.scorer)) == input_hash(now):
        return InputError(
            f"{ROWS_FILE} holds an answer to {now.id} that was scored by {before.scorer}, not by {now.scorer}",
            hint="`marco eval rescore --scorer` scores what is there anew; --overwrite begins anew",
        )
    return InputError(
        f"{ROWS_FILE} holds an answer to another question with the id {now.id}",
        hint="the data set has changed: --overwrite begins anew",
    )


async def run_jobs(
    wanted: Sequence[EvaluationJob],
    *,
    solver: Solver,
    journal: Journal,
    on_outcome: Listener,
    traces: TraceKeeper | None = None,
    in_flight: int = ROWS_IN_FLIGHT,
    stop: asyncio.Event | None = None,
) -> bool:
    """Work the jobs off, `in_flight` at once, under each variant's settings; return whether all have a row now.

    The journal gets every outcome in the order of the jobs. Once a row is on disk, `on_outcome` hears of it and
    `traces` gets its trace. Once `stop` is set, nothing new is begun.

    Raises:
        StorageError: a row cannot be written.
    """

    async def work(job: EvaluationJob) -> Answered:
        return await ask(job, solver, None if traces is None else traces.lose)

    async def emit(answered: Answered) -> None:
        await asyncio.to_thread(journal.append, jsonl.encode(outcome_document(answered.outcome)))
        on_outcome(answered.outcome)
        if traces is not None and answered.trace is not None:
            await traces.save(answered.trace)

    return await run_in_order(wanted, work, emit, parallel=in_flight, stop=stop)


def _question(item: Item, plan: SearchPlan) -> str:
    """Return the question with the instruction that its scorer relies on."""
    if item.scorer == "simple-evals":
        return instruct(item)
    if item.scorer == "chrf" and not plan.settings.prefix:  # a preset's own instruction stands
        return translation.instruct(item)
    return item.question


async def ask(job: EvaluationJob, solver: Solver, on_untraced: Callable[[Exception], None] | None = None) -> Answered:
    """Ask one item; an item that the model cannot be asked gives a failed outcome.

    `on_untraced` hears why an answer has no trace. Without it, none has one.
    """
    item, label = job.item, job.variant.label
    plan = job.variant.seeded(job.seed_index)
    try:
        asked = solver.problem(_question(item, plan), plan, tests=item.tests)
        problem = replace(asked, is_free_form=item.scorer == "chrf")
        try:
            result = await solver.solve(problem, plan)
        finally:
            solver.engine.free_suffixes(problem.prompt_ids)
    except (InputError, EngineError) as error:
        return Answered(outcome=failed(error, item=item, variant=label, seed=job.seed))
    config = plan.config
    # `auto` that left its chain alone chose as the chain's own strategy does.
    stood = STRATEGIES[result.strategy] if plan.is_routed and result.strategy != config.strategy else None
    outcome = await asyncio.to_thread(  # tests may run for seconds
        outcome_of,
        result,
        item=item,
        variant=label,
        seed=job.seed,
        reward=config.reward_name if stood is None else stood.reward,
        vote=config.vote_name if stood is None else stood.vote,
        tags=problem.tags,
    )
    trace = None
    if on_untraced is not None:
        target = item.target if item.scorer in _ANSWERS else None
        try:
            trace = from_result(solver, problem, result, source="eval", plan=plan)
            trace = replace(trace, target=target, item=item.id)
        except Exception as error:  # noqa: BLE001 (the answer is good without a trace; what is wrong with it is told)
            on_untraced(error)
    return Answered(outcome=outcome, trace=trace)

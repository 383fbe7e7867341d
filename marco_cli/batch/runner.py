"""A run: rows from a file or a stream, many answered at once, written in order.

In: lines, an `Answerer`, a function that puts a line of output where it stays. Out: rows written and a `Tally`. Opening
files, loading models and talking to people are the command's business.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from marco_cli.batch.answering import Answerer
from marco_cli.batch.entries import Done
from marco_cli.batch.failures import Failures
from marco_cli.batch.lines import Line
from marco_cli.batch.pool import run_in_order
from marco_cli.batch.record import FAILED
from marco_cli.batch.rows import BadRow, BatchRow, Layout, line_id, read_row
from marco_cli.batch.tally import ErrorLimit, Finished, Tally
from marco_cli.errors import IncompleteError, InputError
from marco_cli.trace.record import Trace

AnyRow = BatchRow | BadRow


def file_rows(lines: Iterable[Line], layout: Layout, done: Done, tally: Tally) -> Iterator[AnyRow]:
    """Yield the rows of a file that are not done; those that are go to the tally."""
    for line in lines:
        row = read_row(line, layout)
        if not _is_done(row, done, tally):
            yield row


async def stream_rows(
    lines: AsyncIterable[Line],
    layout: Layout,
    done: Done,
    tally: Tally,
    seen: dict[str, int],
    *,
    is_retrying: bool = False,
) -> AsyncIterator[AnyRow]:
    """Yield the rows of a stream that are not done; an id that came up before makes a bad row.

    With `is_retrying` rows that failed are not done: what failed and does not come again stays as it is.
    """
    async for line in lines:
        row = read_row(line, layout)
        first = seen.get(row.key)
        if first is not None:
            row = _repeated(row, first, seen)
        seen[row.key] = row.line
        if isinstance(row, BatchRow):
            tally.unused.add(row.unused, row.variables)
        if not _is_done(row, done, tally, is_retrying=is_retrying):
            yield row


def _is_done(row: AnyRow, done: Done, tally: Tally, *, is_retrying: bool = False) -> bool:
    recorded = done.get(row.key)
    if recorded is None or recorded.input_hash != row.input_hash:
        return False
    if is_retrying and recorded.status in FAILED:
        return False
    tally.pass_over(recorded)
    return True


def _repeated(row: AnyRow, first: int, seen: dict[str, int]) -> BadRow:
    """Return a bad row in the place of one whose id was on another line; it goes by its line."""
    error = InputError(f"id {str(row.id)[:80]!r} was on line {first} already")
    bad = BadRow(id=line_id(row.line), line=row.line, error=error, meta=row.meta, input_hash=row.input_hash)
    number = 2
    while bad.key in seen:
        bad = replace(bad, id=f"{line_id(row.line)}-{number}")
        number += 1
    return bad


async def run_rows(
    rows: Iterable[AnyRow] | AsyncIterable[AnyRow],
    *,
    answerer: Answerer,
    write: Callable[[bytes], None],
    tally: Tally,
    parallel: int,
    limit: ErrorLimit | None = None,
    stop: asyncio.Event | None = None,
    save_trace: Callable[[Trace], Awaitable[None]] | None = None,
) -> bool:
    """Answer rows and write them in order; say whether all were.

    `parallel` rows are in flight. `write` puts an output line where it stays; it is called in a thread, one line at a time. Once
    `stop` is set no more rows are begun, and those in flight have a while to end. `save_trace` gets the trace of each row that is
    written.

    Raises:
        IncompleteError: more rows failed than may; those before are written.
        Exception: what `write` raised.
    """

    async def answer(row: AnyRow) -> Finished:
        finished = await answerer.answer(row)
        tally.num_answered += 1
        return finished

    with ThreadPoolExecutor(1, thread_name_prefix="output") as thread:

        async def emit(row: Finished) -> None:
            # A cancel must not separate a line from its count, nor close the file under the thread that writes it.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(thread, write, row.data))
            tally.add(row)
            if save_trace is not None and row.trace is not None:
                await save_trace(row.trace)
            if limit is not None and limit.is_exceeded(tally):
                raise IncompleteError(f"stopped: {tally.num_failed} of {tally.num_finished} rows failed")

        return await run_in_order(rows, answer, emit, parallel=parallel, stop=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a few rows took."""

    num_rows: int
    """That were finished."""
    num_errors: int
    """Of those, that could not be asked, which takes no time."""
    seconds: float
    """Until the last of them, or all of the time where none was finished."""
    num_tokens: int
    is_whole: bool
    """Whether all rows of the sample were finished in the time."""
    failures: Failures
    """Why rows of the sample have no answer."""


async def measure(rows: list[BatchRow], *, answerer: Answerer, parallel: int, seconds: float) -> Measured:
    """Answer a sample of rows, as many at once as a run would, and throw the answers away; stop when the time is up."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ended: float | None = None
    stop = asyncio.Event()
    tally = Tally(total=len(rows))
    timer = loop.call_later(seconds, stop.set)

    async def emit(row: Finished) -> None:
        nonlocal ended
        tally.add(row)
        ended = loop.time()

    try:
        is_whole = await run_in_order(rows, answerer.answer, emit, parallel=parallel, stop=stop, grace=0)
    finally:
        timer.cancel()
    return Measured(
        num_rows=tally.num_rows,
        num_errors=tally.statuses["error"],
        seconds=(loop.time() if ended is None else ended) - started,
        num_tokens=tally.num_tokens,
        is_whole=is_whole,
        failures=tally.failures,
    )

import asyncio

from batch.scripted_solver import script

from marco_cli.batch.answering import Answerer, RowSettings
from marco_cli.batch.rows import BatchRow
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import scripted_engine
from marco_cli.models import locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

ROWS = 40


def test_rows_that_are_done_leave_the_kv_memory() -> None:
    """Only a prefix of the last prompt stays: attention is not paid to the chains of all rows so far."""
    settings = Settings(preset="generic", effort="low", simulations=4, max_tokens=32)

    async def cells_after(number: int) -> int:
        engine = scripted_engine(script)
        solver = Solver(engine=engine, plan=search_plan(settings), model=locate("marco-nano"))
        answerer = Answerer(solver, RowSettings(settings, lambda _: settings))
        for n in range(number):
            await answerer.answer(BatchRow(id=n, line=n, question=f"DOUBT {n}", input_hash=f"{n:064x}"))
        await answerer.answer(BatchRow(id=ROWS, line=ROWS, question="one more", input_hash="0" * 64))
        cells = engine._scheduler.cache.cells
        await engine.close()
        return cells

    assert asyncio.run(cells_after(ROWS)) <= asyncio.run(cells_after(1)) + 8

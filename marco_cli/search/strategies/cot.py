"""One chain of thought, greedy: what every search is measured against."""

from marco_cli.engine.base import GREEDY
from marco_cli.search.base import StopReason
from marco_cli.search.lanes import Lane
from marco_cli.search.reflection import reflect
from marco_cli.search.run import Run


async def cot(run: Run) -> StopReason:
    """Take the most likely tokens from the first to the last."""

    async def work(lane: Lane) -> None:
        async with run.simulation() as simulation:
            if simulation is None:
                return
            reply = run.first or await run.rollout(lane, sampling=GREEDY, is_streamed=True)
            candidate = simulation.accept(reply)
        if candidate is not None:
            await reflect(run, lane, candidate, seed=0, sampling=GREEDY)

    await run.in_lanes(work, num_lanes=1)
    return run.ending()

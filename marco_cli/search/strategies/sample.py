"""Independent replies, each sampled from its beginning: `sample`, self-consistency and best-of-n.

The three make the same replies, from the same seeds, and differ in how many there are and in how the answer is chosen
(the `reward` and `vote` of their entries in `STRATEGIES`), so that they can be compared on the same evidence.
"""

from marco_cli.search.base import StopReason
from marco_cli.search.lanes import Lane
from marco_cli.search.reflection import reflect
from marco_cli.search.run import Run
from marco_cli.search.seeds import derive_seed


async def sample(run: Run) -> StopReason:
    """Sample one reply."""
    return await _draw(run, num_replies=1)


async def self_consistency(run: Run) -> StopReason:
    """Sample replies until the budget ends or the vote is certain (arXiv 2203.11171; `vote` on the command line)."""
    return await _draw(run)


async def best_of_n(run: Run) -> StopReason:
    """Sample replies until the budget ends; agreement plays no part, so there is no early end."""
    return await _draw(run, may_be_certain=False)


async def _draw(run: Run, *, num_replies: int | None = None, may_be_certain: bool = True) -> StopReason:
    """Sample replies until there are `num_replies` (None: as many as the budget has simulations) or the budget ends.

    What the i-th reply says depends on the seed alone; what order they finish in, on their lengths. A reply that exists
    already (`run.first`) is the first of them.
    """
    # Those of an earlier search: what has been begun is what was counted, reflections aside.
    num_begun = run.budget.num_simulations - sum(candidate.reflects is not None for candidate in run.candidates)

    async def work(lane: Lane) -> None:
        nonlocal num_begun
        while num_replies is None or num_begun < num_replies:
            async with run.simulation(may_be_certain=may_be_certain) as simulation:
                if simulation is None:
                    return
                index, num_begun = num_begun, num_begun + 1
                seed = derive_seed(run.config.seed, b"", index)
                known = run.first if index == 0 else None
                candidate = simulation.accept(known or await run.rollout(lane, seed=seed, is_streamed=index == 0))
            if candidate is not None:
                await reflect(run, lane, candidate, seed=seed)

    await run.in_lanes(work, num_lanes=min(run.config.parallel, num_replies or run.config.parallel))
    return run.ending()

"""Several coroutines at once, as one: nothing goes on when one of them fails."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(jobs: Sequence[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """Run all jobs at once and return their results in order; the first error ends the others and is raised as it is."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

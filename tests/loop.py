"""Coroutines to their end, without what `asyncio.run` does besides."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine and return its result.

    When `asyncio.run` gives Ctrl-C back, Python writes out its task, and with it all arrays of a search: a tenth of a second.
    """
    results: list[T] = []

    async def run() -> None:
        results.append(await work)

    asyncio.run(run())
    return results[0]

"""Many pieces of work at once, results in order.

In: items, pulled one by one and only when there is room; an async function for each; an async function that takes each
result. Out: the results, in the order of their items, while later items are still being worked on. It knows nothing of
rows, searches or files.

    async def run_in_order(items, work, emit, *, parallel, look_ahead=None, stop=None, grace=10.0) -> bool
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LOOK_AHEAD: Final = 4
"""Items pulled and not yet emitted, for each one in flight: how far the others may get while the first one is slow."""

GRACE: Final = 10.0
"""Seconds that work in flight may go on after `stop`."""


async def run_in_order(
    items: Iterable[T] | AsyncIterable[T],
    work: Callable[[T], Coroutine[Any, Any, R]],
    emit: Callable[[R], Awaitable[None]],
    *,
    parallel: int,
    look_ahead: int | None = None,
    stop: asyncio.Event | None = None,
    grace: float = GRACE,
) -> bool:
    """Work on up to `parallel` items at once and emit every result in the order of its item.

    Args:
        items: pulled lazily: the next one only when fewer than `parallel` are in flight and fewer than `look_ahead` are
            pulled and not yet emitted. A plain iterable must not block.
        work: what to do with an item.
        emit: takes each result; the next one waits until it returns. Work goes on meanwhile.
        parallel: items in flight, 1 or more.
        look_ahead: results held back at most, those in flight included; `LOOK_AHEAD` times `parallel` by default.
        stop: once set, nothing new is pulled; what is in flight has `grace` seconds, then it is dropped, and what
            comes after the first dropped item is not emitted.
        grace: seconds.

    Returns:
        Whether every item was emitted: False when `stop` ended the run early.

    Raises:
        Exception: what `items`, `work` or `emit` raised. Results before that of the failing item are emitted first; all
            other work is cancelled. The same when the caller is cancelled.
    """
    if stop is not None and stop.is_set():
        return False
    run = _Run(work, emit, parallel, max(parallel, look_ahead or LOOK_AHEAD * parallel))
    pulling = run.start(_iterate(items))
    watching = None if stop is None else asyncio.create_task(run.watch(stop, pulling, grace), name="watch")
    try:
        return await run.emit_all(pulling)
    finally:
        await _end([pulling, *([watching] if watching else []), *run.tasks])


class _Run:
    """Tasks in the order of their items, and the room for more of them."""

    def __init__(
        self,
        work: Callable[[T], Coroutine[Any, Any, R]],
        emit: Callable[[R], Awaitable[None]],
        parallel: int,
        look_ahead: int,
    ) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        """Pulled and not yet emitted."""
        self._work: Callable[[Any], Coroutine[Any, Any, Any]] = work
        self._emit: Callable[[Any], Awaitable[None]] = emit
        self._places = asyncio.Semaphore(parallel)
        self._room = asyncio.Semaphore(look_ahead)
        self._queue: asyncio.Queue[asyncio.Task[Any] | None] = asyncio.Queue()

    def start(self, items: AsyncGenerator[Any, None]) -> "asyncio.Task[None]":
        """Begin to pull. However that ends, even before its first step, the end of the queue is marked."""
        pulling = asyncio.create_task(self._pull(items), name="pull")
        pulling.add_done_callback(lambda _: self._queue.put_nowait(None))
        return pulling

    async def _pull(self, items: AsyncGenerator[Any, None]) -> None:
        try:
            while True:
                await self._room.acquire()
                await self._places.acquire()
                item = await anext(items)
                task = asyncio.create_task(self._work(item))
                task.add_done_callback(lambda _: self._places.release())
                self.tasks.add(task)
                self._queue.put_nowait(task)
        except StopAsyncIteration:
            return
        finally:
            await items.aclose()

    async def emit_all(self, pulling: "asyncio.Task[None]") -> bool:
        """Emit results until the last; say whether it was the last item's."""
        while (task := await self._queue.get()) is not None:
            await asyncio.wait([task])
            if task.cancelled():
                return False
            await self._emit(task.result())
            self.tasks.discard(task)
            self._room.release()
        await asyncio.wait([pulling])
        if pulling.cancelled():
            return False
        pulling.result()
        return True

    async def watch(self, stop: asyncio.Event, pulling: "asyncio.Task[None]", grace: float) -> None:
        """Wait for `stop`, then end the pulling at once and the work after a grace."""
        await stop.wait()
        pulling.cancel()
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=grace)
        for task in self.tasks:
            task.cancel()


async def _iterate(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _end(tasks: list["asyncio.Task[Any]"]) -> None:
    """Cancel what is still running and wait until it is over; what it raises has been, or need not be, heard."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

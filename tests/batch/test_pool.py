import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from marco_cli.batch.pool import run_in_order


class Bench:
    """Work whose pieces end when a test says so, and a record of what was emitted."""

    def __init__(self) -> None:
        self.pulled: list[int] = []
        self.running: set[int] = set()
        self.most_running = 0
        self.emitted: list[int] = []
        self.ended: dict[int, asyncio.Event] = {}

    def items(self, count: int) -> Iterator[int]:
        """Yield numbers and note that they were pulled."""
        for number in range(count):
            self.pulled.append(number)
            yield number

    async def work(self, number: int) -> int:
        """Return a number when its end has come."""
        self.running.add(number)
        self.most_running = max(self.most_running, len(self.running))
        try:
            await self.ended.setdefault(number, asyncio.Event()).wait()
        finally:
            self.running.discard(number)
        return number

    async def emit(self, number: int) -> None:
        """Note what comes out."""
        self.emitted.append(number)

    def end(self, *numbers: int) -> None:
        """Let work end, now or as soon as it begins."""
        for number in numbers:
            self.ended.setdefault(number, asyncio.Event()).set()


async def settle() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_results_come_in_the_order_of_their_items() -> None:
    """Whatever ends first, the first item's result is emitted first."""

    async def main() -> None:
        bench = Bench()
        run = asyncio.create_task(run_in_order(bench.items(3), bench.work, bench.emit, parallel=3))
        await settle()
        bench.end(2, 1)
        await settle()
        assert bench.emitted == []
        bench.end(0)
        assert await run
        assert bench.emitted == [0, 1, 2]

    asyncio.run(main())


def test_a_slow_first_item_holds_a_bounded_number_back() -> None:
    """Others go on ahead of it up to the look-ahead, and nothing more is even pulled."""

    async def main() -> None:
        bench = Bench()
        bench.end(*range(1, 100))
        run = asyncio.create_task(run_in_order(bench.items(100), bench.work, bench.emit, parallel=4, look_ahead=10))
        await settle()
        assert bench.pulled == list(range(10))
        assert bench.running == {0}
        assert bench.emitted == []
        bench.end(0)
        assert await run
        assert bench.emitted == list(range(100))
        assert bench.most_running <= 4

    asyncio.run(main())


def test_items_are_pulled_when_there_is_room_and_not_before() -> None:
    """A stream is read as fast as its rows are answered."""

    async def main() -> None:
        bench = Bench()
        run = asyncio.create_task(run_in_order(bench.items(10), bench.work, bench.emit, parallel=2))
        await settle()
        assert bench.pulled == [0, 1]
        bench.end(0)
        await settle()
        assert bench.pulled == [0, 1, 2]
        bench.end(*range(10))
        assert await run

    asyncio.run(main())


def test_a_result_is_out_before_the_next_item_comes_in() -> None:
    """Someone who writes a row and waits for its answer gets it."""

    async def main() -> None:
        bench = Bench()
        arriving: asyncio.Queue[int | None] = asyncio.Queue()

        async def stream() -> AsyncIterator[int]:
            while (number := await arriving.get()) is not None:
                yield number

        bench.end(*range(5))
        run = asyncio.create_task(run_in_order(stream(), bench.work, bench.emit, parallel=8))
        for number in range(5):
            arriving.put_nowait(number)
            await settle()
            assert bench.emitted == list(range(number + 1))
        arriving.put_nowait(None)
        assert await run

    asyncio.run(main())


def test_an_error_comes_after_the_results_before_it() -> None:
    """What was finished in front of a failing item is not lost; everything behind it is cancelled."""

    async def main() -> None:
        bench = Bench()

        async def work(number: int) -> int:
            if number == 2:
                raise ValueError("two")
            return await bench.work(number)

        run = asyncio.create_task(run_in_order(bench.items(100), work, bench.emit, parallel=4))
        await settle()
        bench.end(0, 1)
        with pytest.raises(ValueError, match="two"):
            await run
        assert bench.emitted == [0, 1]
        assert not bench.running

    asyncio.run(main())


@pytest.mark.parametrize("where", ["items", "emit"])
def test_errors_of_items_and_of_emit_end_the_run(where: str) -> None:
    """They are raised as they are, and nothing keeps running."""

    async def main() -> None:
        bench = Bench()
        bench.end(*range(100))

        def items() -> Iterator[int]:
            yield from bench.items(3)
            if where == "items":
                raise OSError("gone")
            yield from range(3, 100)

        async def emit(number: int) -> None:
            if where == "emit" and number == 3:
                raise OSError("gone")
            await bench.emit(number)

        with pytest.raises(OSError, match="gone"):
            await run_in_order(items(), bench.work, emit, parallel=2)
        assert bench.emitted == [0, 1, 2]
        assert not bench.running

    asyncio.run(main())


def test_stop_lets_work_in_flight_end() -> None:
    """Nothing new is pulled; what ends within the grace is emitted."""

    async def main() -> None:
        bench, stop = Bench(), asyncio.Event()
        run = asyncio.create_task(run_in_order(bench.items(100), bench.work, bench.emit, parallel=3, stop=stop))
        await settle()
        stop.set()
        await settle()
        bench.end(*range(100))
        assert not await run
        assert bench.emitted == bench.pulled == [0, 1, 2]

    asyncio.run(main())


def test_stop_drops_what_is_not_done_after_the_grace() -> None:
    """The results before the first dropped item are emitted, those behind it are not: the output has no holes."""

    async def main() -> None:
        bench, stop = Bench(), asyncio.Event()
        run = asyncio.create_task(
            run_in_order(bench.items(100), bench.work, bench.emit, parallel=4, stop=stop, grace=0.01)
        )
        await settle()
        bench.end(0, 1, 3)
        stop.set()
        assert not await run
        assert bench.emitted == [0, 1]
        assert not bench.running

    asyncio.run(main())


def test_a_stop_before_the_start_and_one_after_the_end_are_harmless() -> None:
    """The first emits nothing, the second changes nothing."""

    async def main() -> None:
        bench, stop = Bench(), asyncio.Event()
        bench.end(*range(100))
        stop.set()
        assert not await run_in_order(bench.items(100), bench.work, bench.emit, parallel=2, stop=stop)
        assert bench.emitted == []
        assert await run_in_order(bench.items(100), bench.work, bench.emit, parallel=2, stop=asyncio.Event())
        assert bench.emitted == list(range(100))

    asyncio.run(main())


def test_cancelling_the_caller_leaves_nothing_running() -> None:
    """Work, pulling and a stream that waits are all over when the cancellation has come through."""

    async def main() -> None:
        bench = Bench()
        closed = asyncio.Event()

        async def stream() -> AsyncIterator[int]:
            try:
                yield 0
                await asyncio.Event().wait()
            finally:
                closed.set()

        run = asyncio.create_task(run_in_order(stream(), bench.work, bench.emit, parallel=4))
        await settle()
        assert bench.running == {0}
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert not bench.running
        assert closed.is_set()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(20))
def test_any_timing_gives_the_same_output(seed: int) -> None:
    """Random durations of work, emission and arrival change nothing but the time."""

    async def main() -> None:
        source = random.Random(seed)
        emitted: list[int] = []

        async def doze() -> None:
            for _ in range(source.randrange(6)):
                await asyncio.sleep(0)

        async def stream() -> AsyncIterator[int]:
            for number in range(60):
                await doze()
                yield number

        async def work(number: int) -> int:
            await doze()
            return number

        async def emit(number: int) -> None:
            await doze()
            emitted.append(number)

        items: Any = stream() if seed % 2 else range(60)
        assert await run_in_order(items, work, emit, parallel=1 + seed % 5, look_ahead=seed)
        assert emitted == list(range(60))

    asyncio.run(main())

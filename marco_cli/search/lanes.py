"""Several simulations at once, in an order that depends on token counts alone.

Each lane runs one simulation after the other and waits for the engine in between. What a lane does to the tree depends on
what the others did before it, so their order must not depend on the speed of the machine. It follows a logical clock:
a lane's time is the number of tokens that it has waited for, and a lane goes on only when every other lane is known to go
on later (conservative discrete-event simulation, Chandy and Misra 1979). As the engine gives every running request one
token a tick, that is the order in which completions arrive anyway, give or take a tick. Ties go to the lower lane.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from marco_cli.concurrency import together
from marco_cli.engine.base import Completion, Engine, ModelInfo, Request, StopRule, TokenListener, Usage
from marco_cli.search.budget import Budget

T = TypeVar("T")


class Turns:
    """Who goes on next. A moment is (logical time, lane)."""

    def __init__(self) -> None:
        self._floors: dict[int, int] = {}
        self._waiting: dict[int, tuple[int, asyncio.Future[None]]] = {}

    def enter(self, lane: int, time: int) -> None:
        """Let a lane take part from `time` on, or push forward the time before which it will not ask for its turn."""
        self._floors[lane] = time
        if self._waiting:
            self._release()

    def leave(self, lane: int) -> None:
        """Let a lane that has ended hold no other up."""
        self._floors.pop(lane, None)
        self._waiting.pop(lane, None)
        self._release()

    async def wait(self, lane: int, time: int) -> None:
        """Return when no other lane can ask for an earlier turn."""
        turn = asyncio.get_running_loop().create_future()
        self._floors.pop(lane, None)  # a lane that waits is compared by its turn, not by what it may still ask for
        self._waiting[lane] = (time, turn)
        self._release()
        await turn

    def _release(self) -> None:
        if not self._waiting:
            return
        time, lane = min((time, lane) for lane, (time, _) in self._waiting.items())
        if all((floor, other) > (time, lane) for other, floor in self._floors.items()):
            _, turn = self._waiting.pop(lane)
            self._floors[lane] = time  # it may ask again from this moment on, so what comes later waits for it
            if not turn.done():  # it may have been cancelled
                turn.set_result(None)


class Lane:
    """One sequence of simulations: an engine whose completions come in turn and are counted."""

    def __init__(self, number: int, engine: Engine, budget: Budget, turns: Turns) -> None:
        self.number = number
        self.usage = Usage()
        self._engine = engine
        self._budget = budget
        self._turns = turns
        self._time = 0

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._engine.info

    @property
    def context_size(self) -> int:
        """Tokens that one request may have."""
        return self._engine.context_size

    def tokenize(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the ids of a text."""
        return self._engine.tokenize(text, special=special)

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of the ids."""
        return self._engine.detokenize(ids)

    async def generate(self, request: Request, on_token: TokenListener | None = None) -> Completion:
        """Continue a prefix, and return when it is this lane's turn."""
        return (await self.generate_all((request,), on_token))[0]

    async def generate_all(
        self, requests: Sequence[Request], on_token: TokenListener | None = None
    ) -> tuple[Completion, ...]:
        """Continue several prefixes together, and return all of them when it is this lane's turn."""
        start = self._time
        jobs = [self._generate(request, start, on_token) for request in requests]
        completions = await together(jobs)
        # The engine gives each request a token a tick: the longest of them is what this lane has waited for.
        self._time = start + max(completion.usage.decoded for completion in completions)
        await self._turns.wait(self.number, self._time)
        return completions

    async def rest(self) -> None:
        """Let the others go on for a token."""
        self._time += 1
        await self._turns.wait(self.number, self._time)

    async def _generate(self, request: Request, start: int, on_token: TokenListener | None) -> Completion:
        rule = _Counting(request.stop_when, self._budget)
        num_heard = 0

        def listen(token: int, piece: bytes) -> None:
            nonlocal num_heard
            num_heard += 1
            self._time = max(self._time, start + num_heard)
            # A lane that is writing will ask for its turn later than now: others that are earlier need not wait for it.
            self._turns.enter(self.number, self._time)
            if on_token is not None:
                on_token(token, piece)

        completion = await self._engine.generate(replace(request, stop_when=rule), listen)
        self._budget.count(completion.usage.decoded - rule.num_counted)  # an end token is decoded, but no rule sees it
        self.usage += completion.usage
        return completion


class _Counting:
    """A stop rule that counts the tokens it sees; runs in the engine's thread."""

    def __init__(self, rule: StopRule | None, budget: Budget) -> None:
        self.num_counted = 0
        self._rule = rule
        self._budget = budget

    def __call__(self, data: bytes, num_sampled: int) -> bool:
        self.num_counted += 1
        self._budget.count(1)
        return self._rule is not None and self._rule(data, num_sampled)


async def run_lanes(
    num_lanes: int, engine: Engine, budget: Budget, work: Callable[[Lane], Awaitable[None]]
) -> tuple[Usage, ...]:
    """Run `work` in `num_lanes` lanes until each returns; return what each lane's requests cost."""
    turns = Turns()
    lanes = [Lane(number, engine, budget, turns) for number in range(num_lanes)]
    for lane in lanes:
        turns.enter(lane.number, 0)

    async def run(lane: Lane) -> None:
        try:
            await work(lane)
        finally:
            turns.leave(lane.number)

    await together([run(lane) for lane in lanes])
    return tuple(lane.usage for lane in lanes)

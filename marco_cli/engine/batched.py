"""The asyncio shell around the scheduler: one engine for every backend.

The event loop belongs to strategies and views; ticks run in a thread of their own, so the interface and Ctrl-C stay alive
while the model works. Ticks follow one another without a barrier. After a tick that finished a request the
loop is given a few turns, so that a waiting caller can ask for the next continuation before the next tick is planned:
what is batched together then depends on the requests alone, never on the speed of the machine.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from marco_cli.engine.backend import Model
from marco_cli.engine.base import Completion, ModelInfo, Request, TokenListener, Usage
from marco_cli.engine.job import Job
from marco_cli.engine.scheduler import Scheduler, Tick
from marco_cli.errors import EngineError

TURNS_AFTER_FINISH = 8
"""Loop turns after a finished request: a future, its task, a gather around it and its parent take one each."""

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="engine")
"""Where every engine of the process computes, one at a time.

llama.cpp takes all cores for each call, so two models at once would only wait for each other; and OpenMP gives each calling
thread helpers of its own, which stop spinning at barriers as soon as there are more of them than cores: a second calling
thread made each token cost 30 % more (0.5B Q8_0 on two cores), also while the first one was idle.
"""


class BatchedEngine:
    """An `Engine`: continuous batching over a model."""

    def __init__(
        self,
        model: Model,
        *,
        max_num_seqs: int,
        context_size: int,
        num_idle_cells: int | None = None,
        sampling_threads: int = 1,
    ) -> None:
        self._model = model
        self._thread: Executor = _THREAD
        self._pool = ThreadPoolExecutor(sampling_threads, "sampling") if sampling_threads > 1 else None
        self._scheduler = Scheduler(
            model, max_num_seqs=max_num_seqs, context_size=context_size, num_idle_cells=num_idle_cells, pool=self._pool
        )
        self._spelt: frozenset[str] = frozenset()
        self._waiting: dict[Job, asyncio.Future[Completion]] = {}
        self._listeners: dict[Job, TokenListener] = {}
        self._driver: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._model.info

    @property
    def context_size(self) -> int:
        """Tokens that one request may have, prompt and completion together."""
        return self._scheduler.context_size

    @property
    def max_num_seqs(self) -> int:
        """Requests that are decoded together at most."""
        return self._scheduler.max_num_seqs

    @property
    def usage(self) -> Usage:
        """What all work since opening cost."""
        return self._scheduler.meter.usage()

    def tokenize(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the ids of a text; only with `special` do control tokens written in it count as such."""
        self._refuse_closed()
        return self._model.tokenize(text, special=special)

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of the ids; control tokens are empty, but for those that are to be spelt out."""
        self._refuse_closed()
        return b"".join(map(self._scheduler.piece, ids))

    def is_control(self, token: int) -> bool:
        """Say whether an id is a control token, spelt out or not."""
        self._refuse_closed()
        return not self._model.piece(token)

    def spell(self, marks: Sequence[str]) -> None:
        """Spell out the control tokens of these texts from here on, but for those that end the generation."""
        self._refuse_closed()
        for mark in self._unspelt(marks):
            for token in self._model.tokenize(mark, special=True):
                if not self._model.piece(token) and not self._model.is_end(token):
                    self._scheduler.spelling[token] = self._model.spelling(token)

    def _unspelt(self, marks: Sequence[str]) -> frozenset[str]:
        new = frozenset(marks) - self._spelt
        self._spelt |= new
        return new

    async def generate(self, request: Request, on_token: TokenListener | None = None) -> Completion:
        """Continue a prefix; see `Engine.generate`."""
        self._refuse_closed()
        self._refuse_unknown(request)
        job = self._scheduler.submit(request)  # raises here, in the caller's task, if it can never fit
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting[job] = future
        if on_token is not None:
            self._listeners[job] = on_token
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive(), name="engine")
        try:
            return await future
        finally:
            # Also when it has ended, where it changes nothing: a caller that was cancelled must not leave its job running.
            job.cancelled = True
            self._waiting.pop(job, None)
            self._listeners.pop(job, None)

    async def reset_cache(self, ids: Sequence[int]) -> None:
        """Forget what came before; see `Engine.reset_cache`."""
        self._refuse_closed()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._scheduler.reset_cache, ids)

    def free_suffixes(self, ids: Sequence[int]) -> None:
        """Give up what was generated from a prompt; see `Engine.free_suffixes`."""
        self._scheduler.free_suffixes(ids)

    def cancel(self) -> None:
        """End every request in flight with what it has, within one tick."""
        for job in list(self._waiting):
            job.cancelled = True
        self._model.interrupt()

    def discard(self) -> None:
        """Free the model's memory at once: for an engine that was asked nothing."""
        self._closed = True
        self._thread.submit(self._free).result()

    async def close(self) -> None:
        """Drop requests in flight and free the model's memory; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self.cancel()
        try:
            if self._driver is not None and not self._driver.done():
                await asyncio.wait([self._driver])
        finally:
            freed = self._thread.submit(self._free)  # after whatever the thread still has to do
            await asyncio.shield(asyncio.wrap_future(freed))  # else a cancel would take it off the queue

    def _free(self) -> None:
        self._model.close()
        if self._pool is not None:
            self._pool.shutdown()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise EngineError("the engine is closed")

    def _refuse_unknown(self, request: Request) -> None:
        """Refuse ids that are not tokens here: llama.cpp would refuse the whole batch, other requests included."""
        size = self.info.num_vocab
        for ids in (request.prompt_ids, request.forced_ids, request.probe_ids):
            if ids and not 0 <= min(ids) <= max(ids) < size:
                raise EngineError(
                    f"token {min(ids) if min(ids) < 0 else max(ids)} is not among the {size} of {self.info.name}"
                )

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._scheduler.has_work():
                tick = await loop.run_in_executor(self._thread, self._scheduler.tick)
                self._deliver(tick)
                if tick.finished:
                    # Callers that go on from what has finished must be in the next plan, however slow the loop is.
                    for _ in range(TURNS_AFTER_FINISH):
                        await asyncio.sleep(0)
        except BaseException as error:
            # Without an answer those who wait would wait for ever.
            waiting = [future for future in self._waiting.values() if not future.done()]
            for future in waiting:
                future.set_exception(error)
            if not waiting or not isinstance(error, Exception):  # otherwise those who wait have it
                raise

    def _deliver(self, tick: Tick) -> None:
        for item in tick.sampled:
            listener = self._listeners.get(item.job)
            if listener is None:  # not asked for, or its caller is gone
                continue
            try:
                listener(item.token, item.piece)
            except Exception as error:  # noqa: BLE001 (a listener's error is its own request's alone)
                self._resolve(item.job, error)
        for job, outcome in tick.finished:
            self._resolve(job, outcome)

    def _resolve(self, job: Job, outcome: Completion | Exception) -> None:
        future = self._waiting.get(job)
        if future is None or future.done():
            return
        if isinstance(outcome, Completion):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

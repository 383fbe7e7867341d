"""Continuous batching: many requests, one decode call a tick.

Each tick takes one token of every running request plus chunks of the prompts that wait, evaluates them together,
samples, and hands back the requests that are finished; a free place is filled at the next tick. Requests that stand at
the same prefix and need the same token share one row, so a tick evaluates no token of a tree twice, and a prompt that
another request is evaluating already is waited for and then forked.

The scheduler knows no llama.cpp and no asyncio: it drives a `Backend` and is called by one thread at a time. Three things
any thread may do, and they take effect at the next tick: call `submit` or `forget`, and set a job's `cancelled`.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import Completion, FinishReason, Request
from marco_cli.engine.job import Job, Meter, TickScores
from marco_cli.engine.prefix_cache import Memory, PrefixCache, common_length
from marco_cli.engine.sampling import Scores, draw, num_candidates, penalise, score
from marco_cli.errors import ContextOverflowError, DecodeError

BUSY_CHUNK = 64
"""Prompt tokens evaluated a tick while others decode: long enough to amortise, short enough not to stall them."""

HEADROOM = 32
"""Cells kept free for each running request when another is let in: fewer, and requests would soon be set back."""

WORTH_WAITING = 8
"""Shared prompt tokens for which a request waits until another one has evaluated them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One token to evaluate: it becomes visible to all of `sequences` at `position`."""

    token: int
    position: int
    sequences: tuple[int, ...]
    wants_logits: bool


class Backend(Memory, Protocol):
    """A model with a KV memory."""

    @property
    def num_cells(self) -> int:
        """Cells of the KV memory."""
        ...

    @property
    def num_sequences(self) -> int:
        """Sequence ids, from 0."""
        ...

    @property
    def max_rows(self) -> int:
        """Rows that one decode call takes."""
        ...

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """Evaluate rows; return the logits `[n, V]` of those that want them, in order, valid until the next call.

        None when it was interrupted. Then, and when it raises `DecodeError`, nothing of the rows stays in memory.
        """
        ...

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; control tokens are empty."""
        ...

    def is_end(self, token: int) -> bool:
        """Say whether the token ends the generation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One token that a tick sampled for a job."""

    job: Job
    token: int
    piece: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a tick brought."""

    sampled: tuple[Sampled, ...] = ()
    finished: tuple[tuple[Job, Completion | Exception], ...] = ()
    """An exception is what the model, or the request's own stop rule, raised."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Tokens evaluated once for all of its jobs: a chunk of one job's prompt, or one token that several jobs need."""

    jobs: list[Job]
    tokens: Sequence[int]
    wants_logits: bool


class Scheduler:
    """The queue of requests, the batch, and the prefix cache of one backend."""

    def __init__(
        self,
        backend: Backend,
        *,
        places: int,
        context_size: int,
        num_idle_cells: int | None = None,
        pool: Executor | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.cache = PrefixCache(
            backend, num_sequences=backend.num_sequences, num_cells=backend.num_cells, num_idle_cells=num_idle_cells
        )
        self.places = min(places, backend.num_sequences, backend.max_rows)
        self.context_size = min(context_size, backend.num_cells)
        self.meter = Meter()
        self._backend = backend
        self._pool = pool
        self._clock = clock
        self._evictions_seen = 0
        self._inbox: deque[Job] = deque()
        self._done: deque[Sequence[int]] = deque()
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    def submit(self, request: Request) -> Job:
        """Queue a request.

        Raises:
            ContextOverflowError: it could never fit.

        """
        prompt = len(request.prompt_ids) + len(request.forced_ids)
        if prompt + request.max_tokens > self.context_size:
            raise ContextOverflowError(
                prompt_tokens=prompt, wanted_tokens=request.max_tokens, context_size=self.context_size
            )
        job = Job(request)
        self._inbox.append(job)
        return job

    def forget(self, ids: Sequence[int]) -> None:
        """Give up what idle sequences hold of a prompt and of what was generated from it; see `PrefixCache.forget`."""
        self._done.append(ids)

    def settle(self, ids: Sequence[int]) -> None:
        """Give up every prefix but the longest held one of `ids`, unless there is work."""
        if not self.has_work():
            self.cache.keep_only(ids)

    def has_work(self) -> bool:
        """Say whether a tick would do anything."""
        return bool(self._inbox or self._waiting or self._running)

    def tick(self) -> Tick:
        """Evaluate and sample once."""
        started = self._clock()
        while self._done:
            self.cache.forget(self._done.popleft())
        while self._inbox:
            self._waiting.append(self._inbox.popleft())
        cancelled = [job for job in (*self._running, *self._waiting) if job.cancelled]
        finished: list[tuple[Job, Completion | Exception]] = [
            (job, self._finish(job, "cancelled")) for job in cancelled
        ]
        groups = self._plan()
        decoding = self._clock()
        try:
            logits = self._backend.decode(_rows(groups)) if groups else None
            decoded = self._clock()
            if logits is None:
                return Tick(finished=tuple(finished))
            self._commit(groups)
            sampled = self._sample([group for group in groups if group.wants_logits], logits)
        except DecodeError as error:
            finished.extend((job, self._fail(job, error)) for group in groups for job in group.jobs)
            return Tick(finished=tuple(finished))
        self._account(groups, decoded - decoding, self._clock() - started - (decoded - decoding))
        finished.extend(self._collect(groups, sampled))
        return Tick(sampled=tuple(sampled), finished=tuple(finished))

    def _plan(self) -> list[_Group]:
        """Choose what the next decode call evaluates: decoding requests first, then chunks of prompts."""
        groups: list[_Group] = []
        shared: dict[tuple[int, int], _Group] = {}
        num_rows = 0
        for job in list(self._running):
            if job.num_pending == 1 and job.sequence is not None:
                num_rows += self._plan_single(job, groups, shared, num_rows)
        limit = num_rows + BUSY_CHUNK if num_rows else self._backend.max_rows
        limit = min(limit, self._backend.max_rows)
        for job in list(self._running):
            if job.num_pending > 1 and job.sequence is not None and num_rows < limit:
                num_rows += self._plan_chunk(job, groups, num_rows, limit)
        while num_rows < limit and (admitted := self._admit()) is not None:
            if admitted.num_pending == 1:
                num_rows += self._plan_single(admitted, groups, shared, num_rows)
            else:
                num_rows += self._plan_chunk(admitted, groups, num_rows, limit)
            if admitted.sequence is None:  # no room after all: it went back to the queue
                break
        self.cache.trim()  # only now: whoever goes on from a finished request has been let in
        return groups

    def _plan_single(self, job: Job, groups: list[_Group], shared: dict[tuple[int, int], _Group], num_rows: int) -> int:
        """Plan the one pending token of a job and return the rows that it adds: 0 if it shares one."""
        sequence = _sequence(job)
        key = (id(self.cache.end_of(sequence)), job.ids[-1])
        if key in shared:
            shared[key].jobs.append(job)
            return 0
        while not self.cache.make_room(num_rows + 1):
            youngest = self._running[-1]
            self._set_back(youngest)
            if youngest is job:
                return 0
        shared[key] = group = _Group(jobs=[job], tokens=job.ids[-1:], wants_logits=True)
        groups.append(group)
        return 1

    def _plan_chunk(self, job: Job, groups: list[_Group], num_rows: int, limit: int) -> int:
        """Plan the next part of a prompt and return its rows: fewer when cells are short, 0 when there are none."""
        while not self.cache.make_room(num_rows + 1):
            if groups or self._running[-1] is job:
                return 0
            self._set_back(self._running[-1])
        wanted = min(job.num_pending, limit - num_rows)
        self.cache.make_room(num_rows + wanted)
        size = min(wanted, self.cache.num_cells - self.cache.cells - num_rows)
        tokens = job.ids[job.evaluated : job.evaluated + size]
        groups.append(_Group(jobs=[job], tokens=tokens, wants_logits=size == job.num_pending))
        return size

    def _admit(self) -> Job | None:
        """Let the first request in that has a place, room and nothing worth waiting for; None when there is none."""
        if len(self._running) >= self.places:
            return None
        for job in self._waiting:
            if self._should_wait(job):
                continue
            needed = len(job.ids) - self.cache.pinned_length(job.ids)
            reserved = sum(other.num_pending + HEADROOM for other in self._running)
            if self._running and self.cache.pinned + needed + reserved > self.cache.num_cells:
                return None
            opened = self.cache.open(job.ids[:-1])
            if opened is None:
                return None
            job.sequence, job.evaluated = opened
            job.meter.reused += job.evaluated
            job.meter.forks += job.evaluated > 0
            self.meter.reused += job.evaluated
            self._waiting.remove(job)
            self._running.append(job)
            return job
        return None

    def _should_wait(self, job: Job) -> bool:
        """Say whether a running request is about to evaluate a good part of this one's prompt."""
        if job.waits_for is not None:
            other, length = job.waits_for
            if other.sequence is not None and other.evaluated < length:
                return True
            job.waits_for = None
        held = self.cache.match_length(job.ids)
        for other in self._running:
            if other.num_pending > 1:
                length = min(common_length(other.ids, job.ids), len(job.ids) - 1)
                if length >= max(held, other.evaluated) + WORTH_WAITING:
                    job.waits_for = (other, length)
                    return True
        return False

    def _set_back(self, job: Job) -> None:
        """Return a running request to the head of the queue; what it sampled is kept and evaluated again later."""
        self.cache.release(_sequence(job))
        job.sequence = None
        job.evaluated = 0
        job.meter.evictions += 1
        self.meter.evictions += 1
        self._running.remove(job)
        self._waiting.insert(0, job)

    def _commit(self, groups: Sequence[_Group]) -> None:
        """Record what was evaluated."""
        for group in groups:
            self.cache.extend([_sequence(job) for job in group.jobs], group.tokens)
            leader, *followers = group.jobs
            size = len(group.tokens)
            prompt = max(0, min(leader.forced_end - leader.evaluated, size))
            for meter in (leader.meter, self.meter):
                meter.evaluated += size
                meter.prefilled += prompt
                meter.reused += len(followers) if meter is self.meter else 0
            for follower in followers:
                follower.meter.reused += size
            for job in group.jobs:
                job.evaluated += size

    def _sample(self, groups: Sequence[_Group], logits: NDArray[np.float32]) -> list[Sampled]:
        """Score the rows and draw a token for every job that may have one more."""
        if not groups:
            return []
        drawing = [(row, job) for row, group in enumerate(groups) for job in group.jobs if job.request.max_tokens]
        params = [job.request.sampling for _, job in drawing]
        scores = score(logits, num_candidates(params), self._pool)
        if not np.isfinite(scores.log_normaliser).all():
            raise DecodeError("the model computed logits that are not numbers: the file may be damaged")
        for row, group in enumerate(groups):
            for job in group.jobs:
                if job.request.probe_ids and not job.num_sampled:
                    job.probe = tuple(float(logits[row, i] - scores.log_normaliser[row]) for i in job.request.probe_ids)
        if not drawing:
            return []
        rows = np.asarray([row for row, _ in drawing], dtype=np.int64)
        uniforms = [job.random.random() if job.request.sampling.temperature else 0.0 for _, job in drawing]
        ids = draw(logits, scores, rows, params, uniforms)
        for j, (row, job) in enumerate(drawing):
            if job.request.sampling.repeat_penalty != 1:
                ids[j] = _draw_penalised(logits[row], job, uniforms[j])
        logprobs = (logits[rows, ids] - scores.log_normaliser[rows]).tolist()
        kept = TickScores.of(scores)
        sampled = []
        for (row, job), token, logprob in zip(drawing, ids.tolist(), logprobs, strict=True):
            piece = self._backend.piece(token)
            job.append(token, piece, logprob, kept, row)
            sampled.append(Sampled(job=job, token=token, piece=piece))
        self.meter.decoded += len(sampled)
        return sampled

    def _collect(
        self, groups: Sequence[_Group], sampled: Sequence[Sampled]
    ) -> list[tuple[Job, Completion | Exception]]:
        """Finish the requests that ended in this tick, in a fixed order."""
        finished: list[tuple[Job, Completion | Exception]] = []
        for item in sampled:
            try:
                reason = item.job.ending(item.piece, is_end=self._backend.is_end(item.token))
            except Exception as error:  # noqa: BLE001 (a stop rule's error is its own request's, nobody else's)
                self._finish(item.job, "cancelled")
                finished.append((item.job, error))
                continue
            if reason is not None:
                finished.append((item.job, self._finish(item.job, reason)))
        for group in groups:
            if group.wants_logits:
                finished.extend((job, self._finish(job, "length")) for job in group.jobs if job.request.max_tokens == 0)
        return finished

    def _finish(self, job: Job, reason: FinishReason) -> Completion:
        if job.sequence is not None:
            self.cache.release(job.sequence, job.request.keep_tokens)
            job.sequence = None
            self._running.remove(job)
        else:
            self._waiting.remove(job)
        return job.completion(reason)

    def _fail(self, job: Job, error: DecodeError) -> DecodeError:
        self.cache.discard(_sequence(job))
        job.sequence = None
        self._running.remove(job)
        return error

    def _account(self, groups: Sequence[_Group], model_seconds: float, other_seconds: float) -> None:
        """Share the time of a tick among its jobs by the rows they took; those who share a row share its time."""
        width = sum(len(group.jobs) for group in groups)
        num_rows = sum(len(group.tokens) for group in groups)
        for group in groups:
            part = len(group.tokens) / num_rows / len(group.jobs)
            for job in group.jobs:
                job.meter.add_tick(width=width, model_seconds=model_seconds * part, other_seconds=other_seconds * part)
        self.meter.add_tick(width=width, model_seconds=model_seconds, other_seconds=other_seconds)
        self.meter.forks = self.cache.forks
        self.meter.evictions += self.cache.evictions - self._evictions_seen
        self._evictions_seen = self.cache.evictions


def _sequence(job: Job) -> int:
    if job.sequence is None:
        raise DecodeError("a request was planned without a sequence")
    return job.sequence


def _rows(groups: Sequence[_Group]) -> list[Row]:
    rows: list[Row] = []
    for group in groups:
        sequences = tuple(_sequence(job) for job in group.jobs)
        start, last = group.jobs[0].evaluated, len(group.tokens) - 1
        rows.extend(
            Row(token=token, position=start + i, sequences=sequences, wants_logits=group.wants_logits and i == last)
            for i, token in enumerate(group.tokens)
        )
    return rows


def _draw_penalised(row: NDArray[np.float32], job: Job, uniform: float) -> int:
    penalised = penalise(row, job.seen_ids, job.request.sampling.repeat_penalty)[None]
    scores: Scores = score(penalised)
    return int(draw(penalised, scores, np.zeros(1, dtype=np.int64), [job.request.sampling], [uniform])[0])

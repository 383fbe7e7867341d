"""Continuous batching: many requests, one decode call a tick.

Each tick takes one token of every running request plus chunks of the prompts that wait, evaluates them together,
samples, and hands back the requests that are finished; what has ended is replaced at the next tick. Which tokens those are
is decided in `plan`; here they are evaluated, recorded, sampled from and accounted for.

The scheduler knows no llama.cpp and no asyncio: it drives a `Backend` and is called by one thread at a time. Three things
any thread may do, and they take effect at the next tick: call `submit` or `forget`, and set a job's `cancelled`.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Backend
from marco_cli.engine.base import Completion, FinishReason, Request
from marco_cli.engine.job import Job, Meter, TickScores
from marco_cli.engine.plan import Group, Planner, rows_of, sequence_of
from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.sampling import draw, num_candidates, penalise
from marco_cli.engine.scores import Scores, score
from marco_cli.errors import ContextOverflowError, DecodeError


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


class Scheduler:
    """The queue of requests, the batch, and the prefix cache of one backend."""

    def __init__(
        self,
        backend: Backend,
        *,
        max_num_seqs: int,
        context_size: int,
        num_idle_cells: int | None = None,
        pool: Executor | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.cache = PrefixCache(
            backend, num_sequences=backend.num_sequences, num_cells=backend.num_cells, num_idle_cells=num_idle_cells
        )
        self.max_num_seqs = min(max_num_seqs, backend.num_sequences, backend.max_rows)
        self.context_size = min(context_size, backend.num_cells)
        self.meter = Meter()
        self.spelling: dict[int, bytes] = {}
        """Bytes of control tokens that are to be spelt out."""
        self._planner = Planner(self.cache, self.meter, backend, max_num_seqs=self.max_num_seqs)
        self._backend = backend
        self._pool = pool
        self._clock = clock
        self._evictions_seen = 0
        self._inbox: deque[Job] = deque()
        self._done: deque[Sequence[int]] = deque()

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; control tokens are empty, but for those that are to be spelt out."""
        return self.spelling.get(token) or self._backend.piece(token)

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

    def free_suffixes(self, ids: Sequence[int]) -> None:
        """Give up what idle sequences hold of a prompt and of what was generated from it; see `PrefixCache.free_suffixes`."""
        self._done.append(ids)

    def reset_cache(self, ids: Sequence[int]) -> None:
        """Give up every prefix but the longest held one of `ids`, unless there is work."""
        if not self.has_work():
            self.cache.reset(ids)

    def has_work(self) -> bool:
        """Say whether a tick would do anything."""
        return bool(self._inbox) or not self._planner.is_empty

    def tick(self) -> Tick:
        """Evaluate and sample once."""
        started = self._clock()
        while self._done:
            self.cache.free_suffixes(self._done.popleft())
        while self._inbox:
            self._planner.add(self._inbox.popleft())
        # Before planning: what has been given up takes no rows, and its cells go to others.
        cancelled = [job for job in self._planner.jobs if job.cancelled]
        finished: list[tuple[Job, Completion | Exception]] = [
            (job, self._finish(job, "cancelled")) for job in cancelled
        ]
        groups = self._planner.plan()
        decoding = self._clock()
        try:
            logits = self._backend.decode(rows_of(groups)) if groups else None
            decoded = self._clock()
            if logits is None:  # interrupted: nothing was evaluated, and the same rows are planned again
                return Tick(finished=tuple(finished))
            self._commit(groups)
            sampled = self._sample([group for group in groups if group.wants_logits], logits)
        except DecodeError as error:
            finished.extend((job, self._fail(job, error)) for group in groups for job in group.jobs)
            return Tick(finished=tuple(finished))
        self._account(groups, decoded - decoding, self._clock() - started - (decoded - decoding))
        finished.extend(self._collect(groups, sampled))
        return Tick(sampled=tuple(sampled), finished=tuple(finished))

    def _commit(self, groups: Sequence[Group]) -> None:
        """Record what was evaluated."""
        for group in groups:
            self.cache.extend([sequence_of(job) for job in group.jobs], group.tokens)
            # The row is the leader's work; the others got it for nothing, which is counted as reuse.
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

    def _sample(self, groups: Sequence[Group], logits: NDArray[np.float32]) -> list[Sampled]:
        """Score the rows and draw a token for every job that may have one more."""
        if not groups:
            return []
        drawing = [(row, job) for row, group in enumerate(groups) for job in group.jobs if job.request.max_tokens]
        params = [job.request.sampling for _, job in drawing]
        scores = score(logits, num_candidates(params), self._pool)
        if not np.isfinite(scores.log_normaliser).all():  # one NaN among the logits makes it NaN
            raise DecodeError("the model computed logits that are not numbers: the file may be damaged")
        for row, group in enumerate(groups):
            for job in group.jobs:
                if job.request.probe_ids and not job.num_sampled:
                    job.probe = tuple(float(logits[row, i] - scores.log_normaliser[row]) for i in job.request.probe_ids)
        if not drawing:
            return []
        rows = np.asarray([row for row, _ in drawing], dtype=np.int64)
        # A greedy request draws nothing, so that its stream does not depend on how often it was sampled from.
        uniforms = [job.random.random() if job.request.sampling.temperature else 0.0 for _, job in drawing]
        ids = draw(logits, scores, rows, params, uniforms)
        for j, (row, job) in enumerate(drawing):
            if job.request.sampling.repeat_penalty != 1:
                ids[j] = _draw_penalised(logits[row], job, uniforms[j])
        logprobs = (logits[rows, ids] - scores.log_normaliser[rows]).tolist()
        kept = TickScores.of(scores)  # a copy: the logits are overwritten by the next call
        sampled = []
        for (row, job), token, logprob in zip(drawing, ids.tolist(), logprobs, strict=True):
            piece = self.piece(token)
            job.append(token, piece, logprob, kept, row)
            sampled.append(Sampled(job=job, token=token, piece=piece))
        self.meter.decoded += len(sampled)
        return sampled

    def _collect(self, groups: Sequence[Group], sampled: Sequence[Sampled]) -> list[tuple[Job, Completion | Exception]]:
        """Finish the requests that ended in this tick, in a fixed order."""
        finished: list[tuple[Job, Completion | Exception]] = []
        for item in sampled:
            try:
                reason = item.job.ending(is_end=self._backend.is_end(item.token))
            except Exception as error:  # noqa: BLE001 (a stop rule's error is its own request's alone)
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
        self._planner.leave(job)
        return job.completion(reason)

    def _fail(self, job: Job, error: DecodeError) -> DecodeError:
        self._planner.discard(job)
        return error

    def _account(self, groups: Sequence[Group], model_seconds: float, other_seconds: float) -> None:
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


def _draw_penalised(row: NDArray[np.float32], job: Job, uniform: float) -> int:
    penalised = penalise(row, job.seen_ids, job.request.sampling.repeat_penalty)[None]
    scores: Scores = score(penalised)
    return int(draw(penalised, scores, np.zeros(1, dtype=np.int64), [job.request.sampling], [uniform])[0])

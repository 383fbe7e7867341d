"""Who takes part in the next decode call, and with which tokens.

In: requests in the order in which they came, and the prefix cache that they share. Out: groups of tokens, each to be
evaluated once for all of its jobs. Requests that stand at the same prefix and need the same token share a group, a
prompt that another request is evaluating already is waited for and then forked, and where cells run out the youngest
request is preempted.

Planning opens and releases sequences but evaluates nothing: the scheduler extends the sequences afterwards, and tells which
requests have ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from marco_cli.engine.backend import Backend, Divided, Row
from marco_cli.engine.job import Job, Meter
from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.radix_tree import common_length
from marco_cli.errors import DecodeError

BUSY_CHUNK = 64
"""Prompt tokens evaluated a tick while others decode: long enough to amortise, short enough not to stall them.

Half of a call, where a call takes more than twice as many: 256 of a GPU's 512. A GPU reads the weights once a call, and
some hundred rows take little longer than one; in chunks of 64, a prompt of 2 000 tokens would need 31 ticks beside others.
"""

HEADROOM = 32
"""Cells kept free for each running request when another is admitted, or as many as it may still sample: with fewer, requests
would soon be preempted."""

WORTH_WAITING = 8
"""Shared prompt tokens for which a request waits until another one has evaluated them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Tokens evaluated once for all of its jobs: a chunk of one job's prompt, or one token that several jobs need."""

    jobs: list[Job]
    tokens: Sequence[int]
    wants_logits: bool


class Planner:
    """The requests that wait and those that run, at most `max_num_seqs` of them, over one prefix cache.

    What it reuses and preempts is counted in the jobs' meters and in `meter`.
    """

    def __init__(self, cache: PrefixCache, meter: Meter, backend: Backend, *, max_num_seqs: int) -> None:
        self._cache = cache
        self._meter = meter
        self._divided = backend if isinstance(backend, Divided) else None
        self._max_num_seqs = max_num_seqs
        self._max_rows = backend.max_rows
        self._busy_chunk = max(BUSY_CHUNK, backend.max_rows // 2)
        self._waiting: list[Job] = []
        self._running: list[Job] = []

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The requests that run, then those that wait."""
        return (*self._running, *self._waiting)

    @property
    def is_empty(self) -> bool:
        """Whether no request runs or waits."""
        return not (self._waiting or self._running)

    def add(self, job: Job) -> None:
        """Put a request at the end of the queue."""
        self._waiting.append(job)

    def leave(self, job: Job) -> None:
        """Take out a request that has ended; of what it evaluated, as much stays as it wants kept."""
        if job.sequence is not None:
            self._cache.release(job.sequence, job.request.keep_tokens)
            job.sequence = None
            self._running.remove(job)
        else:
            self._waiting.remove(job)

    def discard(self, job: Job) -> None:
        """Take out a running request that failed; nothing stays that is its own."""
        self._cache.discard(sequence_of(job))
        job.sequence = None
        self._running.remove(job)

    def plan(self) -> list[Group]:
        """Choose what the next decode call evaluates: decoding requests first, then chunks of prompts."""
        groups: list[Group] = []
        shared: dict[tuple[int, int], Group] = {}
        num_rows = 0
        # Texts have grown: in longer streams, of which there are fewer, not all of them can go on.
        while len(self._running) > max(1, self._width()):
            self._preempt(self._running[-1])
        # Decoding first: it is what users see, and one row each. The list is copied because planning may preempt.
        for job in list(self._running):
            if job.num_pending == 1 and job.sequence is not None:
                num_rows += self._plan_single(job, groups, shared, num_rows)
        limit = num_rows + self._busy_chunk if num_rows else self._max_rows
        limit = min(limit, self._max_rows)
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
        self._cache.trim(self._is_crowded)  # only now: a request that goes on from a finished one has been admitted
        return groups

    def _plan_single(self, job: Job, groups: list[Group], shared: dict[tuple[int, int], Group], num_rows: int) -> int:
        """Plan the one pending token of a job and return the rows that it adds: 0 if it shares one."""
        sequence = sequence_of(job)
        # Two sequences stand at the same node of the cache exactly if they hold the same prefix.
        key = (id(self._cache.end_of(sequence)), job.ids[-1])
        if key in shared:
            shared[key].jobs.append(job)
            return 0
        while not self._cache.make_room(num_rows + 1):
            youngest = self._running[-1]  # it has the least to lose, and the oldest is sure to end
            self._preempt(youngest)
            if youngest is job:
                return 0
        shared[key] = group = Group(jobs=[job], tokens=job.ids[-1:], wants_logits=True)
        groups.append(group)
        return 1

    def _plan_chunk(self, job: Job, groups: list[Group], num_rows: int, limit: int) -> int:
        """Plan the next part of a prompt and return its rows: fewer when cells are short, 0 when there are none."""
        while not self._cache.make_room(num_rows + 1):
            if groups or self._running[-1] is job:  # decoding may free cells: the prompt waits
                return 0
            self._preempt(self._running[-1])
        wanted = min(job.num_pending, limit - num_rows)
        self._cache.make_room(num_rows + wanted)  # as far as it goes: the chunk is as long as there is room
        size = min(wanted, self._cache.num_cells - self._cache.cells - num_rows)
        tokens = job.ids[job.evaluated : job.evaluated + size]
        groups.append(Group(jobs=[job], tokens=tokens, wants_logits=size == job.num_pending))
        return size

    def _admit(self) -> Job | None:
        """Admit the first request that may run, has room and nothing worth waiting for; None if no request has."""
        if len(self._running) >= self._max_num_seqs:
            return None
        for job in self._waiting:
            if self._should_wait(job):
                continue
            if len(self._running) >= self._width(job):  # no other is let past it, or a long prompt would never run
                return None
            needed = len(job.ids) - self._cache.pinned_length(job.ids)
            reserved = sum(other.num_pending + min(HEADROOM, other.num_left) for other in self._running)
            if self._running and self._cache.pinned + needed + reserved > self._cache.num_cells:
                return None
            # Without the last token: its row is what gives the logits to sample from, even if the memory holds it.
            opened = self._cache.open(job.ids[:-1])
            if opened is None:
                return None
            job.sequence, job.evaluated = opened
            job.meter.reused += job.evaluated
            job.meter.forks += job.evaluated > 0
            self._meter.reused += job.evaluated
            self._waiting.remove(job)
            self._running.append(job)
            return job
        return None

    def _is_crowded(self) -> bool:
        return self._divided is not None and self._divided.is_crowded

    def _width(self, *others: Job) -> int:
        """Return how many requests can be decoded together, by the longest of those that run and others."""
        if self._divided is None:
            return self._max_num_seqs
        return self._divided.width(max((len(job.ids) for job in (*self._running, *others)), default=0))

    def _should_wait(self, job: Job) -> bool:
        """Say whether a running request is about to evaluate a good part of this one's prompt."""
        if job.waits_for is not None:
            other, length = job.waits_for
            # One that was preempted or has ended evaluates nothing more.
            if other.sequence is not None and other.evaluated < length:
                return True
            job.waits_for = None
        held = self._cache.match_length(job.ids)
        for other in self._running:
            if other.num_pending > 1:
                length = min(
                    common_length(other.ids, job.ids), len(job.ids) - 1
                )  # the last one is evaluated in any case
                if length >= max(held, other.evaluated) + WORTH_WAITING:
                    job.waits_for = (other, length)
                    return True
        return False

    def _preempt(self, job: Job) -> None:
        """Preempt a running request by recomputation: it goes to the head of the queue, and what it sampled is evaluated again."""
        self._cache.release(sequence_of(job))
        job.sequence = None
        job.evaluated = 0
        job.meter.evictions += 1
        self._meter.evictions += 1
        self._running.remove(job)
        self._waiting.insert(0, job)  # before those that came later


def rows_of(groups: Sequence[Group]) -> list[Row]:
    """Return the rows of a decode call that evaluates the groups in their order."""
    rows: list[Row] = []
    for group in groups:
        sequences = tuple(sequence_of(job) for job in group.jobs)
        start, last = group.jobs[0].evaluated, len(group.tokens) - 1
        rows.extend(
            Row(token=token, position=start + i, sequences=sequences, wants_logits=group.wants_logits and i == last)
            for i, token in enumerate(group.tokens)
        )
    return rows


def sequence_of(job: Job) -> int:
    """Return the sequence of a job that runs.

    Raises:
        DecodeError: it does not run.
    """
    if job.sequence is None:
        raise DecodeError("a request was planned without a sequence")
    return job.sequence

"""A request on its way through the scheduler: its tokens so far, their scores, and what it has cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP, Completion, FinishReason, Request, Tokens, Usage
from marco_cli.engine.scores import Scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TickScores:
    """The scores of all rows of one tick, kept once and referred to by the jobs that read them."""

    top_ids: NDArray[np.int32]
    """[r, NUM_TOP]"""
    top_logprobs: NDArray[np.float32]
    """[r, NUM_TOP] nats"""
    entropy: NDArray[np.float32]
    """[r] nats"""

    @classmethod
    def of(cls, scores: Scores) -> "TickScores":
        """Keep what a completion needs of the scores of a tick."""
        return cls(
            top_ids=scores.candidate_ids[:, :NUM_TOP].astype(np.int32),
            top_logprobs=scores.top_logprobs(),
            entropy=scores.entropy,
        )


class Meter:
    """The counters of a `Usage`, added to every tick; `usage` reads them."""

    __slots__ = tuple(Usage.__slots__)

    def __init__(self) -> None:
        self.decoded = self.evaluated = self.evictions = self.forks = self.prefilled = self.reused = 0
        self.ticks = self.width_sum = 0
        self.model_seconds = self.other_seconds = 0.0

    def add_tick(self, *, width: int, model_seconds: float, other_seconds: float) -> None:
        """Add a tick taken part in together with `width - 1` others, and a share of its time."""
        self.ticks += 1
        self.width_sum += width
        self.model_seconds += model_seconds
        self.other_seconds += other_seconds

    def usage(self) -> Usage:
        """Return the counters as they stand."""
        return Usage(**{name: getattr(self, name) for name in self.__slots__})


class Job:
    """A request and its state; only the scheduler writes to it, except that anyone may set `cancelled`."""

    __slots__ = (
        "cancelled", "data", "evaluated", "forced_end", "ids", "logprobs", "meter", "probe", "random", "request",
        "scores", "sequence", "waits_for",
    )  # fmt: skip

    def __init__(self, request: Request) -> None:
        self.request = request
        self.ids = [*request.prompt_ids, *request.forced_ids]
        """Prompt, forced and sampled tokens."""
        self.forced_end = len(self.ids)
        """Where the sampled tokens begin."""
        self.sequence: int | None = None
        """The sequence of the KV memory, while running."""
        self.evaluated = 0
        """How many of `ids` are in the KV memory."""
        self.random = np.random.default_rng(request.seed)
        self.data = bytearray()
        """Bytes of the sampled tokens."""
        self.scores: list[tuple[TickScores, int]] = []
        """For each sampled token, the tick and the row that it was drawn from."""
        self.logprobs: list[float] = []
        self.probe: tuple[float, ...] = ()
        self.meter = Meter()
        self.cancelled = False
        self.waits_for: tuple[Job, int] | None = None
        """A job that evaluates the same prompt, and how many of its tokens are worth waiting for."""

    @property
    def num_sampled(self) -> int:
        """Tokens sampled so far."""
        return len(self.ids) - self.forced_end

    @property
    def num_left(self) -> int:
        """Tokens that it may still sample, at most."""
        return self.request.max_tokens - self.num_sampled

    @property
    def num_pending(self) -> int:
        """Tokens that must be evaluated before the next one can be sampled."""
        return len(self.ids) - self.evaluated

    @property
    def seen_ids(self) -> Sequence[int]:
        """The tokens that a repeat penalty looks at."""
        window = self.request.sampling.repeat_window
        return self.ids[-window:] if window else ()

    def append(self, token: int, piece: bytes, logprob: float, scores: TickScores, row: int) -> None:
        """Add a sampled token."""
        self.ids.append(token)
        self.data += piece
        self.scores.append((scores, row))
        self.logprobs.append(logprob)
        self.meter.decoded += 1

    def ending(self, *, is_end: bool) -> FinishReason | None:
        """Say whether and why the request ends with the token just appended."""
        if is_end:  # the rule is not asked: an end token has no bytes, and ends the reply whatever the rule says
            return "eos"
        rule = self.request.stop_when
        if rule is not None and rule(bytes(self.data), self.num_sampled):
            return "step"
        return "length" if self.num_sampled >= self.request.max_tokens else None

    def completion(self, reason: FinishReason) -> Completion:
        """Return what came of the request."""
        forced = Tokens.forced(self.request.forced_ids)
        sampled = Tokens(
            ids=np.asarray(self.ids[self.forced_end :], dtype=np.int32),
            is_sampled=np.ones(self.num_sampled, dtype=np.bool_),
            logprobs=np.asarray(self.logprobs, dtype=np.float32),
            top_ids=np.asarray([s.top_ids[r] for s, r in self.scores], dtype=np.int32).reshape(-1, NUM_TOP),
            top_logprobs=np.asarray([s.top_logprobs[r] for s, r in self.scores], dtype=np.float32).reshape(-1, NUM_TOP),
            entropy=np.asarray([s.entropy[r] for s, r in self.scores], dtype=np.float32),
        )
        return Completion(
            tokens=Tokens.concat([forced, sampled]),
            data=bytes(self.data),
            finish_reason=reason,
            probe_logprobs=self.probe,
            usage=self.meter.usage(),
        )

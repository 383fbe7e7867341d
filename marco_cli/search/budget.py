"""How much a search may spend, and when it must stop: simulations, decoded tokens, seconds, or because the user said so.

In: limits, a clock, a `Stop` flag. Out: yes or no, asked after every token. Tokens are counted in the engine's own thread
as they are sampled, so a budget is never exceeded by more than one token of each request in flight.
"""

import threading
from typing import Final

from marco_cli.search.base import Clock, StopReason

TIME_RESERVE: Final = 0.1
"""Share of the seconds kept for an answer by force, as long as there is none."""
FIRST_RESERVE: Final = 64
"""Tokens kept for the output of each rollout until the length of outputs is known."""


class Stop:
    """A flag that anyone may raise, from any thread: answer now from what there is."""

    __slots__ = ("is_set",)

    def __init__(self) -> None:
        self.is_set = False

    def set(self) -> None:
        """Ask the search for its answer."""
        self.is_set = True


class Budget:
    """Counts what a search spends and holds it against its limits. None is no limit."""

    def __init__(
        self,
        *,
        clock: Clock,
        stop: Stop,
        simulations: int | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        output_reserve: int = FIRST_RESERVE,
    ) -> None:
        self.max_simulations = simulations
        self.max_tokens = tokens
        self.max_seconds = seconds
        self.num_simulations = 0
        """Simulations that ended."""
        self.num_claimed = 0
        """Simulations that ended or are under way; those given up are taken back."""
        self.num_tokens = 0
        """Tokens decoded."""
        self.has_answer = False
        """Whether a reply with an output exists, so that no time need be kept for one."""
        self.num_thinking = 0
        """Rollouts in flight whose output has not begun."""
        self.num_rollouts = 0
        """Rollouts in flight."""
        self.is_verified = False
        """Whether a check has found an answer right: nothing else is wanted then."""
        self._grace_end: int | None = None
        self._clock = clock
        self._started = clock()
        self._stop = stop
        self._lock = threading.Lock()
        self._reserve = min(FIRST_RESERVE, output_reserve)
        self._longest_output = 0

    def resume(self, num_simulations: int) -> None:
        """Begin with simulations that an earlier search made: they count, what they cost does not."""
        self.num_simulations = self.num_claimed = num_simulations

    @property
    def seconds(self) -> float:
        """Time since the search began."""
        return self._clock() - self._started

    @property
    def reserve(self) -> int:
        """Tokens to keep for one output by force; at most a quarter of all."""
        wanted = self._longest_output + self._longest_output // 4 + 8 if self._longest_output else self._reserve
        return wanted if self.max_tokens is None else min(wanted, self.max_tokens // 4)

    def learn_output(self, num_tokens: int) -> None:
        """Remember how long outputs are."""
        self.has_answer = True
        self._longest_output = max(self._longest_output, num_tokens)

    def count(self, num_tokens: int) -> None:
        """Add decoded tokens; called from the engine's thread and from the event loop."""
        with self._lock:
            self.num_tokens += num_tokens

    def begin_rollout(self) -> None:
        """Count a rollout that begins in its thought."""
        with self._lock:
            self.num_thinking += 1
            self.num_rollouts += 1

    def begin_output(self) -> None:
        """Count a rollout whose output begins."""
        with self._lock:
            self.num_thinking -= 1

    def end_rollout(self, *, was_output: bool) -> None:
        """Count a rollout that is over."""
        with self._lock:
            self.num_rollouts -= 1
            self.num_thinking -= 0 if was_output else 1

    def spent(self) -> StopReason | None:
        """Say which limit is reached, if any, leaving simulations aside."""
        if self.is_verified:
            return "verified"
        if self._stop.is_set:
            return "stopped"
        if self.max_tokens is not None and self.num_tokens >= self.max_tokens:
            return "tokens"
        if self.max_seconds is not None and self.seconds >= self.max_seconds:
            return "time"
        return None

    def refusal(self) -> StopReason | None:
        """Say why nothing new may be begun, if so."""
        if not self.is_verified and self.max_simulations is not None and self.num_claimed >= self.max_simulations:
            return "simulations"
        return self.spent() or ("tokens" if self.is_tight() else None)

    def is_tight(self) -> bool:
        """Say whether what is left is needed for the outputs of what is in flight, and of one more."""
        return self.spent() is not None or self._is_low(self.num_thinking + 1)

    def claim(self, *, is_needed: bool = False) -> StopReason | None:
        """Begin one more simulation, or say why not; one that is needed begins also when tokens or time are used up."""
        reason = self.refusal()
        if reason is not None and (reason == "simulations" or not is_needed):
            return reason
        self.num_claimed += 1
        return None

    def settle(self, *, is_done: bool) -> None:
        """End a claimed simulation; one that was given up does not count."""
        if is_done:
            self.num_simulations += 1
        else:
            self.num_claimed -= 1

    def must_stop(self, is_output: bool) -> bool:  # noqa: FBT001  # the signature of `rollout.Brake`
        """Say whether a rollout must stop: its output at the limit, its thought in time to leave room for an output.

        The first output of all is let to go on for `reserve` tokens after the time is up or the search was stopped:
        until then there is nothing to show.
        """
        reason = self.spent()
        if is_output:
            return reason is not None and (reason == "tokens" or self.has_answer or not self._has_grace())
        is_late = self.max_seconds is not None and self.seconds >= (1 - TIME_RESERVE) * self.max_seconds
        return reason is not None or self._is_low(self.num_thinking) or (is_late and not self.has_answer)

    def output_room(self) -> int:
        """Return how many tokens an output by force may have; the first answer is worth its reserve even at the end."""
        if self.has_answer and self.spent() is not None:
            return 0
        return self.reserve if self.max_tokens is None else min(self.reserve, self.max_tokens - self.num_tokens)

    def _has_grace(self) -> bool:
        if self._grace_end is None:
            self._grace_end = self.num_tokens + self.reserve * max(1, self.num_rollouts)
        return self.num_tokens < self._grace_end

    def _is_low(self, num_rollouts: int) -> bool:
        if self.max_tokens is None:
            return False
        return self.max_tokens - self.num_tokens <= self.reserve * num_rollouts

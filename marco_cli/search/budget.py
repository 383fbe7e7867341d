"""How much a search may spend, and when it must stop: simulations, decoded tokens, seconds, or because the user said so.

In: limits, a clock, a `Stop` flag. Out: yes or no, asked after every token. Tokens are counted in the engine's own thread
as they are sampled, so a budget is never exceeded by more than one token of each request in flight.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        # The longest output so far and a quarter more: what is cut by force is worth little.
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
        # What a check found right is the reason to tell, whatever else is used up.
        if not self.is_verified and self.max_simulations is not None and self.num_claimed >= self.max_simulations:
            return "simulations"
        return self.spent() or ("tokens" if self.is_tight() else None)

    def is_tight(self) -> bool:
        """Say whether what is left is needed for the outputs of what is in flight, and of one more."""
        return self.spent() is not None or self.is_low(self.num_thinking + 1)

    def begin_simulation(self, *, is_needed: bool = False) -> StopReason | None:
        """Begin one more simulation, or say why not; one that is needed begins also when tokens or time are used up."""
        reason = self.refusal()
        # Even where a reply is needed there are no more simulations than were asked for.
        if reason is not None and (reason == "simulations" or not is_needed):
            return reason
        self.num_claimed += 1
        return None

    def end_simulation(self, *, is_done: bool) -> None:
        """End a simulation; one that was given up does not count."""
        if is_done:
            self.num_simulations += 1
        else:
            self.num_claimed -= 1

    def is_late(self) -> bool:
        """Say whether a thought must end now for there to be time for a first answer."""
        is_late = self.max_seconds is not None and self.seconds >= (1 - TIME_RESERVE) * self.max_seconds
        return is_late and not self.has_answer

    def has_grace(self) -> bool:
        """Say whether the first outputs of all may go on for `reserve` tokens after the end: until then there is nothing to show."""
        if self._grace_end is None:  # counted from the first time that it is asked for: the moment of the end
            self._grace_end = self.num_tokens + self.reserve * max(1, self.num_rollouts)
        return self.num_tokens < self._grace_end

    def is_low(self, num_rollouts: int) -> bool:
        """Say whether the tokens that are left are needed for the outputs of so many rollouts."""
        if self.max_tokens is None:
            return False
        return self.max_tokens - self.num_tokens <= self.reserve * num_rollouts

    @contextmanager
    def rollout(self) -> "Iterator[RolloutBudget]":
        """Count a rollout for as long as it lasts; it begins in its thought."""
        share = RolloutBudget(self)
        self._count_rollout(1, thinking=1)
        try:
            yield share
        finally:
            self._count_rollout(-1, thinking=0 if share.is_output else -1)

    def begin_output(self) -> None:
        """Count a rollout whose output begins."""
        self._count_rollout(0, thinking=-1)

    def _count_rollout(self, change: int, *, thinking: int) -> None:
        with self._lock:
            self.num_rollouts += change
            self.num_thinking += thinking


class RolloutBudget:
    """What one rollout may spend: `RolloutLimits` that hold it against the budget of its search."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.is_output = False
        """Whether its output has begun."""
        self.is_given_up = False
        """Whether the budget has ended it."""

    def must_stop(self, is_output: bool) -> bool:  # noqa: FBT001  # see `RolloutLimits`
        """Say whether it must stop: its output at the limit, its thought in time to leave room for an output."""
        budget = self._budget
        if is_output and not self.is_output:
            self.is_output = True
            budget.begin_output()
        reason = budget.spent()
        if is_output:
            must_stop = reason is not None and (reason == "tokens" or budget.has_answer or not budget.has_grace())
        else:
            must_stop = budget.is_late() or reason is not None or budget.is_low(budget.num_thinking)
        self.is_given_up = self.is_given_up or must_stop
        return must_stop

    def output_room(self) -> int:
        """Return how many tokens an output by force may have; the first answer is worth its reserve even at the end."""
        budget = self._budget
        room = 0 if budget.has_answer and budget.spent() is not None else budget.reserve
        if room and budget.max_tokens is not None:
            room = min(room, budget.max_tokens - budget.num_tokens)
        self.is_given_up = self.is_given_up or room < 1
        return room

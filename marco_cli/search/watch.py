"""What is asked after each token of a reply that is being written: whether its request ends here, and why.

In: the tokens of one request, as the engine's thread samples them. Out: `True` once, and the reason. A `Watch` is the
`Request.stop_when` of a rollout.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from marco_cli.engine.base import Tokens
from marco_cli.search import StepMode
from marco_cli.search.correction import Slip, find_slip, is_pause
from marco_cli.search.limits import RolloutLimits
from marco_cli.search.program import closed_program
from marco_cli.search.reader import Reader
from marco_cli.search.repetition import Repetition
from marco_cli.search.steps import Cutter

EndingReason = Literal["slip", "program", "over", "loop", "budget", "thought", "step"]
"""False arithmetic; a program is there to be run; the reply has ended; it repeats itself; its limits; its thought is as long as it may be; a step ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepListener:
    """Who wants to see a reply while it is written, step by step."""

    mode: StepMode
    """Where a step ends."""
    hear: Callable[[Tokens], None]
    """Gets the whole reply so far, with its scores, after each step but the last."""


class Watch:
    """The stop rule of one request of a reply."""

    def __init__(
        self,
        reader: Reader,
        repetition: Repetition,
        *,
        num_before: int,
        thought_end: int,
        kept: int | None,
        is_program: bool,
        is_output: bool,
        limits: RolloutLimits | None,
        cutter: Cutter | None,
    ) -> None:
        """Begin a request of the reply that the `reader` follows, and that has `num_before` tokens.

        It may have `thought_end` before its output begins; with `is_output` an output by force is being written, whatever the reader
        says. In its first `kept` bytes nothing is put right; None leaves false arithmetic alone. With
        `is_program` the request ends when the block of the reply's program is closed; with a `cutter`, each step is a
        request.
        """
        self.reason: EndingReason | None = None
        self.slip: Slip | None = None
        """The false arithmetic that ended the request."""
        self._reader = reader
        self._repetition = repetition
        self._num_before = num_before
        self._thought_end = thought_end
        self._kept = kept
        self._is_program = is_program
        self._is_output = is_output
        self._limits = limits
        self._cutter = cutter
        self._num_fed = 0

    def __call__(self, data: bytes, num_sampled: int) -> bool:
        """Look at the newest token; say whether the request ends with it."""
        num_new = self._feed(data)
        # Steps are counted in tokens, so this one counts even where something else ends the request.
        is_step_over = self._cutter is not None and self._cutter.feed(num_new)
        is_looping = self._repetition.feed(data[len(data) - num_new :])
        self.reason = self._ending(num_new, self._num_before + num_sampled, is_looping=is_looping)
        if self.reason is None and is_step_over:
            self.reason = "step"
        return self.reason is not None

    def finish(self, data: bytes, *, is_eos: bool) -> None:
        """Read what the request ended with: it is not asked about the token that ends a reply."""
        self._feed(data)
        if self._kept is not None and (is_eos or self._reader.is_over):
            self.slip = find_slip(self._reader.data, kept=self._kept, is_recent=True)

    def _feed(self, data: bytes) -> int:
        """Give the reader what of the request's bytes it has not read yet; return how many they are."""
        piece = data[self._num_fed :]
        if piece:
            self._reader.feed(piece)
            self._num_fed = len(data)
        return len(piece)

    def _ending(self, num_new: int, num_tokens: int, *, is_looping: bool) -> EndingReason | None:
        reader = self._reader
        if self._kept is not None and is_pause(reader.text, num_new=num_new):
            self.slip = find_slip(reader.data, kept=self._kept, is_recent=True)
            if self.slip is not None:
                return "slip"
        if self._is_program and closed_program(reader.data) is not None:
            return "program"
        if is_looping or reader.is_over:
            return "loop" if is_looping else "over"
        # Asked of every token, for the limits count the rollouts whose output has not begun.
        if self._limits is not None and self._limits.must_stop(reader.has_output or self._is_output):
            return "budget"
        is_long = num_tokens >= self._thought_end and reader.is_thinking
        if not self._is_output and (is_long or reader.has_thought_enough(num_tokens)):
            return "thought"
        return None

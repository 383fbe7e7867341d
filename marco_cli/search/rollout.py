"""From a token prefix to a finished reply.

In: a problem, the part of the reply that exists already, and how to sample. Out: a `Reply`. This is how every strategy
and the plain chain of `marco ask` generate; nothing here knows trees, budgets or votes.

Text never decides what the next prefix is: prefixes are token ids, and the text is only read to see in which section the
reply stands. A thought that does not end by itself is closed by force: its closing tag and the opening tag of the output
are fed as forced tokens and the output is written from a reserve, so that a paid rollout always yields an answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from marco_cli.answer.plausibility import is_plausible
from marco_cli.engine.base import (
    GREEDY,
    Completion,
    FinishReason,
    ModelInfo,
    Request,
    SamplingParams,
    StopRule,
    TokenListener,
    Tokens,
)
from marco_cli.errors import ContextOverflowError
from marco_cli.reward.signals import measure
from marco_cli.search import StepMode
from marco_cli.search.base import Problem, Reply
from marco_cli.search.correction import MOST, Slip, cut, find_slip, is_pause
from marco_cli.search.open_ended import comparable_answer
from marco_cli.search.reader import Reader, answer_rows, read_sections, read_whole
from marco_cli.search.repetition import Repetition
from marco_cli.search.seeds import derive_seed
from marco_cli.search.steps import step_rule
from marco_cli.sections import THINK, Tags
from marco_cli.sections.format import any_mark

NOTHING = Tokens.forced(())
"""A reply that has not begun."""

Brake = Callable[[bool], bool]
"""`brake(is_output)`: must this rollout stop now? Asked after each token; `is_output` once its output has begun."""

Room = Callable[[], int]
"""How many more tokens a forced output may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepListener:
    """Who wants to see a reply while it is written, step by step."""

    mode: StepMode
    """Where a step ends."""
    hear: Callable[[Tokens], None]
    """Gets the whole reply so far, with its scores, after each step but the last."""


class Decoder(Protocol):
    """The part of an engine that a rollout needs."""

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        ...

    @property
    def context_size(self) -> int:
        """Tokens that one request may have."""
        ...

    def tokenize(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the ids of a text."""
        ...

    def detokenize(self, ids: Sequence[int]) -> bytes:
        """Return the bytes of the ids."""
        ...

    async def generate(self, request: Request, on_token: TokenListener | None = None) -> Completion:
        """Continue a prefix."""
        ...


LONGEST_REPLY: Final = 16_384
"""Tokens of a reply where nothing else is said. Some models never end, and would fill a context of 128k tokens, for hours on
a CPU. Model cards ask for up to 40 960 for the hardest problems, which `max_tokens` allows. A thought that is cut here
gets an output like any other."""


def forced_close(problem: Problem, *, is_thought_closed: bool = False) -> str:
    """Return the text that ends a thought and opens the output; "" when the format leaves nothing to write."""
    return problem.tags.closing(is_thought_closed=is_thought_closed, phrase=problem.closing_phrase)


def reply_limit(problem: Problem, context_size: int) -> int:
    """Return how many tokens a reply may have in a context of `context_size`.

    Raises:
        ContextOverflowError: the prompt leaves no room, or less than `Problem.max_tokens`.

    """
    room = context_size - len(problem.prompt_ids)
    wanted = problem.max_tokens or 1
    if wanted > room:
        raise ContextOverflowError(
            prompt_tokens=len(problem.prompt_ids), wanted_tokens=wanted, context_size=context_size
        )
    return min(room, LONGEST_REPLY) if problem.max_tokens is None else problem.max_tokens


def thought_limit(problem: Problem, engine: Decoder) -> int:
    """Return how many tokens a reply may have before its thought is closed by force."""
    limit = reply_limit(problem, engine.context_size)
    # A reply that may still show a format needs about as much room as one of the usual format.
    tags = THINK if problem.tags.is_like(Tags()) and not problem.tags.is_fixed else problem.tags
    closing = engine.tokenize(tags.closing(phrase=problem.closing_phrase), special=True)
    return limit - min(problem.output_reserve, limit // 2) - len(closing) if closing else limit


async def rollout(
    problem: Problem,
    *,
    engine: Decoder,
    prefix: Tokens = NOTHING,
    forced_ids: tuple[int, ...] = (),
    sampling: SamplingParams = GREEDY,
    seed: int = 0,
    on_token: TokenListener | None = None,
    brake: Brake | None = None,
    room: Room | None = None,
    on_step: StepListener | None = None,
    is_corrected: bool = False,
) -> Reply:
    """Continue `prefix` + `forced_ids` to the end of the reply.

    Args:
        problem: the prompt and the format of its reply.
        engine: who generates.
        prefix: the reply so far; it keeps its scores.
        forced_ids: fed before sampling begins, unscored (a reflection phrase).
        sampling: how tokens are drawn, also in the output after a forced close.
        seed: the random stream of the rollout.
        on_token: hears every new token, forced ones included.
        brake: may end the thought, which is then closed by force, and cut the output.
        room: how many tokens the output after a forced close may have at most; 0 gives the rollout up, and the reply
            comes back truncated and without an output.
        on_step: sees the reply grow. Every step is then a request of its own, so the sampling must be greedy: a random
            stream would begin anew with each.
        is_corrected: whether false arithmetic is put right as soon as it is written: the reply is cut before the wrong number,
            and goes on behind the right one, which is forced. `on_token` has heard what was cut.

    Raises:
        ContextOverflowError: the prompt leaves no room for a reply.
        DecodeError: the model refused to evaluate it.

    """
    limit = reply_limit(problem, engine.context_size)
    growing = _Growing(
        problem=problem,
        engine=engine,
        sampling=sampling,
        seed=seed,
        on_token=on_token,
        brake=brake,
        on_step=on_step,
        is_corrected=is_corrected,
        tokens=prefix,
    )
    reserve = min(problem.output_reserve, limit // 2)
    used = len(prefix) + len(forced_ids)
    if forced_ids or not growing.has_ended_before():
        await growing.sample(forced_ids, max_tokens=limit - used, thought_tokens=thought_limit(problem, engine) - used)
    if growing.lacks_output:
        left = limit - len(growing.tokens) - len(engine.tokenize(growing.closing, special=True))
        most = left if room is None else room()
        # The reserve is for thoughts that left no more; an output after one that ended early is braked as any other.
        allowance = left if most > 0 and growing.is_thought_used_up else min(reserve, left, most)
        await growing.close_by_force(max_tokens=allowance)
    return growing.reply()


def read_reply(problem: Problem, *, engine: Decoder, tokens: Tokens) -> Reply:
    """Return the reply that consists of these tokens and has ended with the last of them."""
    return _Growing(problem=problem, engine=engine, tokens=tokens, finish_reason="eos").reply()


@dataclass(slots=True, kw_only=True)
class _Growing:
    """A reply on its way to its end."""

    problem: Problem
    engine: Decoder
    tokens: Tokens
    sampling: SamplingParams = GREEDY
    seed: int = 0
    on_token: TokenListener | None = None
    brake: Brake | None = None
    on_step: StepListener | None = None
    is_corrected: bool = False
    data: bytes = field(init=False)
    finish_reason: FinishReason = "length"
    is_forced: bool = False
    _slip: Slip | None = None
    """False arithmetic that ended the last request."""
    _num_slips: int = 0
    _num_fixed: int = field(init=False)
    """Bytes that were there before, or were forced: no slip in them is put right."""
    _is_paused: bool = False
    """Whether the last request ended because a step did, and the reply goes on."""
    _is_looping: bool = False
    """Whether the reply says the same again and again."""
    _has_ended_in_thought: bool = False
    """Whether the model ended the reply before its output."""
    _reader: Reader = field(init=False)
    _repetition: Repetition = field(init=False, default_factory=Repetition)

    def __post_init__(self) -> None:
        self.data = self.engine.detokenize(self.tokens.ids.tolist())
        self._num_fixed = len(self.data)
        self._reader = Reader(self.problem)
        self._reader.feed(self.data)

    def has_ended_before(self) -> bool:
        """Say whether the prefix is a whole reply: what comes after its end would not be part of it."""
        has_end = any(token in self.engine.info.eos_ids for token in self.tokens.ids[-1:].tolist())
        if self._reader.is_over or has_end:
            self.finish_reason = "eos"
        return self.is_ended

    async def sample(self, forced_ids: tuple[int, ...], *, max_tokens: int, thought_tokens: int) -> None:
        """Feed `forced_ids`, then sample to the end of the reply, at most so many tokens in all and of the thought."""
        self._feed_forced(forced_ids)
        is_stopped = self.brake is not None and self.brake(self._reader.has_output or self.is_forced)
        if is_stopped or max_tokens < 1 or self._has_thought_enough(len(self.tokens) + len(forced_ids)):
            self.tokens = Tokens.concat((self.tokens, Tokens.forced(forced_ids)))
            return
        end = len(self.tokens) + len(forced_ids) + max_tokens
        thought_end = end - max_tokens + thought_tokens
        await self._sample_on(forced_ids, end=end, thought_end=thought_end)
        await self._put_right(end=end, thought_end=thought_end)
        while self._is_paused and self.on_step is not None:
            if len(self.tokens) >= end:
                self.finish_reason = "length"
                return
            self.on_step.hear(self.tokens)
            await self._sample_on((), end=end, thought_end=thought_end)

    async def _sample_on(self, forced_ids: tuple[int, ...], *, end: int, thought_end: int) -> None:
        """Make one request; the reply may have `end` tokens, and `thought_end` before its output begins."""
        num_before = len(self.tokens) + len(forced_ids)
        request = Request(
            prompt_ids=(*self.problem.prompt_ids, *self.tokens.ids.tolist()),
            forced_ids=forced_ids,
            max_tokens=end - num_before,
            sampling=self.sampling,
            seed=derive_seed(self.seed, b"", self._num_slips) if self._num_slips else self.seed,
            stop_when=self._stop_rule(num_before, thought_end),
        )
        completion = await self.engine.generate(request, self.on_token)
        self._reader.feed_to(completion.data)
        self.tokens = Tokens.concat((self.tokens, completion.tokens))
        self.data += completion.data
        self.finish_reason = completion.finish_reason
        self._is_paused = self._is_paused and completion.finish_reason == "step"
        if self._may_be_corrected and (completion.finish_reason == "eos" or self._reader.is_over):
            self._slip = find_slip(self.data, kept=self._num_fixed, is_recent=True)

    async def _put_right(self, *, end: int, thought_end: int) -> None:
        """Go on behind the right number for as long as a wrong one ends the request."""
        while self._slip is not None:
            self._num_slips += 1
            forced_ids = self._cut_at(self._slip)
            self._feed_forced(forced_ids)
            if len(self.tokens) + len(forced_ids) >= end:
                self.tokens = Tokens.concat((self.tokens, Tokens.forced(forced_ids)))
                self.finish_reason = "length"
                return
            await self._sample_on(forced_ids, end=end, thought_end=thought_end)

    @property
    def _may_be_corrected(self) -> bool:
        return self.is_corrected and self._num_slips < MOST

    def _cut_at(self, slip: Slip) -> tuple[int, ...]:
        """Take back what was written from a wrong number on; return the tokens of the right one."""
        place = cut(slip, ids=self.tokens.ids.tolist(), data=self.data, vocabulary=self.engine)
        self.tokens, self.data = self.tokens[: place.num_tokens], self.data[: place.num_bytes]
        self._reader = Reader(self.problem)
        self._reader.feed(self.data)
        return place.forced_ids

    @property
    def is_ended(self) -> bool:
        """Whether the reply ended as replies of its format do, with nothing cut off."""
        return self._reader.is_over or self.finish_reason in ("eos", "stop")

    @property
    def closing(self) -> str:
        """What is to be written to get an output: as much of the format's closing as the reply does not have yet."""
        sections = read_sections(self.problem, self.data)
        is_closed = sections.closed and not self._reader.is_thought_open
        return self._reader.tags.closing(is_thought_closed=is_closed, phrase=self.problem.closing_phrase)

    @property
    def lacks_output(self) -> bool:
        """Whether an output must be forced: the thought did not end by itself, or nothing came after it."""
        return self._may_lack_output and not read_sections(self.problem, self.data).has_output

    @property
    def _may_lack_output(self) -> bool:
        """Whether no output has begun, which in doubt only the whole reply tells."""
        if self.finish_reason == "cancelled" or self._reader.is_over or not self._reader.tags.closing():
            return False
        return not self._reader.has_output

    @property
    def is_thought_used_up(self) -> bool:
        """Whether the thought was ended for its own sake: it had all its tokens, or fell into a loop."""
        return self._is_looping or self._has_thought_enough(len(self.tokens))

    def _has_thought_enough(self, num_tokens: int) -> bool:
        """Say whether a thought is open that has had the tokens that it may have."""
        most = self.problem.max_thought_tokens
        return most is not None and self._reader.is_thought_open and num_tokens >= most

    async def close_by_force(self, *, max_tokens: int) -> None:
        """End the thought and sample an output of at most `max_tokens`; below 1, leave the reply without one."""
        self.on_step = None  # steps are counted from the forced tags on, which only the whole reply shows
        if max_tokens < 1:
            self.finish_reason = "length" if self.is_ended else self.finish_reason
            return
        self._has_ended_in_thought = self.is_ended
        if self.finish_reason == "eos":
            self.tokens = self.tokens[:-1]
        text = self.closing
        self.is_forced = True
        self._repetition = Repetition()
        self._num_fixed = len(self.data)  # a thought that is cut may end inside a number
        await self.sample(self.engine.tokenize(text, special=True), max_tokens=max_tokens, thought_tokens=max_tokens)

    def reply(self) -> Reply:
        """Return what has come of it."""
        pieces = [self.engine.detokenize((token,)) for token in self.tokens.ids.tolist()]
        sections, lengths = read_whole(self.problem, pieces, self.tokens.is_sampled.tolist())
        is_unaware = self._has_ended_in_thought and not self._reader.has_marks and not sections.tags.output_open
        if is_unaware and not sections.output:
            # The model knows nothing of the thought that the prompt opened: what it said is its answer.
            sections = replace(sections, thought="", output=sections.thought)
        lacks = self._may_lack_output and not sections.output
        output = "" if lacks else sections.output
        answer = (
            None
            if self.problem.is_free_form or not output
            else comparable_answer(output, question=self.problem.question)
        )
        is_forced = self._is_closed_by_force()
        # A thought that was closed by force may end inside a number.
        thought = sections.thought.rpartition("\n")[0] if is_forced else sections.thought
        rows = None if answer is None else answer_rows(pieces, output, answer)
        return Reply(
            tokens=self.tokens,
            data=self.data,
            thought=sections.raw if lacks and not sections.thought else sections.thought,
            output=output,
            answer=answer,
            num_thought_tokens=lengths[0],
            num_output_tokens=lengths[1],
            finish_reason="loop" if self._is_looping else self.finish_reason,
            is_forced=is_forced,
            is_truncated=self._is_looping or not self.is_ended,
            has_tags=self._reader.has_tags,
            tags=None if sections.tags.is_like(self.problem.tags) else sections.tags,
            signals=measure(
                self.tokens,
                answer=rows,
                text=f"{thought}\n{output}",
                is_plausible=answer is None or is_plausible(answer, self.problem.question),
            ),
        )

    def _is_closed_by_force(self) -> bool:
        """Say whether tags are among the forced tokens: also those of a prefix that another rollout left behind."""
        forced = self.engine.detokenize(self.tokens.ids[~self.tokens.is_sampled].tolist()).decode(errors="replace")
        return any_mark(self._reader.tags).search(forced) is not None

    def _feed_forced(self, ids: tuple[int, ...]) -> None:
        for token in ids:
            piece = self.engine.detokenize((token,))
            self.data += piece
            self._reader.feed(piece, is_forced=True)
            if self.on_token is not None:
                self.on_token(token, piece)

    def _stop_rule(self, num_before: int, thought_end: int) -> StopRule:
        reader, brake, is_forced, repetition = self._reader, self.brake, self.is_forced, self._repetition
        num_fed = 0
        reader.begin()
        self._is_paused = False
        self._slip = None
        step = None
        if self.on_step is not None:
            step = step_rule(self.on_step.mode, self.problem.tags, before=self.problem.prefill.encode() + self.data)

        def is_end(data: bytes, num_sampled: int) -> bool:
            nonlocal num_fed
            reader.feed_to(data)
            is_output = reader.has_output or is_forced
            is_step_over = step is not None and step(data, num_sampled)
            piece, num_fed = data[num_fed:], len(data)
            is_looping = repetition.feed(piece)
            self._is_looping = self._is_looping or is_looping
            if self._may_be_corrected and is_pause(data, num_new=len(piece)):
                self._slip = find_slip(self.data + data, kept=self._num_fixed, is_recent=True)
                if self._slip is not None:
                    return True
            if reader.is_over or is_looping or (brake is not None and brake(is_output)):
                return True
            is_long = num_before + num_sampled >= thought_end and reader.is_thinking
            if not is_forced and (is_long or self._has_thought_enough(num_before + num_sampled)):
                return True
            self._is_paused = is_step_over
            return is_step_over

        return is_end

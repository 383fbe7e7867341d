"""A reply on its way to its end: sampled, put right, closed by force, and read when it is over.

Text never decides what the next prefix is: prefixes are token ids, and the text is only read to see in which section the
reply stands.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from marco_cli.answer import Answer
from marco_cli.answer.language import is_chinese
from marco_cli.answer.plausibility import is_plausible
from marco_cli.engine.base import GREEDY, FinishReason, Request, SamplingParams, TokenListener, Tokens
from marco_cli.reward.signals import Signals, measure
from marco_cli.search.base import Problem, Reply
from marco_cli.search.correction import MOST, Slip, cut
from marco_cli.search.decoder import Decoder
from marco_cli.search.limits import RolloutLimits
from marco_cli.search.open_ended import comparable_answer
from marco_cli.search.program import MOST_TOKENS, Interpreter, closed_program, conclusion, is_program
from marco_cli.search.reader import Reader, answer_rows, read_whole
from marco_cli.search.repetition import Repetition
from marco_cli.search.seeds import derive_seed
from marco_cli.search.steps import Cutter
from marco_cli.search.watch import StepListener, Watch
from marco_cli.sections import Sections
from marco_cli.sections.format import any_mark_in_bytes


class _Whole(NamedTuple):
    """A reply that was read as a whole."""

    tokens: Tokens
    pieces: list[bytes]
    """The bytes of each token."""
    sections: Sections
    num_thought_tokens: int
    num_output_tokens: int
    """Sampled ones."""


@dataclass(slots=True, kw_only=True)
class GrowingReply:
    """The tokens of a reply so far, and how it goes on."""

    problem: Problem
    engine: Decoder
    tokens: Tokens
    sampling: SamplingParams = GREEDY
    seed: int = 0
    on_token: TokenListener | None = None
    limits: RolloutLimits | None = None
    on_step: StepListener | None = None
    is_corrected: bool = False
    interpreter: Interpreter | None = None
    finish_reason: FinishReason = "length"
    is_forced: bool = False
    """Whether its thought was closed by force: what follows is output."""
    _num_slips: int = 0
    _num_fixed: int = field(init=False)
    """Bytes that were there before, or were forced: no slip in them is put right."""
    _is_looping: bool = False
    """Whether the reply says the same again and again."""
    _has_failed: bool = False
    """Whether it was to answer with a program and has no answer of it."""
    _has_ended_in_thought: bool = False
    """Whether the model ended the reply before its output."""
    _reader: Reader = field(init=False)
    _repetition: Repetition = field(init=False, default_factory=Repetition)
    _whole: "_Whole | None" = None
    """What was read last."""

    def __post_init__(self) -> None:
        self._read_anew(self.engine.detokenize(self.tokens.ids.tolist()))
        self._num_fixed = len(self._reader.data)

    def _read_anew(self, data: bytes) -> None:
        self._reader = Reader(self.problem)
        self._reader.feed(data)

    def has_ended_before(self) -> bool:
        """Say whether the prefix is a whole reply: what comes after its end would not be part of it."""
        # An end token says nothing, so that the reader cannot have seen it.
        has_end = any(token in self.engine.info.eos_ids for token in self.tokens.ids[-1:].tolist())
        if self._reader.is_over or has_end:
            self.finish_reason = "eos"
        return self.is_ended

    async def sample(self, forced_ids: tuple[int, ...], *, max_tokens: int, thought_tokens: int) -> None:
        """Feed `forced_ids`, then sample to the end of the reply, at most so many tokens in all and of the thought."""
        self._feed_forced(forced_ids)
        begin = len(self.tokens) + len(forced_ids)
        end, thought_end = begin + max_tokens, begin + thought_tokens
        is_stopped = self.limits is not None and self.limits.must_stop(self._reader.has_output or self.is_forced)
        if is_stopped or self._reader.has_thought_enough(begin):
            end = begin  # nothing is sampled, but what is forced stays part of the reply
        if self._runs:
            await self._answer_with_program(forced_ids, end=min(end, begin + MOST_TOKENS))
            return
        while begin < end:
            watch = await self._request(forced_ids, end=end, thought_end=thought_end)
            forced_ids = () if watch.slip is None else self._put_right(watch.slip)
            begin = len(self.tokens) + len(forced_ids)
            if watch.slip is None and watch.reason != "step":
                return
            if begin >= end:
                self.finish_reason = "length"
            elif watch.slip is None and self.on_step is not None:
                self.on_step.hear(self.tokens)
        self.tokens = Tokens.concat((self.tokens, Tokens.forced(forced_ids)))

    async def _request(self, forced_ids: tuple[int, ...], *, end: int, thought_end: int) -> Watch:
        """Make one request; the reply may have `end` tokens, and `thought_end` before its output begins."""
        num_before = len(self.tokens) + len(forced_ids)
        mode = None if self.on_step is None else self.on_step.mode
        watch = Watch(
            self._reader,
            self._repetition,
            num_before=num_before,
            thought_end=thought_end,
            kept=self._num_fixed if self.is_corrected and self._num_slips < MOST and not self._runs else None,
            is_program=self._runs,
            is_output=self.is_forced,
            limits=self.limits,
            cutter=None if mode is None else Cutter(mode, self.problem.tags, self._reader.text),
        )
        request = Request(
            prompt_ids=(*self.problem.prompt_ids, *self.tokens.ids.tolist()),
            forced_ids=forced_ids,
            max_tokens=end - num_before,
            sampling=self.sampling,
            # A reply that goes on with the stream it began with would draw the wrong number again.
            seed=derive_seed(self.seed, b"", self._num_slips) if self._num_slips else self.seed,
            stop_when=watch,
        )
        completion = await self.engine.generate(request, self.on_token)
        watch.finish(completion.data, is_eos=completion.finish_reason == "eos")
        self.tokens = Tokens.concat((self.tokens, completion.tokens))
        self.finish_reason = completion.finish_reason
        self._is_looping = self._is_looping or watch.reason == "loop"
        return watch

    @property
    def _runs(self) -> bool:
        """Whether the reply answers with a program."""
        return self.interpreter is not None and is_program(self._reader.data)

    async def _answer_with_program(self, forced_ids: tuple[int, ...], *, end: int) -> None:
        """Sample the rest of the program, run it, and conclude with what it returns."""
        begin = len(self.tokens) + len(forced_ids)
        if begin < end and closed_program(self._reader.data) is None:
            await self._request(forced_ids, end=end, thought_end=end)
            forced_ids = ()
        code = closed_program(self._reader.data)
        value = None if code is None or self.interpreter is None else await self.interpreter.returned(code)
        self._has_failed = value is None
        if value is not None:
            text = conclusion(
                self._reader.data,
                value,
                closing=self._reader.tags.closing(),
                is_chinese=is_chinese(self.problem.question),
            )
            concluding = self.engine.tokenize(text, special=True)
            self._feed_forced(concluding)
            forced_ids += concluding
            self.finish_reason = "stop"
        self.tokens = Tokens.concat((self.tokens, Tokens.forced(forced_ids)))

    def _put_right(self, slip: Slip) -> tuple[int, ...]:
        """Take back what was written from a wrong number on; return the tokens of the right one, which come next."""
        self._num_slips += 1
        place = cut(slip, ids=self.tokens.ids.tolist(), data=self._reader.data, tokenizer=self.engine)
        self.tokens = self.tokens[: place.num_tokens]
        self._read_anew(self._reader.data[: place.num_bytes])
        self._feed_forced(place.forced_ids)
        return place.forced_ids

    def _feed_forced(self, ids: tuple[int, ...]) -> None:
        for token in ids:
            piece = self.engine.detokenize((token,))
            self._reader.feed(piece, is_forced=True)
            if self.on_token is not None:
                self.on_token(token, piece)

    @property
    def is_ended(self) -> bool:
        """Whether the reply ended as replies of its format do, with nothing cut off."""
        return self._reader.is_over or self.finish_reason in ("eos", "stop")

    @property
    def lacks_output(self) -> bool:
        """Whether an output must be forced: the thought did not end by itself, or nothing came after it."""
        return self._may_lack_output and not self._read().sections.has_output

    @property
    def _may_lack_output(self) -> bool:
        """Whether no output has begun, which in doubt only the whole reply tells."""
        if (
            self.finish_reason == "cancelled"
            or self._reader.is_over
            or not self._reader.tags.closing()
            or self._has_failed
        ):
            return False
        return not self._reader.has_output

    @property
    def is_thought_used_up(self) -> bool:
        """Whether the thought was ended for its own sake: it had all its tokens, or fell into a loop."""
        return self._is_looping or self._reader.has_thought_enough(len(self.tokens))

    @property
    def closing(self) -> str:
        """What is to be written to get an output: as much of the format's closing as the reply does not have yet."""
        is_closed = self._read().sections.closed and not self._reader.is_thought_open
        return self._reader.tags.closing(is_thought_closed=is_closed, phrase=self.problem.closing_phrase)

    async def close_by_force(self, *, max_tokens: int) -> None:
        """End the thought and sample an output of at most `max_tokens`; below 1, leave the reply without one."""
        self.on_step = None  # steps are counted from the forced tags on, which only the whole reply shows
        if max_tokens < 1:
            self.finish_reason = "length" if self.is_ended else self.finish_reason
            return
        self._has_ended_in_thought = self.is_ended
        text = self.closing
        if self.finish_reason == "eos":  # a model that has read its end token would write nothing more of sense
            self.tokens = self.tokens[:-1]
        self.is_forced = True
        self._repetition = Repetition()  # a loop of the thought is none of the output's
        self._num_fixed = len(self._reader.data)  # a thought that is cut may end inside a number
        await self.sample(self.engine.tokenize(text, special=True), max_tokens=max_tokens, thought_tokens=max_tokens)

    def _read(self) -> _Whole:
        """Divide what there is of the reply, once for the same tokens."""
        if self._whole is None or self._whole.tokens is not self.tokens:
            pieces = [self.engine.detokenize((token,)) for token in self.tokens.ids.tolist()]
            sections, lengths = read_whole(self.problem, pieces, self.tokens.is_sampled.tolist())
            self._whole = _Whole(self.tokens, pieces, sections, *lengths)
        return self._whole

    def reply(self) -> Reply:
        """Return what has come of it."""
        whole = self._read()
        sections = whole.sections
        is_unaware = self._has_ended_in_thought and not self._reader.has_marks and not sections.tags.output_open
        if is_unaware and not sections.output:
            # The model knows nothing of the thought that the prompt opened: what it said is its answer.
            sections = replace(sections, thought="", output=sections.thought)
        lacks = self._may_lack_output and not sections.output
        output = "" if lacks or self._has_failed else sections.output
        answer = self._answer(output)
        is_forced = not is_program(self._reader.data) and self._is_closed_by_force()
        return Reply(
            tokens=self.tokens,
            data=self._reader.data,
            thought=sections.raw if lacks and not sections.thought else sections.thought,
            output=output,
            answer=answer,
            num_thought_tokens=whole.num_thought_tokens,
            num_output_tokens=whole.num_output_tokens,
            finish_reason="loop" if self._is_looping else self.finish_reason,
            is_forced=is_forced,
            is_truncated=self._is_looping or self._has_failed or not self.is_ended,
            has_tags=self._reader.has_tags,
            tags=None if sections.tags.is_like(self.problem.tags) else sections.tags,
            signals=self._signals(whole.pieces, sections.thought, output, answer, is_forced=is_forced),
        )

    def _answer(self, output: str) -> Answer | None:
        if self.problem.is_free_form or not output:
            return None
        return comparable_answer(output, question=self.problem.question)

    def _signals(
        self, pieces: list[bytes], thought: str, output: str, answer: Answer | None, *, is_forced: bool
    ) -> Signals:
        # A thought that was closed by force may end inside a number.
        thought = thought.rpartition("\n")[0] if is_forced else thought
        return measure(
            self.tokens,
            answer=None if answer is None else answer_rows(pieces, output, answer),
            text=f"{thought}\n{output}",
            is_plausible=answer is None or is_plausible(answer, self.problem.question),
        )

    def _is_closed_by_force(self) -> bool:
        """Say whether tags are among the forced tokens: also those of a prefix that another rollout left behind."""
        forced = self.engine.detokenize(self.tokens.ids[~self.tokens.is_sampled].tolist())
        return any_mark_in_bytes(self._reader.tags).search(forced) is not None

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pytest
from engine.exact_model import WARM, ExactModel, ask, complete, ids_of, make_scheduler
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.base import Completion, SamplingParams, Usage
from marco_cli.engine.scripted import END_ID, replies
from marco_cli.errors import ContextOverflowError, DecodeError


def test_what_can_never_fit_is_refused_with_the_numbers() -> None:
    """The error names prompt, allowance and room, and what to change; nothing is cut off."""
    scheduler = make_scheduler(context_size=50)

    with pytest.raises(ContextOverflowError) as caught:
        scheduler.submit(ask("x" * 30, 21))
    assert (caught.value.prompt_tokens, caught.value.wanted_tokens, caught.value.room) == (30, 21, 20)
    assert "--max-tokens 20" in (caught.value.hint or "")
    with pytest.raises(ContextOverflowError, match="the prompt has 50 tokens, the context holds 50"):
        scheduler.submit(ask("x" * 50, 1))
    assert not scheduler.has_work()
    assert len(ids_of(complete(scheduler, [ask("x" * 30, 20)])[0])) == 20


@pytest.mark.parametrize("ticks", [0, 1, 2, 5])
def test_cancelling_one_leaves_the_others_alone(ticks: int) -> None:
    """A cancelled request ends at the next tick with what it has, waiting, in its prompt or decoding."""
    requests = [ask("a long prompt " * 12, 30, 1), ask("b" * 300, 30, 2), ask("c", 30, 3)]
    scheduler = make_scheduler(ExactModel(max_rows=100), max_num_seqs=2)
    jobs = [scheduler.submit(request) for request in requests]
    for _ in range(ticks):
        scheduler.tick()
    jobs[1].cancelled = True

    cancelled = dict(scheduler.tick().finished)[jobs[1]]

    assert isinstance(cancelled, Completion)
    assert cancelled.finish_reason == "cancelled"
    alone = ids_of(complete(make_scheduler(), [requests[1]])[0])
    assert ids_of(cancelled) == alone[: len(cancelled.tokens)]
    finished = dict(outcome for _ in range(60) for outcome in scheduler.tick().finished)
    assert [ids_of(finished[jobs[i]]) for i in (0, 2)] == [  # type: ignore[arg-type]
        ids_of(complete(make_scheduler(), [requests[i]])[0]) for i in (0, 2)
    ]
    assert scheduler.cache.pinned == 0


def test_cancelling_all_frees_everything_within_a_tick() -> None:
    """Waiting and running requests end together; nothing stays pinned, and the scheduler goes on working."""
    scheduler = make_scheduler(max_num_seqs=4)
    jobs = [scheduler.submit(ask(f"{i} prompt", 50, i)) for i in range(10)]
    for _ in range(3):
        scheduler.tick()
    for job in jobs:
        job.cancelled = True

    outcomes = dict(scheduler.tick().finished)

    assert [outcomes[job].finish_reason for job in jobs] == ["cancelled"] * 10  # type: ignore[union-attr]
    assert not scheduler.has_work()
    assert scheduler.cache.pinned == 0
    assert len(complete(scheduler, [ask("again", 5)])[0].tokens) == 5


def test_kept_tokens_are_reused_and_the_rest_is_freed() -> None:
    """`keep_tokens` bounds what a finished request leaves in memory."""
    model = ExactModel()
    scheduler = make_scheduler(model)

    complete(scheduler, [ask("p" * 40, 20, keep_tokens=45)])
    assert scheduler.cache.cells == len(model.memory.cells()) == 45
    complete(scheduler, [ask("q" * 40, 20, keep_tokens=0)])
    assert scheduler.cache.cells == 45
    (again,) = complete(scheduler, [ask("p" * 40 + "z", 1)])

    assert again.usage.reused == 40
    assert again.usage.prefilled == 1


def test_the_whole_of_a_finished_request_can_be_continued() -> None:
    """By default a follow-up evaluates only what is new: the last sampled token and its own."""
    scheduler = make_scheduler()
    (first,) = complete(scheduler, [ask("tell me", 10)])

    (second,) = complete(scheduler, [ask("tell me" + first.text + "and", 3)])

    assert (second.usage.reused, second.usage.prefilled, second.usage.forks) == (16, 4, 1)


def test_a_character_cut_by_the_allowance_stays_as_bytes() -> None:
    """A completion may end inside a character: its data are exactly the bytes of its tokens."""
    scheduler = make_scheduler(ExactModel(replies("三四")))

    (completion,) = complete(scheduler, [ask("?", 4)])

    assert completion.data == "三四".encode()[:4]
    assert completion.text == "三�"
    assert completion.finish_reason == "length"


def test_a_stop_rule_sees_all_that_was_sampled() -> None:
    """`stop_when` is asked after each token with the data so far and the number of tokens."""
    seen: list[tuple[bytes, int]] = []

    def at_second_line(data: bytes, num_sampled: int) -> bool:
        seen.append((data, num_sampled))
        return data.count(b"\n") == 2

    scheduler = make_scheduler(ExactModel(replies("a\nbc\nd")))

    (completion,) = complete(scheduler, [ask("?", 40, stop_when=at_second_line)])

    assert completion.text == "a\nbc\n"
    assert completion.finish_reason == "step"
    assert seen == [(b"a\nbc\n"[:n], n) for n in range(1, 6)]


def test_a_stop_rule_that_raises_fails_its_own_request_only() -> None:
    """The error reaches whoever asked; others in the batch go on, and nothing stays pinned."""

    def broken(_data: bytes, num_sampled: int) -> bool:
        if num_sampled == 3:
            raise ZeroDivisionError
        return False

    scheduler = make_scheduler()
    bad = scheduler.submit(ask("x", 10, stop_when=broken))
    good = scheduler.submit(ask("y", 10))

    finished = dict(outcome for _ in range(12) for outcome in scheduler.tick().finished)

    assert isinstance(finished[bad], ZeroDivisionError)
    assert len(ids_of(finished[good])) == 10  # type: ignore[arg-type]
    assert scheduler.cache.pinned == 0


def test_an_allowance_of_zero_answers_only_the_probes() -> None:
    """Scoring options costs one evaluation of the prompt and samples nothing."""

    def script(_text: str) -> Mapping[str, float]:
        return {"y": 0.75, "n": 0.25}

    scheduler = make_scheduler(ExactModel(script))
    (completion,) = complete(scheduler, [ask("is it?", 0, probe_ids=(ord("n"), ord("y")))])

    assert np.allclose(np.exp(completion.probe_logprobs), [0.25, 0.75], atol=1e-6)
    assert len(completion.tokens) == 0
    assert completion.finish_reason == "length"
    assert scheduler.meter.decoded == 0


def test_probes_are_taken_at_the_first_sampled_position() -> None:
    """A request that samples on keeps the probe of its first token, also after forced ones."""

    def script(text: str) -> Mapping[str, float]:
        return {"y": 0.75, "n": 0.25} if text == "is it?!" else {"z": 1.0}

    request = ask("is it?", 3, probe_ids=(ord("y"),), forced_ids=(ord("!"),))
    (completion,) = complete(make_scheduler(ExactModel(script)), [request])

    assert np.exp(completion.probe_logprobs[0]) == pytest.approx(0.75)


def test_forced_tokens_open_the_completion_unscored() -> None:
    """What we insert is marked, has no scores, and is not part of the sampled text."""
    forced = tuple(b"<T>")
    (completion,) = complete(make_scheduler(), [ask("x", 4, forced_ids=forced)])

    assert ids_of(completion)[:3] == list(forced)
    assert completion.tokens.is_sampled.tolist() == [False] * 3 + [True] * 4
    assert np.isnan(completion.tokens.logprobs).tolist() == [True] * 3 + [False] * 4
    assert np.isnan(completion.tokens.confidence).tolist() == [True] * 3 + [False] * 4
    assert (completion.tokens.top_ids[:3] == -1).all()
    assert len(completion.data) == 4
    assert (completion.usage.prefilled, completion.usage.decoded) == (4, 4)


def test_the_allowance_counts_sampled_tokens_and_includes_the_end() -> None:
    """`max_tokens` tokens exactly, unless the model ends before; the end token is part of the tokens, not of the data."""
    short, long = complete(make_scheduler(ExactModel(replies("hey"))), [ask("?", 40), ask("?", 2)])

    assert ids_of(short) == [*b"hey", END_ID]
    assert (short.data, short.finish_reason) == (b"hey", "eos")
    assert (long.data, long.finish_reason) == (b"he", "length")


def test_scores_are_the_models_own_whatever_the_sampling() -> None:
    """Log-probabilities are those of temperature 1 before filters and penalties, for each token where it was drawn."""

    def script(text: str) -> Mapping[str, float]:
        return {"a": 0.5, "b": 0.3, "c": 0.2} if len(text) % 2 else {"d": 0.9, "a": 0.1}

    odd, even = {"a": 0.5, "b": 0.3, "c": 0.2}, {"d": 0.9, "a": 0.1}
    for sampling in (
        WARM,
        SamplingParams(),
        SamplingParams(temperature=3, top_k=2, min_p=0.05),
        SamplingParams(temperature=0.5, repeat_penalty=1.5),
    ):
        (completion,) = complete(make_scheduler(ExactModel(script)), [ask("?", 12, sampling=sampling)])

        for i, token in enumerate(completion.data.decode()):
            probabilities = even if i % 2 else odd
            assert completion.tokens.logprobs[i] == pytest.approx(np.log(probabilities[token]), abs=1e-5)
            assert completion.tokens.confidence[i] == pytest.approx(probabilities[token], abs=1e-5)
            assert completion.tokens.entropy[i] == pytest.approx(
                -sum(p * np.log(p) for p in probabilities.values()), abs=1e-4
            )


def test_a_repeat_penalty_looks_at_the_window_only() -> None:
    """Greedy decoding leaves a penalised token and returns to it once it has left the window."""

    def script(_text: str) -> Mapping[str, float]:
        return {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}

    penalised = SamplingParams(repeat_penalty=3.0, repeat_window=2)
    (completion,) = complete(make_scheduler(ExactModel(script)), [ask("?", 6, sampling=penalised)])

    assert completion.text == "abcabc"


def test_the_same_seed_gives_the_same_tokens_whatever_else_runs() -> None:
    """Alone, or among 30 others that come and go on a crowded memory."""
    wanted = ask("the question", 40, seed=5)
    (alone,) = complete(make_scheduler(), [wanted])
    rng = Random(3)
    others = [ask("the " + "".join(rng.choices("ab", k=9)), rng.randint(1, 60), i) for i in range(30)]

    crowd = complete(
        make_scheduler(ExactModel(num_cells=300), max_num_seqs=7, context_size=128),
        [*others[:15], wanted, *others[15:]],
    )

    assert ids_of(crowd[15]) == ids_of(alone)
    assert np.array_equal(crowd[15].tokens.logprobs, alone.tokens.logprobs)
    assert np.array_equal(crowd[15].tokens.top_ids, alone.tokens.top_ids)
    assert np.array_equal(crowd[15].tokens.entropy, alone.tokens.entropy)
    assert len({tuple(ids_of(complete(make_scheduler(), [ask("the question", 40, seed=s)])[0])) for s in range(4)}) == 4


def test_usage_adds_up() -> None:
    """What the requests cost is what the engine did: no token, fork or second is counted twice or lost."""
    model = ExactModel()
    scheduler = make_scheduler(model, max_num_seqs=6)
    rng = Random(4)
    prefixes = ["".join(rng.choices("xy", k=30)) for _ in range(3)]
    requests = [ask(rng.choice(prefixes) + f"{i % 5}", rng.randint(0, 25), i % 4, keep_tokens=35) for i in range(40)]

    completions = complete(scheduler, requests)

    total = sum((c.usage for c in completions), Usage())
    whole = scheduler.meter.usage()
    for name in ("decoded", "prefilled", "reused", "evaluated", "forks"):
        assert getattr(total, name) == getattr(whole, name), name
    assert whole.evaluated == model.num_rows
    assert whole.ticks == len(model.calls)
    assert total.model_seconds == pytest.approx(whole.model_seconds)
    assert total.other_seconds == pytest.approx(whole.other_seconds)
    for completion, request in zip(completions, requests, strict=True):
        usage = completion.usage
        assert usage.decoded == len(completion.tokens)
        # Every token but the last sampled one is evaluated by this request or taken from elsewhere.
        assert usage.evaluated + usage.reused == len(request.prompt_ids) + max(0, usage.decoded - 1)
        assert usage.prefilled <= usage.evaluated


def test_a_refused_batch_fails_its_requests_and_frees_their_cells() -> None:
    """When the model refuses, those who were in the batch get the error and those who waited go on."""

    class Refusing(ExactModel):
        def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
            if any(row.token == ord("!") for row in rows):
                raise DecodeError("refused")
            return super().decode(rows)

    scheduler = make_scheduler(Refusing(), max_num_seqs=1)
    bad, good = scheduler.submit(ask("no!", 5)), scheduler.submit(ask("yes", 5))

    finished = dict(outcome for _ in range(8) for outcome in scheduler.tick().finished)

    assert isinstance(finished[bad], DecodeError)
    assert len(ids_of(finished[good])) == 5  # type: ignore[arg-type]
    assert scheduler.cache.pinned == 0


def test_logits_that_are_not_numbers_are_an_error() -> None:
    """A damaged model gives no answer rather than a random one."""

    class Damaged(ExactModel):
        def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
            return super().decode(rows) * np.float32(np.nan)

    scheduler = make_scheduler(Damaged())

    with pytest.raises(DecodeError, match="not numbers"):
        complete(scheduler, [ask("x", 3)])
    assert scheduler.cache.cells == 0
    assert not scheduler.has_work()


def test_an_interrupted_call_is_taken_up_again() -> None:
    """A decode call that was interrupted leaves nothing behind; the same tokens come out."""

    class Interrupted(ExactModel):
        """Returns None from every second call."""

        turn = 0

        def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:  # type: ignore[override]
            self.turn += 1
            return None if self.turn % 2 else super().decode(rows)

    requests = [ask("one", 9, 1), ask("two" * 300, 9, 2)]

    stuttering = complete(make_scheduler(Interrupted()), requests)

    assert [ids_of(c) for c in stuttering] == [ids_of(c) for c in complete(make_scheduler(), requests)]

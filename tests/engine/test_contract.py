"""The contract of `Engine`: every test here runs on every engine."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import GPU_LAYERS
from engine.exact_model import babble
from loop import finished

from marco_cli.engine.base import Completion, Engine, Request, SamplingParams, Usage
from marco_cli.engine.scripted import scripted_engine
from marco_cli.errors import ContextOverflowError, EngineError

CONTEXT = 1024
MAX_NUM_SEQS = 6


def open_scripted(_tiny_gguf: Path) -> Engine:
    """Open the engine without weights."""
    return scripted_engine(babble, max_num_seqs=MAX_NUM_SEQS, context_size=CONTEXT, num_cells=CONTEXT)


def open_llamacpp(tiny_gguf: Path) -> Engine:
    """Open llama.cpp on random weights."""
    from marco_cli.engine.llamacpp import LlamaOptions, open_engine

    return open_engine(
        tiny_gguf, LlamaOptions(cells=CONTEXT, max_num_seqs=MAX_NUM_SEQS, threads=1, gpu_layers=GPU_LAYERS)
    )


ENGINES = (
    pytest.param(open_scripted, id="scripted"),
    pytest.param(open_llamacpp, id="llamacpp", marks=pytest.mark.weights),
)


@pytest.fixture(params=ENGINES)
def open_one(request: pytest.FixtureRequest, tiny_gguf: Path) -> Callable[[], Engine]:
    """Return what opens the engine under test."""
    return partial(request.param, tiny_gguf)


@pytest.fixture
def engine(open_one: Callable[[], Engine]) -> Iterator[Engine]:
    """Open an engine and close it afterwards."""
    opened = open_one()
    yield opened
    finished(opened.close())


def ask(engine: Engine, text: str, max_tokens: int = 12, *, seed: int = 0, temperature: float = 1.0) -> Request:
    """Return a request for a text."""
    return Request(
        prompt_ids=engine.tokenize(text),
        max_tokens=max_tokens,
        seed=seed,
        sampling=SamplingParams(temperature=temperature),
    )


def generate(engine: Engine, *requests: Request) -> list[Completion]:
    """Run requests together; their completions come in the same order."""

    async def main() -> list[Completion]:
        return await asyncio.gather(*(engine.generate(request) for request in requests))

    return finished(main())


def ids_of(completion: Completion) -> list[int]:
    """Return the tokens of a completion."""
    return [int(token) for token in completion.tokens.ids]


def test_each_caller_gets_its_own_completion(engine: Engine) -> None:
    """More requests than are decoded at once, of different lengths: each one gets what it would get alone."""
    requests = [ask(engine, f"prompt {i}", 3 + i, seed=i) for i in range(3 * MAX_NUM_SEQS)]

    together = generate(engine, *requests)

    assert [ids_of(c) for c in together] == [ids_of(generate(engine, request)[0]) for request in requests]


def test_the_same_seed_gives_the_same_tokens(engine: Engine) -> None:
    """The seed, and only the seed, tells apart what is sampled from one prompt."""
    runs = generate(engine, *(ask(engine, "a question", seed=seed) for seed in (1, 1, 2, 3)))

    assert ids_of(runs[0]) == ids_of(runs[1])
    assert len({tuple(ids_of(run)) for run in runs}) == 3


def test_temperature_zero_takes_the_most_likely_token(open_one: Callable[[], Engine]) -> None:
    """Greedy tokens lead their own top five and do not depend on the seed or on the cache."""
    first, second = open_one(), open_one()

    one, two = generate(first, *(ask(first, "a question", seed=seed, temperature=0) for seed in (1, 2)))
    (other,) = generate(second, ask(second, "a question", seed=3, temperature=0))

    assert ids_of(one) == ids_of(two) == ids_of(other) == [int(i) for i in one.tokens.top_ids[:, 0]]
    assert np.array_equal(one.tokens.logprobs, one.tokens.top_logprobs[:, 0])
    finished(first.close())
    finished(second.close())


@pytest.mark.parametrize("max_tokens", [0, 1, 7])
def test_the_allowance_is_kept(engine: Engine, max_tokens: int) -> None:
    """A completion has at most `max_tokens` sampled tokens, and fewer only if the model ended it."""
    (completion,) = generate(engine, ask(engine, "count", max_tokens))

    assert len(completion.tokens) == max_tokens or completion.finish_reason == "eos"
    assert completion.usage.decoded == len(completion.tokens) <= max_tokens


def test_a_known_prefix_is_not_evaluated_again(engine: Engine) -> None:
    """A second question after the same opening forks it; so does the continuation of a completion."""
    opening = "the same long opening of many words, "
    (first,) = generate(engine, ask(engine, opening + "one", 5))
    (second,) = generate(engine, ask(engine, opening + "two", 5))

    assert second.usage.reused >= len(engine.tokenize(opening))
    assert second.usage.prefilled <= 3
    assert second.usage.forks == 1
    whole = (*engine.tokenize(opening + "one"), *ids_of(first))
    (third,) = generate(engine, Request(prompt_ids=whole, max_tokens=1))
    assert third.usage.reused == len(whole) - 1


def test_scores_are_proper(engine: Engine) -> None:
    """Log-probabilities are at most 0, the top five are in order, confidences lie in (0, 1], entropy is not negative."""
    (completion,) = generate(engine, ask(engine, "score me", 20))
    tokens = completion.tokens

    assert (tokens.logprobs <= 1e-6).all()
    assert (np.diff(tokens.top_logprobs, axis=1) <= 0).all()
    assert (np.exp(tokens.top_logprobs).sum(axis=1) <= 1 + 1e-5).all()
    assert ((tokens.confidence > 0) & (tokens.confidence <= 1)).all()
    assert ((tokens.margin >= 0) & (tokens.margin <= 1)).all()
    assert (tokens.entropy >= 0).all()


def test_a_probe_equals_the_log_probability_of_the_token(engine: Engine) -> None:
    """What a probe says of a token is what sampling it would have scored."""
    (sampled,) = generate(engine, ask(engine, "probe", 1, temperature=0))
    prompt = engine.tokenize("probe")
    (probed,) = generate(engine, Request(prompt_ids=prompt, max_tokens=0, probe_ids=tuple(ids_of(sampled))))

    assert probed.probe_logprobs[0] == pytest.approx(float(sampled.tokens.logprobs[0]), abs=1e-5)


def test_listeners_hear_every_token_in_order(engine: Engine) -> None:
    """The pieces that a listener gets add up to the data, and the ids are those of the completion."""
    heard: list[tuple[int, bytes]] = []

    completion = finished(engine.generate(ask(engine, "speak"), lambda token, piece: heard.append((token, piece))))

    assert [token for token, _ in heard] == ids_of(completion)
    assert b"".join(piece for _, piece in heard) == completion.data


def test_a_listener_that_raises_fails_its_own_request_only(engine: Engine) -> None:
    """The error reaches the one who asked; the other request and the engine go on."""

    def broken(_token: int, _piece: bytes) -> None:
        raise ZeroDivisionError

    async def main() -> tuple[Completion | BaseException, Completion | BaseException]:
        return await asyncio.gather(
            engine.generate(ask(engine, "one"), broken), engine.generate(ask(engine, "two")), return_exceptions=True
        )

    failed, fine = finished(main())

    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(fine, Completion)
    assert ids_of(generate(engine, ask(engine, "two"))[0]) == ids_of(fine)


def test_cancel_ends_everything_with_what_it_has(engine: Engine) -> None:
    """Requests in flight return what they sampled, those that waited return nothing, and the engine works on."""
    heard: list[int] = []

    def listen(token: int, _piece: bytes) -> None:
        heard.append(token)
        if len(heard) == 20:
            engine.cancel()

    async def main() -> list[Completion]:
        return await asyncio.gather(
            *(engine.generate(ask(engine, f"{i}", 200, seed=i), listen) for i in range(2 * MAX_NUM_SEQS))
        )

    completions = finished(main())

    reasons = [c.finish_reason for c in completions]  # random weights may end a reply at any time
    assert reasons[MAX_NUM_SEQS:].count("cancelled") >= MAX_NUM_SEQS - 2
    assert set(reasons) <= {"cancelled", "eos"}
    assert 20 <= sum(len(c.tokens) for c in completions) <= 20 + 3 * MAX_NUM_SEQS
    (after,) = generate(engine, ask(engine, "0", 200, seed=0))
    assert ids_of(completions[0]) == ids_of(after)[: len(completions[0].tokens)]


def test_a_cancelled_task_drops_its_request(engine: Engine) -> None:
    """The task sees its cancellation at once, and its place and cells are free for others."""

    async def main() -> Completion:
        doomed = asyncio.create_task(engine.generate(ask(engine, "doomed", 200)))
        other = asyncio.create_task(engine.generate(ask(engine, "other", 30)))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        return await other

    completion = finished(main())

    assert ids_of(completion) == ids_of(generate(engine, ask(engine, "other", 30))[0])
    assert engine.usage.decoded < 200


def test_what_cannot_fit_is_refused_and_nothing_is_cut(engine: Engine) -> None:
    """The error comes before any evaluation, with the numbers."""
    prompt = tuple([65] * (CONTEXT - 10))

    with pytest.raises(ContextOverflowError) as caught:
        generate(engine, Request(prompt_ids=prompt, max_tokens=11))
    assert (caught.value.prompt_tokens, caught.value.room) == (CONTEXT - 10, 10)
    assert engine.usage == Usage()
    assert len(generate(engine, Request(prompt_ids=prompt, max_tokens=10))[0].tokens) <= 10


@pytest.mark.parametrize("name", ["prompt_ids", "forced_ids", "probe_ids"])
@pytest.mark.parametrize("token", [-1, 1_000_000])
def test_an_unknown_token_is_refused_before_it_reaches_the_batch(engine: Engine, name: str, token: int) -> None:
    """A wrong id fails its own request, not the others that would be decoded with it."""
    good = ask(engine, "fine", 5)
    bad = replace(good, **{name: (65, token)})  # type: ignore[arg-type]

    async def main() -> tuple[Completion | BaseException, Completion | BaseException]:
        return await asyncio.gather(engine.generate(good), engine.generate(bad), return_exceptions=True)

    fine, refused = finished(main())

    assert isinstance(fine, Completion)
    assert isinstance(refused, EngineError)
    assert f"token {token} " in str(refused)


@pytest.mark.parametrize(
    "text", ["", "plain", "two  spaces\n\ttab", "十二减三等于九", "🙂 ё ß\r\n", "<|im_end|> <Thought>"]
)
def test_text_survives_the_round_trip(engine: Engine, text: str) -> None:
    """Text to tokens and back is the same bytes, and what looks like a control token stays text."""
    assert engine.detokenize(engine.tokenize(text)) == text.encode()


def test_control_tokens_count_only_where_they_are_meant(engine: Engine) -> None:
    """The template's `<|im_end|>` is one token without text that ends a reply; a user's is text."""
    (end,) = engine.tokenize("<|im_end|>", special=True)

    assert end in engine.info.eos_ids
    assert engine.detokenize([end]) == b""
    assert end not in engine.tokenize("<|im_end|>")


def test_the_model_is_described(engine: Engine) -> None:
    """Callers find the template, the limits and the end tokens without knowing the engine."""
    info = engine.info

    assert info.name
    assert "<|im_start|>" in (info.chat_template or "")
    assert info.eos_text == "<|im_end|>"
    assert engine.context_size == CONTEXT <= info.train_context
    assert engine.max_num_seqs == MAX_NUM_SEQS
    assert all(0 <= token < info.num_vocab for token in info.eos_ids)


def test_usage_of_the_requests_adds_up_to_the_engines(engine: Engine) -> None:
    """Tokens and seconds on the completions are the engine's own, split among them."""
    completions = generate(engine, *(ask(engine, f"opening {i % 2}", 9, seed=i) for i in range(9)))

    total = sum((c.usage for c in completions), Usage())
    whole = engine.usage
    assert (total.decoded, total.evaluated, total.prefilled, total.reused, total.forks) == (
        whole.decoded, whole.evaluated, whole.prefilled, whole.reused, whole.forks,
    )  # fmt: skip
    assert total.model_seconds == pytest.approx(whole.model_seconds)
    assert whole.mean_batch_width > 1


def test_an_engine_outlives_its_event_loop(engine: Engine) -> None:
    """One engine serves several `asyncio.run`, also after one that was left in the middle."""

    async def leave() -> None:
        asyncio.create_task(engine.generate(ask(engine, "left behind", 200)))  # noqa: RUF006 (abandoned on purpose)
        await asyncio.sleep(0.01)

    before = ids_of(generate(engine, ask(engine, "steady"))[0])
    finished(leave())

    assert ids_of(generate(engine, ask(engine, "steady"))[0]) == before


def test_closing_ends_what_runs_and_closing_twice_is_harmless(open_one: Callable[[], Engine]) -> None:
    """Whoever waits gets a cancelled completion rather than waiting for ever."""
    engine = open_one()

    async def main() -> Completion:
        task = asyncio.create_task(engine.generate(ask(engine, "cut off", 200)))
        await asyncio.sleep(0)
        await engine.close()
        await engine.close()
        return await task

    assert finished(main()).finish_reason == "cancelled"


def test_a_closed_engine_says_so(open_one: Callable[[], Engine]) -> None:
    """Nothing reaches the freed memory: every use after closing is an EngineError."""
    engine = open_one()
    request = ask(engine, "too late")
    finished(engine.close())

    for use in (lambda: generate(engine, request), lambda: engine.tokenize("text"), lambda: engine.detokenize([65])):
        with pytest.raises(EngineError, match="closed"):
            use()
    engine.cancel()


def test_problems_that_begin_with_a_settled_engine_do_not_depend_on_each_other(open_one: Callable[[], Engine]) -> None:
    """Scores are the same to the bit after any others, and the prompt's own prefix is still not evaluated twice."""

    def scores(*before: str) -> tuple[list[float], int]:
        engine = open_one()

        async def main() -> Completion:
            for number, text in enumerate(before):
                await engine.reset_cache(engine.tokenize(text))
                await asyncio.gather(*(engine.generate(ask(engine, text, 20 + i, seed=number)) for i in range(3)))
            request = ask(engine, "the same beginning, and then this", 24, temperature=0)
            await engine.reset_cache(request.prompt_ids)
            try:
                return await engine.generate(request)
            finally:
                await engine.close()

        completion = finished(main())
        return completion.tokens.logprobs.tolist(), completion.usage.reused

    fresh, reused_fresh = scores()
    after, reused_after = scores("another", "something long and different " * 8, "the same beginning, or that")

    assert after == fresh
    assert reused_fresh == 0
    assert reused_after >= 10


def test_settling_leaves_work_in_flight_alone(engine: Engine) -> None:
    """A request that runs is not disturbed."""

    async def main() -> list[list[int]]:
        running = asyncio.create_task(engine.generate(ask(engine, "one", 40)))
        for _ in range(20):
            await asyncio.sleep(0)
            await engine.reset_cache(engine.tokenize("two"))
        return [ids_of(await running), ids_of(await engine.generate(ask(engine, "one", 40)))]

    disturbed, alone = finished(main())
    assert disturbed == alone

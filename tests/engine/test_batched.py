import asyncio
import gc
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from engine.exact_model import ExactModel
from loop import finished
from numpy.typing import NDArray
from patience import PATIENCE
from search.scripts import reply_table

from marco_cli.engine.backend import Row
from marco_cli.engine.base import Completion, Request, SamplingParams
from marco_cli.engine.batched import BatchedEngine
from marco_cli.engine.scripted import END, scripted_engine


def ask(text: str, max_tokens: int = 8, seed: int = 0) -> Request:
    """Return a sampled request."""
    return Request(
        prompt_ids=tuple(text.encode()), max_tokens=max_tokens, seed=seed, sampling=SamplingParams(temperature=1)
    )


class Gated(ExactModel):
    """A model whose decode calls wait until they are let through, or interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.started = threading.Event()
        self.gate = threading.Event()
        self.is_interrupted = False
        self.is_closed = False

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:  # type: ignore[override]
        """Wait, then evaluate, or return None."""
        self.started.set()
        assert self.gate.wait(PATIENCE)
        return None if self.is_interrupted else super().decode(rows)

    def interrupt(self) -> None:
        """Let the call end without a result."""
        self.is_interrupted = True
        self.gate.set()

    def close(self) -> None:
        """Note that it happened."""
        self.is_closed = True
        super().close()


async def until_started(model: Gated) -> None:
    """Wait until a decode call is under way."""
    await asyncio.get_running_loop().run_in_executor(None, model.started.wait, 10)


def test_cancel_reaches_requests_in_the_middle_of_a_tick() -> None:
    """Whatever a tick was doing with a request when the cancel came, it ends: none is missed, none waits for more.

    Once requests were looked up in the scheduler's lists, which the tick's thread was changing at that moment.
    """

    async def main() -> list[Completion]:
        model = Gated()
        engine = BatchedEngine(model, max_num_seqs=2, context_size=100)
        tasks = [asyncio.create_task(engine.generate(ask(f"{i}", 50))) for i in range(5)]
        await until_started(model)
        engine.cancel()
        completions = await asyncio.gather(*tasks)
        assert not model.calls
        await engine.close()
        return completions

    assert [c.finish_reason for c in finished(main())] == ["cancelled"] * 5


def test_the_event_loop_stays_alive_during_a_decode_call() -> None:
    """Views draw and signals are heard while the model works."""

    async def main() -> int:
        model = Gated()
        engine = BatchedEngine(model, max_num_seqs=2, context_size=100)
        task = asyncio.create_task(engine.generate(ask("x", 3)))
        await until_started(model)
        turns = 0
        for turns in range(1, 101):  # noqa: B007 (counted to be returned)
            await asyncio.sleep(0)
        model.gate.set()
        await task
        await engine.close()
        return turns

    assert finished(main()) == 100


def test_chains_that_ask_again_at_once_stay_in_the_batch() -> None:
    """Whoever continues after a completion joins the very next tick: eight chains of steps run eight wide.

    What is batched together depends on the requests alone, never on the speed of the machine.
    """
    engine = scripted_engine(lambda _: {"step\n": 0.5, "next\n": 0.5}, max_num_seqs=8)

    async def chain(number: int) -> None:
        text = f"chain {number}: "
        for step in range(6):
            completion = await engine.generate(ask(text, 4, seed=100 * number + step))
            text += completion.text

    async def main() -> None:
        await asyncio.gather(*(chain(i) for i in range(8)))
        await engine.close()

    finished(main())

    assert engine.usage.mean_batch_width == 8.0


def test_an_unforeseen_error_reaches_everyone_who_waits(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug in the model ends all requests with its exception; nobody hangs, and nothing is printed on the side."""

    class Broken(ExactModel):
        def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
            raise MemoryError

    async def main() -> Sequence[BaseException | Completion]:
        engine = BatchedEngine(Broken(), max_num_seqs=2, context_size=100)
        outcomes = await asyncio.gather(*(engine.generate(ask(f"{i}")) for i in range(4)), return_exceptions=True)
        await engine.close()
        return outcomes

    outcomes = finished(main())
    gc.collect()

    assert [type(outcome) for outcome in outcomes] == [MemoryError] * 4
    assert capsys.readouterr().err == ""


def test_a_close_that_is_cancelled_still_frees_the_model() -> None:
    """Ctrl-C during closing leaks nothing."""
    model = Gated()

    async def main() -> None:
        engine = BatchedEngine(model, max_num_seqs=2, context_size=100)
        task = asyncio.create_task(engine.generate(ask("x", 3)))
        await until_started(model)
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, task, return_exceptions=True)

    finished(main())

    assert model.is_closed


def test_a_close_that_is_cancelled_while_another_model_works_still_frees() -> None:
    """All engines share a thread: what waits for it there is done, though nobody waits for that any more."""
    busy, other = Gated(), Gated()

    async def main() -> None:
        first, second = (
            BatchedEngine(busy, max_num_seqs=2, context_size=100),
            BatchedEngine(other, max_num_seqs=2, context_size=100),
        )
        task = asyncio.create_task(first.generate(ask("x", 3)))
        await until_started(busy)
        closing = asyncio.create_task(second.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        assert not other.is_closed
        busy.gate.set()
        await task
        await first.close()

    finished(main())

    assert other.is_closed
    assert busy.is_closed


def test_a_script_says_its_lines_with_their_probabilities() -> None:
    """A table of continuations is a model: tokens are as likely as the continuations that begin with them."""
    table: Mapping[str, Mapping[str, float]] = {"": {"four": 0.9, "five": 0.1}, "four": {"." + END: 1.0}}
    engine = scripted_engine(reply_table(table))
    prompt = engine.tokenize("<|im_start|>user\n2+2=<|im_end|>\n<|im_start|>assistant\n", special=True)

    async def main() -> Completion:
        completion = await engine.generate(Request(prompt_ids=prompt, max_tokens=20))
        await engine.close()
        return completion

    completion = finished(main())

    assert completion.text == "four."
    assert completion.finish_reason == "eos"
    assert np.exp(completion.tokens.logprobs[:3]) == pytest.approx([1.0, 0.9, 1.0], abs=1e-5)


def test_what_is_forgotten_is_gone_before_the_next_tick() -> None:
    """A prompt with which nobody goes on costs no cells; one that somebody still uses keeps what that one needs."""

    async def main() -> tuple[int, int]:
        engine = scripted_engine(lambda _: {"step\n": 1.0}, max_num_seqs=4)
        await engine.generate(ask("one prompt", 20))
        await engine.generate(ask("one other", 20))
        engine.free_suffixes(tuple(b"one prompt"))
        await engine.generate(ask("one third", 0))
        cells = engine._scheduler.cache.cells
        found = engine._scheduler.cache.match_length(tuple(b"one prompt"))
        await engine.close()
        return cells, found

    cells, found = finished(main())

    assert found == len("one ")
    assert cells == len("one other") + 19 + len("third")

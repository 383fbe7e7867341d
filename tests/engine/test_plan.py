import heapq
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from engine.exact_model import ExactModel, ask, complete, ids_of, make_scheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.base import Completion, Request
from marco_cli.engine.job import Job
from marco_cli.engine.scheduler import Scheduler


def best_mean_width(lengths: Sequence[int], max_num_seqs: int) -> float:
    """Return the mean batch width if prompts cost nothing: first come, first served, a free place taken at once."""
    free_at = [0] * max_num_seqs
    for length in lengths:
        heapq.heappush(free_at, heapq.heappop(free_at) + length)
    return sum(lengths) / max(free_at)


def test_the_batch_stays_full() -> None:
    """64 requests of random lengths over 16 at once: mean width at least 90 % of what is possible at all."""
    rng = Random(1)
    lengths = [rng.randint(5, 120) for _ in range(64)]
    prompts = ["".join(rng.choices("xyz", k=rng.randint(10, 60))) for _ in lengths]
    scheduler = make_scheduler(max_num_seqs=16)

    complete(scheduler, [ask(p, n, i) for i, (p, n) in enumerate(zip(prompts, lengths, strict=True))])

    assert scheduler.meter.usage().mean_batch_width >= 0.9 * best_mean_width(lengths, 16)
    assert scheduler.meter.decoded == sum(lengths)


def test_requests_that_fit_together_run_together() -> None:
    """What a request may still sample is all that is kept free for it: memory for all of them to their ends lets all in."""
    model = ExactModel(num_cells=32 * 20)
    scheduler = make_scheduler(model, max_num_seqs=32, context_size=20)

    complete(scheduler, [ask(f"{i:08}", 12, i) for i in range(32)])

    usage = scheduler.meter.usage()
    assert usage.decoded == 32 * 12
    assert usage.mean_batch_width > 30
    assert usage.evictions == 0


def test_a_shared_prefix_is_evaluated_once() -> None:
    """16 requests that share 500 tokens evaluate at most 1.02 times the tokens that differ, though all start at once."""
    prefix = "".join(Random(2).choices("klmn", k=500))
    prompts = [prefix + f" question {i}: " for i in range(16)]
    model = ExactModel()
    scheduler = make_scheduler(model)

    completions = complete(scheduler, [ask(p, 20, i) for i, p in enumerate(prompts)])

    texts = [p.encode() + c.data for p, c in zip(prompts, completions, strict=True)]
    unique = {text[:end] for text in texts for end in range(1, len(text))}
    assert model.num_rows == scheduler.meter.evaluated <= 1.02 * len(unique)


def test_branches_that_agree_share_their_rows() -> None:
    """Ten requests that sample the same tokens cost as many rows as two: the first, and the others a token behind."""
    model = ExactModel()
    scheduler = make_scheduler(model)

    completions = complete(scheduler, [ask("the same prompt", 12, seed=7) for _ in range(10)])

    assert len({c.data for c in completions}) == 1
    assert model.num_rows == len("the same prompt") + 11 + 12
    assert scheduler.meter.usage().mean_batch_width > 5


@pytest.mark.parametrize(("max_rows", "chunk"), [(80, 64), (128, 64), (512, 256)])
def test_a_long_prompt_never_starves_running_requests(max_rows: int, chunk: int) -> None:
    """While 2000 tokens are evaluated in bounded chunks, each running request gets a token every tick.

    A chunk is as large as the calls allow it to be: half of one that takes many rows, as on a GPU.
    """
    model = ExactModel(max_rows=max_rows)
    scheduler = make_scheduler(model)
    running = [scheduler.submit(ask(f"{i} short", 200, i)) for i in range(4)]
    scheduler.tick()
    late = scheduler.submit(ask("long " * 400, 5))

    ticks = 0
    while not late.num_sampled:
        ticks += 1
        assert {item.job for item in scheduler.tick().sampled} >= set(running)
        assert len(model.calls[-1]) <= chunk + len(running)

    assert ticks == -(-2000 // chunk)


def test_a_prompt_longer_than_the_batch_is_evaluated_in_chunks() -> None:
    """With 32 rows a call, 100 tokens take four calls, and the answer is the same as in one."""
    small = ExactModel(max_rows=32)

    chunked = complete(make_scheduler(small), [ask("p" * 100, 9)])

    assert [len(rows) for rows in small.calls[:4]] == [32, 32, 32, 4]
    assert [row.wants_logits for rows in small.calls[:4] for row in rows] == [False] * 99 + [True]
    assert ids_of(chunked[0]) == ids_of(complete(make_scheduler(), [ask("p" * 100, 9)])[0])


def test_requests_start_in_the_order_they_came() -> None:
    """With equal lengths, first come is first finished."""
    scheduler = make_scheduler(max_num_seqs=3)
    jobs = [scheduler.submit(ask(f"{i:03}", 4, i)) for i in range(20)]
    finished: list[Job] = []

    while scheduler.has_work():
        finished.extend(job for job, _ in scheduler.tick().finished)

    assert finished == jobs


@pytest.mark.parametrize("num_cells", [60, 80, 120])
def test_running_out_of_cells_changes_no_token(num_cells: int) -> None:
    """Requests are preempted and admitted again when the memory is full; what they say stays the same."""
    requests = [ask(f"prompt number {i} ", 40, i) for i in range(8)]
    cramped = make_scheduler(ExactModel(num_cells=num_cells), context_size=60)

    squeezed = complete(cramped, requests)

    assert [ids_of(c) for c in squeezed] == [ids_of(c) for c in complete(make_scheduler(), requests)]
    assert sum(c.usage.evictions for c in squeezed) <= cramped.meter.evictions


def test_a_lone_request_may_fill_the_memory_to_the_last_cell() -> None:
    """Prompt and allowance that add up to the context fit, also when the context is all there is."""
    model = ExactModel(num_cells=50, num_sequences=2)

    (completion,) = complete(make_scheduler(model, context_size=50), [ask("x" * 30, 20)])

    assert len(completion.tokens) == 20


stress_requests = st.lists(
    st.builds(
        lambda prompt, max_tokens, seed, keep: ask(prompt, max_tokens, seed, keep_tokens=keep),
        st.text("ab", min_size=1, max_size=14),
        st.integers(0, 10),
        st.integers(0, 2),
        st.none() | st.integers(0, 20),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=40)
@given(
    requests=stress_requests,
    model=st.builds(
        ExactModel, num_cells=st.integers(24, 60), num_sequences=st.integers(1, 6), max_rows=st.integers(1, 20)
    ),
    max_num_seqs=st.integers(1, 6),
    cancelled=st.sets(st.integers(0, 13), max_size=2),
)
def test_everything_ends_with_the_right_tokens_however_little_room_there_is(
    requests: list[Request], model: ExactModel, max_num_seqs: int, cancelled: set[int]
) -> None:
    """No livelock, no lost request, no wrong token, no cell left pinned; also when some are cancelled on the way."""
    scheduler = Scheduler(model, max_num_seqs=max_num_seqs, context_size=24)
    jobs = [scheduler.submit(request) for request in requests]
    outcomes: dict[Job, Completion | Exception] = {}
    for tick in range(2000):
        if tick in cancelled and tick < len(jobs):
            jobs[tick].cancelled = True
        outcomes.update(scheduler.tick().finished)
        if not scheduler.has_work():
            break

    assert set(outcomes) == set(jobs)
    for job in jobs:
        outcome = outcomes[job]
        assert isinstance(outcome, Completion)
        expected = ids_of(complete(make_scheduler(), [job.request])[0])
        assert ids_of(outcome) == expected[: len(outcome.tokens)]
        assert outcome.finish_reason == "cancelled" or len(outcome.tokens) == len(expected)
    assert scheduler.cache.pinned == 0
    assert scheduler.cache.cells == len(model.memory.cells())


class Narrowing(ExactModel):
    """Decodes fewer sequences together when one of them is long, as streams do."""

    is_crowded = False

    def width(self, length: int) -> int:
        """Return four, or two for more than twelve tokens."""
        return 4 if length <= 12 else 2

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Refuse more sequences than that."""
        longest = max(row.position for row in rows) + 1
        assert len({row.sequences for row in rows}) <= self.width(longest)
        return super().decode(rows)


def test_long_requests_are_decoded_by_fewer_at_a_time() -> None:
    """When one outgrows what so many may have, the youngest wait, and each still gets what it would get alone."""
    requests = [ask(f"prompt {i}", 12, seed=i) for i in range(5)]

    together = complete(make_scheduler(Narrowing()), requests)

    alone = [complete(make_scheduler(Narrowing()), [request])[0] for request in requests]
    assert [ids_of(completion) for completion in together] == [ids_of(completion) for completion in alone]

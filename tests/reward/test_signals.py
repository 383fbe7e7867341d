"""What a reply's scores come to."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.engine.base import NUM_TOP, Tokens
from marco_cli.reward.signals import GROUP, measure


def scored(probabilities: list[float], *, forced: tuple[int, ...] = ()) -> Tokens:
    """Return sampled tokens of these probabilities, each against one rival with the rest; `forced` rows are inserted."""
    n = len(probabilities)
    own = np.asarray(probabilities, dtype=np.float64)
    top = np.full((n, NUM_TOP), 1e-12)
    top[:, 0], top[:, 1] = np.maximum(own, 1 - own), np.minimum(own, 1 - own)
    ids = np.where(own >= 0.5, 0, 1).astype(np.int32)
    tokens = Tokens(
        ids=ids,
        is_sampled=np.ones(n, dtype=np.bool_),
        logprobs=np.log(own).astype(np.float32),
        top_ids=np.tile(np.arange(NUM_TOP, dtype=np.int32), (n, 1)),
        top_logprobs=np.log(top).astype(np.float32),
        entropy=np.full(n, 0.25, dtype=np.float32),
    )
    parts = [Tokens.forced([9]) if row in forced else tokens[row : row + 1] for row in range(n)]
    return Tokens.concat(parts)


def test_the_mean_confidence_is_the_papers_v() -> None:
    """c_i over the top five, averaged; with two rivals that share all the mass, c is the token's probability."""
    signals = measure(scored([0.9, 0.6, 0.75]))

    assert signals.confidence == pytest.approx(0.75, abs=1e-5)
    assert signals.lowest_confidence == pytest.approx(0.6, abs=1e-5)
    assert signals.mean_logprob == pytest.approx((math.log(0.9) + math.log(0.6) + math.log(0.75)) / 3, abs=1e-5)
    assert signals.sum_logprob == pytest.approx(3 * signals.mean_logprob)
    assert signals.entropy == pytest.approx(0.25)
    assert signals.num_tokens == 3


def test_forced_tokens_never_count() -> None:
    """Tags and phrases that we inserted say nothing about how sure the model was."""
    assert measure(scored([0.9, 0.1, 0.7], forced=(1,))) == measure(scored([0.9, 0.7]))


def test_groups_slide_over_the_reply() -> None:
    """One doubtful stretch shows in the lowest group and not in the tail."""
    doubtful = [0.99] * 100 + [0.5] * GROUP + [0.99] * 100
    signals = measure(scored(doubtful))

    assert signals.lowest_group_confidence == pytest.approx(0.5, abs=1e-4)
    assert signals.tail_confidence == pytest.approx(0.99, abs=1e-4)
    assert measure(scored([0.99] * 100 + [0.5] * GROUP)).tail_confidence == pytest.approx(0.5, abs=1e-4)


def test_the_answers_margin_is_that_of_its_tokens() -> None:
    """p1 - p2 over the rows of the answer alone; None where there is no answer."""
    tokens = scored([0.9, 0.6, 0.75, 0.99])

    assert measure(tokens, answer=slice(1, 3)).answer_margin == pytest.approx((0.2 + 0.5) / 2, abs=1e-5)
    assert measure(tokens).answer_margin is None
    assert measure(scored([0.9, 0.9], forced=(1,)), answer=slice(1, 2)).answer_margin is None


def test_nothing_sampled_is_worth_nothing() -> None:
    """A reply of forced tokens alone has no confidence, and no division by zero."""
    assert measure(Tokens.forced((1, 2))).confidence == 0
    assert measure(Tokens.forced(())).num_tokens == 0


@given(probabilities=st.lists(st.floats(0.01, 0.999), min_size=1, max_size=80))
def test_confidences_are_ordered_and_in_range(probabilities: list[float]) -> None:
    """Least token ≤ least group and ≤ mean, all in [0, 1]."""
    signals = measure(scored(probabilities))

    assert 0 <= signals.lowest_confidence <= 1 + 1e-6
    for mean in (signals.lowest_group_confidence, signals.confidence):
        assert signals.lowest_confidence - 1e-6 <= mean <= 1 + 1e-6

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tables import table

from marco_cli.engine.base import GREEDY, NUM_TOP, SamplingParams, Tokens
from marco_cli.engine.sampling import draw, draw_from_row, num_candidates, penalise
from marco_cli.engine.scores import NUM_CANDIDATES, Scores, score

Floats = NDArray[np.float32]

VOCABULARIES = (300, 1024, 9000, 151_936)


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Return log-probabilities in double precision, by the definition."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def entropy_of(logprobs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -Σ p log p with 0 log 0 = 0."""
    finite = np.where(np.isneginf(logprobs), 0, logprobs)
    entropy: NDArray[np.float64] = -(np.exp(logprobs) * finite).sum(axis=-1)
    return entropy


def make_logits(kind: str, rows: int, vocab: int, seed: int = 0) -> Floats:
    """Return logits `[rows, vocab]` such as models produce, and some that they should not."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((rows, vocab)).astype(np.float32)
    if kind == "flat":
        logits *= np.float32(0.01)
    elif kind == "peaked":
        logits *= 3
        logits[np.arange(rows), rng.integers(vocab, size=rows)] = 40
    elif kind == "high":
        logits = logits * 4 + 30
    elif kind == "masked":
        logits[:, rng.permutation(vocab)[: vocab // 2]] = -np.inf
    elif kind == "tied":
        logits = np.round(logits * 2)
    return logits


KINDS = ("usual", "flat", "peaked", "high", "masked", "tied")


@table(product(VOCABULARIES, KINDS))
def test_scores_equal_an_independent_log_softmax(vocab: int, kind: str) -> None:
    """Log-probabilities, top five, entropy and confidence are those of double precision within 1e-5."""
    logits = make_logits(kind, 3, vocab)
    expected = log_softmax(logits)

    scores = score(logits)

    order = np.argsort(-logits, axis=1, kind="stable")[:, :NUM_CANDIDATES]
    assert np.array_equal(scores.candidate_ids, order)
    assert np.array_equal(scores.candidate_logits, np.take_along_axis(logits, order, axis=1))
    top = np.take_along_axis(expected, order[:, :NUM_TOP], axis=1)
    assert np.abs(scores.top_logprobs() - top).max() <= 1e-5
    likely = np.isfinite(expected)
    assert np.abs((logits - scores.log_normaliser[:, None])[likely] - expected[likely]).max() <= 1e-5
    assert np.abs(scores.entropy - entropy_of(expected)).max() <= 1e-5


@pytest.mark.parametrize("vocab", VOCABULARIES)
def test_confidence_is_the_papers_formula(vocab: int) -> None:
    """c_i = p(t) / Σ p of the five most likely, where a token outside the five is added to the sum."""
    logits = make_logits("usual", 8, vocab)
    expected = log_softmax(logits)
    scores = score(logits, NUM_TOP)
    ids = np.concatenate([scores.candidate_ids[:4, 2], np.arange(4) + 10]).astype(np.int32)
    logprobs = logits[np.arange(8), ids] - scores.log_normaliser
    tokens = Tokens(
        ids=ids,
        is_sampled=np.ones(8, dtype=np.bool_),
        logprobs=logprobs,
        top_ids=scores.candidate_ids.astype(np.int32),
        top_logprobs=scores.top_logprobs(),
        entropy=scores.entropy,
    )

    for i, token in enumerate(ids):
        best = np.sort(np.exp(expected[i]))[::-1][:NUM_TOP]
        own = np.exp(expected[i, token])
        assert abs(tokens.confidence[i] - own / (best.sum() + (own if own < best[-1] else 0))) <= 1e-5
        assert abs(tokens.margin[i] - (best[0] - best[1])) <= 1e-5


def test_a_masked_row_has_finite_scores() -> None:
    """Logits of -inf are impossible tokens, not errors: no warning, no NaN."""
    logits = np.full((2, 300), -np.inf, dtype=np.float32)
    logits[:, [3, 200]] = 1.0

    scores = score(logits)

    assert scores.candidate_ids[:, :4].tolist() == [[3, 200, 0, 1]] * 2
    assert np.allclose(scores.entropy, np.log(2))
    assert np.allclose(scores.top_logprobs()[:, :2], np.log(0.5))


@st.composite
def sampling_params(draw_: st.DrawFn) -> SamplingParams:
    """Any parameters, at and around the edges of the candidate limit."""
    return SamplingParams(
        temperature=draw_(st.sampled_from([0.05, 0.3, 0.8, 1.0, 1.5, 5.0])),
        top_k=draw_(st.sampled_from([0, 1, 2, 40, NUM_CANDIDATES - 1, NUM_CANDIDATES, NUM_CANDIDATES + 1, 200, 5000])),
        top_p=draw_(st.sampled_from([1.0, 0.999, 0.95, 0.8, 0.3, 0.01])),
        min_p=draw_(st.sampled_from([0.0, 0.0, 0.001, 0.05, 0.5, 1.0])),
    )


@settings(max_examples=100)
@given(
    params=sampling_params(),
    kind=st.sampled_from(KINDS),
    vocab=st.sampled_from([300, 1024, 9000]),
    seed=st.integers(0, 50),
    uniform=st.floats(0, 1, exclude_max=True) | st.sampled_from([0.0, 1 - 2**-53]),
)
def test_the_candidate_limit_never_changes_a_draw(
    params: SamplingParams, kind: str, vocab: int, seed: int, uniform: float
) -> None:
    """Drawing from the most likely few equals drawing from the whole row by the definition."""
    logits = make_logits(kind, 2, vocab, seed)
    rows = np.asarray([0, 1])

    scores = score(logits, num_candidates([params]))
    drawn = draw(logits, scores, rows, [params, params], [uniform, uniform])

    assert drawn.tolist() == [draw_from_row(row, params, uniform) for row in logits]


@table(
    product(["peaked", "flat", "tied"], [SamplingParams(temperature=0.8, top_p=0.95), SamplingParams(temperature=1.0)])
)
def test_the_candidate_limit_never_changes_a_draw_from_a_large_vocabulary(kind: str, params: SamplingParams) -> None:
    """The same holds where a row is folded to find its largest values."""
    logits = make_logits(kind, 2, 151_936)
    uniforms = np.random.default_rng(1).random(4)
    scores = score(logits)

    for uniform in uniforms.tolist():
        drawn = draw(logits, scores, np.asarray([0, 1]), [params, params], [uniform, uniform])
        assert drawn.tolist() == [draw_from_row(row, params, uniform) for row in logits]


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=1.0),
        SamplingParams(temperature=0.7),
        SamplingParams(temperature=1.3, top_k=4),
        SamplingParams(temperature=1.0, top_p=0.8),
        SamplingParams(temperature=1.0, min_p=0.2),
        SamplingParams(temperature=0.9, top_k=5, top_p=0.9, min_p=0.05),
    ],
    ids=["plain", "cold", "top_k", "top_p", "min_p", "all"],
)
def test_draws_follow_the_filtered_distribution(params: SamplingParams) -> None:
    """20 000 draws agree with the wanted probabilities (chi-square, far beyond the 0.001 point) and never leave them."""
    logits = np.log(np.asarray([[0.30, 0.22, 0.16, 0.11, 0.08, 0.05, 0.04, 0.03, 0.01]])).astype(np.float32)
    weights = np.exp(logits[0].astype(np.float64) / params.temperature)
    weights[params.top_k or len(weights) :] = 0
    shares = weights / weights.sum()
    keeps = (shares.cumsum() - shares < params.top_p) & (weights >= params.min_p * weights[0]) & (weights > 0)
    expected = np.where(keeps, weights, 0) / weights[keeps].sum()
    shuffled = np.random.default_rng(5).permutation(len(weights))
    uniforms = np.random.default_rng(6).random(20_000)
    scores = score(logits[:, shuffled])

    ids = draw(logits[:, shuffled], scores, np.zeros(20_000, dtype=np.int64), [params] * 20_000, uniforms.tolist())

    counts = np.bincount(shuffled[ids], minlength=len(weights))
    wanted = expected[keeps] * len(ids)
    assert not counts[~keeps].any()
    assert ((counts[keeps] - wanted) ** 2 / wanted).sum() < 27.9  # the 0.0005 point of 8 degrees of freedom


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_a_draw_at_the_very_edge_of_a_token_is_the_definitions(top_p: float) -> None:
    """Where one token's share of the random numbers ends and the next one's begins is the same to the last digits."""
    logits = make_logits("high", 1, 9000)
    params = SamplingParams(temperature=0.7, top_p=top_p)
    scores = score(logits, num_candidates([params]))
    ordered = np.sort(logits[0])[::-1].astype(np.float64)
    weights = np.exp((ordered - ordered[0]) / params.temperature)
    edges = (weights.cumsum() / weights.sum())[:30]
    uniforms = [float(edge + step) for edge in edges for step in (-1e-9, 1e-9) if edge + step < 1]
    drawn = [draw(logits, scores, np.zeros(1, dtype=np.int64), [params], [uniform])[0] for uniform in uniforms]

    assert drawn == [draw_from_row(logits[0], params, uniform) for uniform in uniforms]


def test_temperature_zero_takes_the_most_likely_token_and_the_lower_of_equals() -> None:
    """Greedy decoding has one answer, whatever else is scored in the batch."""
    logits = np.zeros((3, 1000), dtype=np.float32)
    logits[1, [30, 20]] = 2
    logits[2, 999] = 1

    for candidates in (NUM_TOP, NUM_CANDIDATES):
        assert draw(logits, score(logits, candidates), np.arange(3), [GREEDY] * 3, [0.9] * 3).tolist() == [0, 20, 999]


def assert_equal_row(scores: Scores, row: int, alone: Scores) -> None:
    """Compare one row of scores, bit for bit."""
    k = min(scores.candidate_ids.shape[1], alone.candidate_ids.shape[1])
    assert np.array_equal(scores.candidate_ids[row, :k], alone.candidate_ids[0, :k])
    assert np.array_equal(scores.candidate_logits[row, :k], alone.candidate_logits[0, :k])
    assert scores.log_normaliser[row] == alone.log_normaliser[0]
    assert scores.entropy[row] == alone.entropy[0]


@table(product(VOCABULARIES, ["usual", "tied", "masked"]))
def test_the_scores_of_a_row_depend_on_that_row_alone(vocab: int, kind: str) -> None:
    """Alone or among others, with five candidates or 64, in threads or not: bit for bit the same."""
    logits = make_logits(kind, 5, vocab)
    together = score(logits)
    with ThreadPoolExecutor(2) as pool:
        threaded = score(logits, pool=pool)

    for row in range(5):
        assert_equal_row(together, row, score(logits[row : row + 1]))
        assert_equal_row(together, row, score(logits[row : row + 1], NUM_TOP))
        assert_equal_row(threaded, row, score(logits[row : row + 1]))


@settings(max_examples=30)
@given(
    requests=st.lists(
        st.tuples(st.integers(0, 3), st.just(GREEDY) | sampling_params(), st.floats(0, 1, exclude_max=True)),
        min_size=1,
        max_size=8,
    ),
    kind=st.sampled_from(KINDS),
)
def test_a_draw_does_not_depend_on_the_others(requests: list[tuple[int, SamplingParams, float]], kind: str) -> None:
    """Requests in one batch, on shared rows or not, draw what each would draw by itself."""
    logits = make_logits(kind, 4, 300)
    rows, params, uniforms = (list(column) for column in zip(*requests, strict=True))

    together = draw(logits, score(logits, num_candidates(params)), np.asarray(rows), params, uniforms)

    for token, row, one, uniform in zip(together, rows, params, uniforms, strict=True):
        alone = logits[row : row + 1]
        assert (
            token == draw(alone, score(alone, num_candidates([one])), np.zeros(1, dtype=np.int64), [one], [uniform])[0]
        )


def test_the_penalty_divides_what_is_positive_and_multiplies_what_is_not() -> None:
    """A token seen twice is penalised once, others are left alone, and the logits handed in are not written to."""
    logits = np.asarray([4.0, -2.0, 0.0, 1.0, -np.inf], dtype=np.float32)

    penalised = penalise(logits, [0, 0, 1, 4], 2.0)

    assert penalised.tolist() == [2.0, -4.0, 0.0, 1.0, -np.inf]
    assert logits[0] == 4.0
    assert penalise(logits, [], 2.0).tolist() == logits.tolist()


def test_min_p_and_top_p_of_one_keep_everything() -> None:
    """The defaults filter nothing: every token of a small vocabulary turns up."""
    logits = np.zeros((1, 6), dtype=np.float32)
    uniforms = (np.arange(60) / 60).tolist()

    ids = draw(logits, score(logits), np.zeros(60, dtype=np.int64), [SamplingParams(temperature=1)] * 60, uniforms)

    assert Counter(ids.tolist()) == dict.fromkeys(range(6), 10)


@table(
    product(
        [np.nan, np.inf],
        [slice(None), slice(7, 8), slice(None, None, 2), slice(0, 100), slice(-100, None)],
        VOCABULARIES,
        [1, 3],
    )
)
def test_a_row_that_is_no_numbers_has_a_normaliser_that_is_none(
    value: float, where: slice, vocab: int, rows: int
) -> None:
    """Wherever they stand, and beside sound rows: scored without an error or a warning, and told by the normaliser."""
    logits = make_logits("usual", rows, vocab)
    logits[0, where] = value

    scores = score(logits)

    assert np.isfinite(scores.log_normaliser).tolist() == [False] + [True] * (rows - 1)

"""From a finished path to a value."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.answer import Answer, extract
from marco_cli.engine.base import Tokens
from marco_cli.reward import REWARDS
from marco_cli.reward.population import Evidence, Population
from marco_cli.reward.signals import measure
from marco_cli.search import load

SILENT = measure(Tokens.forced(()))


def population(*replies: tuple[float, str]) -> Population:
    """Return the population of replies with these confidences and outputs."""
    known = Population()
    for confidence, output in replies:
        known.add(replace(SILENT, confidence=confidence), extract(output))
    return known


@pytest.mark.parametrize("name", REWARDS)
@given(values=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["1", "2", ""])), max_size=10))
def test_every_reward_is_a_value(name: str, values: list[tuple[float, str]]) -> None:
    """Each entry of the table gives a number in [0, 1], for the first reply, without an answer, and ever after."""
    known = population(*values)
    reward = load(REWARDS[name])
    for confidence, output in [*values, (0.0, ""), (1.0, "1")]:
        signals = replace(SILENT, confidence=confidence, num_tokens=5, mean_logprob=-0.1)
        assert 0 <= reward(Evidence(signals=signals, answer=extract(output), population=known)) <= 1


def rewards(name: str, known: Population, *replies: tuple[float, str]) -> list[float]:
    """Return the rewards of replies against a population."""
    reward = load(REWARDS[name])
    return [
        reward(Evidence(signals=replace(SILENT, confidence=c), answer=extract(output), population=known))
        for c, output in replies
    ]


def test_agreement_is_the_share_of_equal_answers() -> None:
    """However they are written; no answer agrees with nothing."""
    known = population((0.9, "4"), (0.9, "The answer is 4.00"), (0.9, "5"), (0.9, ""))

    assert rewards("agreement", known, (0.9, "4"), (0.9, "5"), (0.9, "6"), (0.9, "")) == [0.5, 0.25, 0, 0]


def test_half_confidence_half_agreement() -> None:
    """A sure outsider and an unsure majority come out level; sure and in the majority is best."""
    known = population((0.96, "4"), (0.95, "4"), (0.97, "5"), (0.96, "4"))
    sure_majority, unsure_majority, sure_outsider, unsure_outsider = rewards(
        "agree", known, (0.97, "4"), (0.95, "4"), (0.97, "5"), (0.95, "5")
    )

    assert sure_majority > max(unsure_majority, sure_outsider) > min(unsure_majority, sure_outsider) > unsure_outsider


def test_standing_does_not_depend_on_the_models_scale() -> None:
    """A hundredth is much for one model and nothing for another: what counts is the comparison."""
    narrow, wide = population((0.96, "1"), (0.97, "1"), (0.98, "1")), population((0.5, "1"), (0.6, "1"), (0.7, "1"))

    assert narrow.standing(0.98) == pytest.approx(wide.standing(0.7))
    assert narrow.standing(0.97) == pytest.approx(0.5)
    assert population((0.9, "1")).standing(0.9) == 0.5


def test_weights_count_in_the_shares() -> None:
    """A reply that was closed by force is half a witness."""
    known = Population()
    answers: list[Answer | None] = [extract("4"), extract("5")]
    known.add(SILENT, answers[0])
    known.add(SILENT, answers[1], weight=0.5)

    assert (known.share(answers[0]), known.share(answers[1])) == pytest.approx((2 / 3, 1 / 3))

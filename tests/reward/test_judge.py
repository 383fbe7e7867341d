"""Judges: both orders, so that a liking for a position or a word cancels."""

import asyncio
import re
from collections.abc import Mapping
from itertools import product

import pytest
from tables import table

from marco_cli.engine.scripted import scripted_engine
from marco_cli.reward.judge import MANNERS, Judge
from marco_cli.reward.verdict import Examiner, probability

GOODNESS = {"poor": -1.0, "fair": 0.0, "good": 2.0}
"""Log-odds of each reply to be good."""


def biased(text: str, *, bias: float) -> Mapping[str, float]:
    """Judge by `GOODNESS`, plus a liking for what is named first."""
    pair = re.search(r"Reply A:\n(\w+)\n\nReply B:\n(\w+)\n\n.* A or B\.\n\Z", text, re.DOTALL)
    single = re.search(r"Reply:\n(\w+)\n\nIs this a good reply\? Answer (Yes|No) or \w+\.\n\Z", text)
    if pair:
        odds = GOODNESS[pair[1]] - GOODNESS[pair[2]] + bias
        return {"A": probability(odds), "B": probability(-odds)}
    if single:
        odds = GOODNESS[single[1]] + (bias if single[2] == "Yes" else -bias)
        return {"Yes": probability(odds), "No": probability(-odds)}
    return {}


def judged(manner: str, bias: float, replies: tuple[str, ...] = tuple(GOODNESS)) -> tuple[float, ...]:
    """Return what the replies are worth to such a judge."""

    async def work() -> tuple[float, ...]:
        engine = scripted_engine(lambda text: biased(text, bias=bias))
        judgement = await Judge(Examiner(engine, None), manner=manner).judge("How?", replies)
        await engine.close()
        return judgement.values

    return asyncio.run(work())


@table(product(MANNERS, [0.0, 5.0, -5.0]))
def test_a_liking_for_what_comes_first_cancels(manner: str, bias: float) -> None:
    """However strong it is, the replies are worth what they are worth to a judge without it."""
    values = judged(manner, bias)

    assert values == pytest.approx(judged(manner, 0.0), abs=1e-4)
    assert values == tuple(sorted(values))
    assert all(0 < value < 1 for value in values)


def test_a_pair_is_compared_by_the_difference_of_its_log_odds() -> None:
    """Two replies share one probability between them."""
    worse, better = judged("pairwise", 3.0, ("fair", "good"))

    assert better == pytest.approx(probability(2.0), abs=1e-4)
    assert worse + better == pytest.approx(1)


@table(MANNERS)
def test_a_judge_that_is_given_up_says_nothing(manner: str) -> None:
    """`Engine.cancel` ends what is under way without a verdict, and without an error: nothing is known of the replies."""

    async def work() -> tuple[float, ...]:
        engine = scripted_engine(lambda text: biased(text, bias=0))
        judging = asyncio.create_task(Judge(Examiner(engine, None), manner=manner).judge("How?", tuple(GOODNESS)))
        while not engine._waiting:  # noqa: ASYNC110 (the engine tells nobody)
            await asyncio.sleep(0)
        engine.cancel()
        judgement = await judging
        await engine.close()
        return judgement.values

    assert asyncio.run(work()) == (0.5,) * len(GOODNESS)

from dataclasses import replace
from typing import Any

import pytest
from view.story import candidate
from view.test_summary import result_of

from marco_cli.search.base import SearchResult
from marco_cli.search.vote import count_votes
from marco_cli.view.trust import trust, verdict


def alone(output: str = "42", *, confidence: float = 0.9, **more: Any) -> SearchResult:
    """Return the result of a single chain."""
    found = result_of(output)
    reply = replace(found.reply, signals=replace(found.reply.signals, confidence=confidence), **more)
    return replace(found, reply=reply, candidates=(replace(found.candidates[0], reply=reply),))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["72"] * 5, "sure"),
        (["72"] * 4 + ["19"], "sure"),
        (["72"] * 3 + ["19"], "fairly sure: 75 % of the vote, next 19"),
        (["72"] * 3 + ["19"] * 2 + ["24"], "fairly sure: 50 % of the vote, next 19"),
        (["72"] * 3 + ["19"] * 2 + ["24", "96"], "not sure: 43 % of the vote, next 19"),
    ],
)
def test_a_vote_is_trusted_by_its_leaders_share(answers: list[str], expected: str) -> None:
    """One number, the share of the vote, decides between three levels."""
    found = trust(result_of(*answers), doubt_below=0.98)

    assert found is not None
    assert found.text == expected


def test_a_model_that_was_not_measured_is_never_sure() -> None:
    """Replies that agree may be wrong together; how often, only a measurement tells."""
    found = trust(result_of(*["72"] * 5), doubt_below=None)

    assert found is not None
    assert found.text == "fairly sure: all 5 replies agree"


def test_a_lead_that_few_replies_hold_is_not_trusted() -> None:
    """Where most replies lost their weight to slips, what is left of the vote says little of a model that was not measured."""
    result = result_of("72", "72", *["-16"] * 5)
    result = replace(result, votes=count_votes(result.candidates, lambda _: [1.0, 1.0] + [0.01] * 5))
    texts = [(found := trust(result, doubt_below=each)) and found.text for each in (None, 0.98)]
    assert texts == ["not sure: 2 of 7 replies say so", "sure"]


@pytest.mark.parametrize(
    ("confidence", "doubt_below", "expected"),
    [(0.999, 0.98, "sure"), (0.985, 0.98, "fairly sure"), (0.9, 0.98, "not sure"), (0.999, None, None)],
)
def test_a_chain_is_trusted_where_its_model_was_measured(
    confidence: float, doubt_below: float | None, expected: str | None
) -> None:
    """Without a threshold nothing is known, and nothing is said."""
    found = trust(alone(confidence=confidence), doubt_below=doubt_below)

    assert (found and found.text) == expected


def test_a_false_sum_is_not_trusted() -> None:
    """However sure the model was of it."""
    wrong = alone(confidence=0.999)
    signals = replace(wrong.reply.signals, false_equations=1)
    wrong = replace(wrong, reply=replace(wrong.reply, signals=signals))

    assert verdict(wrong, doubt_below=0.5, is_verbose=False) == ["not sure: its arithmetic is false"]


def test_a_reply_that_broke_off_is_not_trusted() -> None:
    """It may end inside a number."""
    found = trust(alone(confidence=0.999, is_truncated=True), doubt_below=0.5)

    assert found is not None
    assert found.text == "not sure: the reply broke off"


def test_texts_are_neither_right_nor_wrong() -> None:
    """Nothing is said of a reply without an answer."""
    text = candidate(0, thought="", output="Here are some ideas. " * 5).reply

    assert trust(replace(result_of("1"), reply=replace(text, answer=None)), doubt_below=0.5) is None


def test_a_search_after_a_chain_is_told_in_the_same_line() -> None:
    """What became of the first reply stands behind how far the last is trusted."""
    first = candidate(9, thought="", output="24").reply

    assert verdict(result_of("72", "72", first=first), doubt_below=0.98, is_verbose=False) == [
        "sure; the search changed 24 to 72"
    ]


def test_two_lines_are_the_most() -> None:
    """Further notices are counted; verbose, all are there."""
    result = replace(result_of("72", "72"), notices=("one", "two", "three"))

    assert verdict(result, doubt_below=0.98, is_verbose=False) == ["sure", "one (2 more: -v)"]
    assert len(verdict(result, doubt_below=0.98, is_verbose=True)) == 4

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from rich.cells import cell_len
from tables import table
from view.story import Story, candidate

from marco_cli.engine.base import Usage
from marco_cli.search.base import SearchResult
from marco_cli.search.choice import choose
from marco_cli.search.vote import count_votes, majority
from marco_cli.view.summary import REASONS, purpose, replacement, summary
from marco_cli.view.trust import verdict


def result_of(*outputs: str, **more: Any) -> SearchResult:
    """Return a result whose replies say so."""
    candidates = tuple(
        candidate(number, thought="so", output=output, reward=number / 100) for number, output in enumerate(outputs)
    )
    votes = count_votes(candidates, majority)
    usual: dict[str, Any] = {
        "reply": candidates[votes[0].candidate_ids[0]].reply if votes else candidate(0, thought="", output="").reply,
        "candidates": candidates,
        "votes": votes,
        "certainty": 0.97,
        "stop_reason": "certain",
        "num_simulations": 14,
        "max_simulations": 32,
        "tree": None,
        "usage": Usage(decoded=3812),
        "seconds": 6.13,
    }
    return SearchResult(**(usual | more))


def test_a_summary_says_who_voted_and_why_it_ended() -> None:
    """A row an answer with its share, its paths and its best confidence; then the reason and the cost."""
    result = result_of("72", "24", "72", "forty-two apples", "72")

    assert summary(result, width=80).splitlines() == [
        "72   60 %  ████████████          3 paths   confidence 0.94",
        "42   20 %  ████                  1 path    confidence 0.93",
        "24   20 %  ████                  1 path    confidence 0.91",
        "stopped: certain (0.97) after 14 of 32 simulations, 3 812 tokens, 6.1 s",
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "stopped: certain (0.97) after 14 of 32 simulations, 3 812 tokens, 6.1 s"),
        (
            {"stop_reason": "time", "certainty": 0.8, "max_simulations": None},
            "stopped: time limit (certainty 0.80) after 14 simulations, 3 812 tokens, 6.1 s",
        ),
        (
            {"stop_reason": "finished", "certainty": 0.0, "num_simulations": 1, "max_simulations": 1},
            "stopped: finished after 1 of 1 simulation, 3 812 tokens, 6.1 s",
        ),
    ],
)
def test_the_reason_is_said_in_words(more: dict[str, Any], expected: str) -> None:
    """Why, how certain, after how much."""
    assert summary(result_of("72", **more)).splitlines()[-1] == expected


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_words(reason: str) -> None:
    """No reason of the search is missing from the table."""
    assert f"stopped: {REASONS[reason]}" in summary(result_of("72", stop_reason=reason))  # type: ignore[index]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (None, None),
        ("24", "the first answer, 24, was doubtful; the search changed it to 72"),
        ("72", "the first answer, 72, was confirmed"),
        ("", "the first reply was replaced by another"),
    ],
)
def test_a_change_of_mind_is_told(first: str | None, expected: str | None) -> None:
    """After `auto` has doubted the first reply the user learns whether the search came to another answer."""
    chain = None if first is None else candidate(9, thought="", output=first).reply
    lines = summary(result_of("72", "72", first=chain)).splitlines()

    assert [line for line in lines if line.startswith("the first")] == ([] if expected is None else [expected])


def test_only_an_independent_reply_confirms() -> None:
    """Variants of the last line below one path are the first answer again, in other words."""
    chain = candidate(9, thought="", output="72").reply
    found = result_of("72", "72", first=chain)
    variants = replace(found, candidates=tuple(replace(each, fresh=0.1) for each in found.candidates))

    assert "the first answer, 72, stands: the search found nothing better" in summary(variants).splitlines()


def test_looks_that_agree_are_told_as_such() -> None:
    """No search was made, and nothing is called doubtful."""
    chain = candidate(9, thought="", output="72").reply
    agreed = result_of("72", "72", "72", first=chain, num_looks=2, num_simulations=3)

    assert "2 more replies agree with the first answer, 72" in summary(agreed).splitlines()
    settled = result_of("72", "72", first=chain, num_looks=3, num_simulations=2)
    assert "another reply agrees with the first answer, 72" in summary(settled).splitlines()
    assert verdict(settled, doubt_below=None, is_verbose=False) == ["fairly sure; another reply agrees"]


def test_looks_that_end_without_agreement_are_no_agreement() -> None:
    """Time may end them, or the user: nothing has confirmed the first reply then."""
    chain = candidate(9, thought="", output="72").reply
    for outputs, reason in ((("72",), "time"), (("72", "24"), "stopped"), (("72", "72"), "simulations")):
        result = result_of(*outputs, first=chain, num_looks=3, num_simulations=3, stop_reason=reason)
        assert result.is_searched
        assert not any("agree" in line for line in summary(result).splitlines())


def test_a_search_without_output_says_so() -> None:
    """There is nothing to vote on, and still a reason and a cost."""
    lines = summary(result_of(stop_reason="time", certainty=0.0)).splitlines()

    assert lines == ["no reply has an output", "stopped: time limit after 14 of 32 simulations, 3 812 tokens, 6.1 s"]


def test_notices_are_repeated_at_the_end() -> None:
    """What stood on the screen while the search ran is gone with it."""
    assert summary(result_of("72", notices=("use \x1b[1manother preset",))).endswith("note: use \\x1b[1manother preset")


def test_many_answers_are_cut_short() -> None:
    """Eight rows are enough; the others are counted with their weight."""
    lines = summary(result_of(*(str(number) for number in range(20)))).splitlines()

    assert len(lines) == 10
    assert lines[8] == "12 more answers, 60 % together"


@table(product([10, 20, 33, 40, 64, 80, 120, 200], ["utf-8", "ascii"]))
def test_a_summary_fits_any_width(width: int, encoding: str) -> None:
    """No line is wider than the terminal, which would break it in the middle of a word, and all can be written."""
    result = result_of("72", "答案是四十二个发夹", "a long answer of many words " * 4, notices=("notice " * 30,))
    text = summary(replace(result, first=result.candidates[1].reply), width=width, encoding=encoding)

    text.encode(encoding)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "72" in text


def test_a_number_is_not_broken() -> None:
    """The space between thousands is not a place for the end of a line."""
    for width in range(20, 72):
        lines = summary(result_of("72"), width=width).splitlines()

        assert sum("3 812" in line for line in lines) == 1, lines


def test_a_file_gets_unbroken_lines() -> None:
    """Without a width nothing is broken, so that the lines can be searched."""
    text = summary(result_of("72", notices=("notice " * 60,)))

    assert len(text.splitlines()) == 3


def test_the_rows_of_a_search_are_its_votes() -> None:
    """The leader stands first, and the shares are those of the votes."""
    story = Story(simulations=30)
    list(story.events())
    rows = summary(story.result()).splitlines()[:-1]

    assert [int(row.split()[1]) for row in rows] == [round(100 * vote.weight) for vote in story.result().votes]


REFUSAL = "I'm sorry, but I can't assist with that."
ESSAYS = ("1. Be kind.\n2. Sleep well.\n3. Plant trees.", "- Sing.\n- Dance.\n- Talk to strangers.")


def open_ended(*outputs: str, **more: Any) -> SearchResult:
    """Return the result of an open-ended question."""
    result = result_of(*outputs, certainty=0.0, stop_reason="simulations", **more)
    votes = choose(result.candidates, majority)
    return replace(result, votes=votes, reply=result.candidates[votes[0].candidate_ids[0]].reply)


def test_nothing_is_counted_of_an_open_ended_question() -> None:
    """Texts that differ have no shares: told is how many there are, how many failed, and where the second best is."""
    chain = candidate(0, thought="so", output=REFUSAL).reply
    result = open_ended(REFUSAL, *ESSAYS, first=chain)

    lines = summary(result, width=80).splitlines()
    second = 3 - result.votes[0].candidate_ids[0]
    assert lines[:3] == [
        "nothing to vote on: the best of 3 replies in words, 1 refused",
        f"the second best: marco traces show --candidate {second}",
        "the first reply refused; this is another",
    ]
    assert "%" not in "\n".join(lines)
    assert replacement(result) == "the first reply refused; here is another:"


def test_one_reply_in_words_needs_no_words() -> None:
    """Where there is one reply there is nothing to say of its like."""
    assert len(summary(open_ended(ESSAYS[0])).splitlines()) == 1


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (REFUSAL, "the first reply refused; asking again; Ctrl-C takes it as it stands"),
        ("- towel\n" * 40, "the first reply repeated itself; asking again; Ctrl-C takes it as it stands"),
        ("The answer is 72.", "is 72 right? comparing it with other replies; Ctrl-C takes it as it stands"),
    ],
)
def test_a_search_says_why_it_begins(output: str, expected: str) -> None:
    """A reply that failed is not asked about."""
    assert purpose(candidate(0, thought="so", output=output), takes_enter=False) == expected

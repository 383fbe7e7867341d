"""What is given of several finished replies."""

import pytest
from search.scripts import reply_saying

from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Vote
from marco_cli.search.choice import choose
from marco_cli.search.likeness import overlap, typicality
from marco_cli.search.vote import count_votes, majority

REFUSAL = "I'm sorry, but I can't assist with that."
LOOP = "Try this:\n" + "- a towel\n" * 30
WALK = "1. Walk for 20 minutes a day.\n2. Sleep well.\n3. Call a friend once a week."
WALK_TOO = "1. Walk for 30 minutes a day.\n2. Sleep well.\n3. Call a friend once a week."
FRIEND = "- Call a friend once a week.\n- Walk to work, if you can.\n- Sleep at least eight hours a day."
STOCKS = "1. Purchase shares.\n2. Hold them until retirement.\n3. Ignore all newspapers."


def candidates(*outputs: str, cut: tuple[int, ...] = ()) -> list[Candidate]:
    """Return finished replies, those with these numbers cut."""
    return [
        Candidate(id=number, reply=reply_saying(output, is_cut=number in cut), node_id=0)
        for number, output in enumerate(outputs)
    ]


def order(votes: tuple[Vote, ...]) -> list[tuple[int, ...]]:
    """Return the replies of each vote, the leader's first."""
    return [vote.candidate_ids for vote in votes]


@pytest.mark.parametrize("rule", VOTES)
def test_an_answer_beats_refusals_and_loops_however_many_they_are(rule: str) -> None:
    """The likeliest text of a small model is often a refusal: under no vote does it win over an essay."""
    votes = choose(candidates(REFUSAL, REFUSAL, LOOP, REFUSAL, WALK), load(VOTES[rule]))

    assert votes[0].candidate_ids == (4,)
    assert votes[0].answer is None


def test_a_whole_reply_beats_a_cut_one() -> None:
    """What is cut lacks its end, and comes before refusals only."""
    assert order(choose(candidates(REFUSAL, WALK, STOCKS, cut=(1,)), majority)) == [(2,), (1,), (0,)]


def test_the_reply_that_has_most_in_common_with_the_others_leads() -> None:
    """What most replies say is more often right than what one says; those that say the same stand together."""
    votes = choose(candidates(STOCKS, WALK, FRIEND, WALK_TOO), majority)

    assert set(votes[0].candidate_ids) == {1, 3}
    assert order(votes)[1:] == [(2,), (0,)]
    assert sum(vote.weight for vote in votes) == pytest.approx(1)
    assert [vote.weight for vote in votes] == sorted((vote.weight for vote in votes), reverse=True)


def test_one_reply_has_all_the_weight() -> None:
    """Alone, a reply is the answer, whatever it is like."""
    for output in (WALK, REFUSAL):
        (vote,) = choose(candidates(output), majority)
        assert (vote.candidate_ids, vote.weight) == ((0,), 1.0)
    assert choose([], majority) == ()


def test_replies_with_answers_are_counted() -> None:
    """A question with an answer is voted on as ever; refusals and loops have no say unless most replies are such."""
    sums = candidates("The answer is 4.", REFUSAL, "The answer is 4.", "The answer is 5.", REFUSAL)
    assert choose(sums, majority) == count_votes(sums, majority)
    assert choose(sums, majority)[0].candidate_ids == (0, 2)

    refused = candidates(REFUSAL, REFUSAL, REFUSAL, "7")
    assert choose(refused, majority)[0].candidate_ids == (0, 1, 2)


def test_likeness_knows_words_and_no_order() -> None:
    """1 for the same words, 0 for none in common; Chinese counts by the character."""
    assert overlap("Walk and sleep", "sleep AND walk!") == 1
    assert overlap("Walk", "睡觉") == 0
    assert overlap("早点睡觉", "早点休息") == pytest.approx(0.5)
    assert overlap("", "") == 0
    assert typicality(["a b", "a b", "x y"]) == pytest.approx([0.5, 0.5, 0.0])
    assert typicality(["a"]) == [0.0]
    assert typicality([]) == []

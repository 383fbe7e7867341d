import pytest
from loop import finished
from search.scripts import find, grown_script
from traced import traced

from marco_cli.errors import ConfigError
from marco_cli.reward import REWARDS
from marco_cli.search import VOTES
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace
from marco_cli.trace.rescoring import checked, rescore

SCRIPT = grown_script(8)


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Return a trace of six replies, as it comes out of a file."""
    return decode(encode(traced(SCRIPT, strategy="vote", simulations=6, parallel=1)))


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("vote", VOTES)
def test_every_reward_and_vote_can_be_tried_afterwards(trace: Trace, reward: str, vote: str) -> None:
    """What a trace keeps is enough for every entry of the two tables."""
    anew = rescore(trace, reward=reward, vote=vote)

    assert sum(each.weight for each in anew.votes) == pytest.approx(1)
    assert all(0 <= each.reward <= 1 for each in anew.candidates)


def test_the_same_reward_and_vote_change_nothing(trace: Trace) -> None:
    """Rating the candidates of a file again gives the numbers that the search gave, to the last bit."""
    anew = rescore(trace)

    assert (anew.reward, anew.vote) == ("confidence", "majority")
    assert [each.reward for each in anew.candidates] == [each.reward for each in trace.candidates]
    assert [(vote.candidate_ids, vote.weight) for vote in anew.votes] == [
        (vote.candidate_ids, vote.weight) for vote in trace.votes
    ]
    assert anew.certainty == trace.result.certainty


@pytest.mark.parametrize(("reward", "vote"), [("agree", "weighted"), ("confidence", "best"), ("agreement", "majority")])
def test_a_vote_afterwards_is_the_vote_of_a_search(trace: Trace, reward: str, vote: str) -> None:
    """The vote over stored signals is the one that a search with that reward and that vote comes to."""
    anew = rescore(trace, reward=reward, vote=vote)
    searched = find(SCRIPT, strategy="vote", simulations=6, parallel=1, certainty=1.0, reward=reward, vote=vote)

    assert [vote.weight for vote in anew.votes] == [vote.weight for vote in searched.votes]
    assert anew.leader is not None
    assert anew.leader.reply.data == searched.reply.data


@pytest.mark.parametrize(
    ("reward", "vote", "words"), [("agre", None, "did you mean"), (None, "xyz", "expected one of")]
)
def test_unknown_names_are_refused(trace: Trace, reward: str | None, vote: str | None, words: str) -> None:
    """A slip of the pen is named, with what there is."""
    with pytest.raises(ConfigError) as refused:
        rescore(trace, reward=reward, vote=vote)
    assert words in f"{refused.value.message} {refused.value.hint}"


def test_checks_can_be_made_afterwards() -> None:
    """The replies of a file are judged without a model: the right answer leads, and the wrong ones have no weight."""
    found = decode(encode(traced(SCRIPT, strategy="vote", simulations=6, parallel=1)))
    answers = [each.reply.answer.canonical for each in found.candidates if each.reply.answer is not None]
    right = min(set(answers), key=answers.count)
    judged = finished(checked(found, (f"math:{right}",)))
    anew = rescore(judged)

    assert anew.leader is not None
    assert anew.leader.reply.is_verified
    assert {vote.weight for vote in anew.votes[1:]} <= {0.0}
    assert [each.reply.is_verified for each in judged.candidates] == [answer == right for answer in answers]


def test_verdicts_are_kept() -> None:
    """What a check said is in the trace, so that the vote of the file is the vote of the search."""
    made = traced(SCRIPT, strategy="vote", simulations=6, parallel=1, check=("math:3",))
    kept = decode(encode(made))

    def said(trace: Trace) -> list[tuple[str, float | None, str]]:
        verdicts = [each.reply.verdict for each in trace.candidates if each.reply.verdict is not None]
        return [(each.judgement, each.value, each.why) for each in verdicts]

    assert said(kept) == said(made)
    assert len(said(kept)) == len(kept.candidates)
    assert kept.settings.check == ("math:3",)
    assert [vote.weight for vote in rescore(kept).votes] == [vote.weight for vote in made.votes]

"""From finished paths to one answer."""

import math
import statistics
from dataclasses import replace
from itertools import product

import pytest
from tables import table

from marco_cli.answer import extract
from marco_cli.reward.signals import measure
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Reply
from marco_cli.search.rollout import NOTHING
from marco_cli.search.vote import certainty, checked, count_votes, likely, majority, probability_ahead, weighted

SILENT = measure(NOTHING)


def candidate(
    number: int,
    output: str,
    *,
    confidence: float = 0.9,
    is_forced: bool = False,
    is_free: bool = False,
    is_cut: bool = False,
    fresh: float = 1.0,
) -> Candidate:
    """Return a finished path that answers `output`."""
    reply = Reply(
        tokens=NOTHING,
        data=output.encode(),
        thought="",
        output=output,
        answer=None if is_free else extract(output),
        finish_reason="eos",
        is_forced=is_forced,
        is_truncated=is_cut,
        signals=replace(SILENT, confidence=confidence),
    )
    return Candidate(id=number, reply=reply, node_id=number, fresh=fresh, reward=confidence)


def outcome(candidates: list[Candidate], rule: str) -> list[tuple[str | None, tuple[int, ...]]]:
    """Return the answers with who stands for them, leader first."""
    votes = count_votes(candidates, load(VOTES[rule]))
    return [(vote.answer.canonical if vote.answer else None, vote.candidate_ids) for vote in votes]


FOUR_TO_ONE = [
    candidate(0, "The answer is 4.", confidence=0.957),
    candidate(1, "The answer is 5.", confidence=0.962),
    candidate(2, "So it is 4.00", confidence=0.955),
    candidate(3, "\\boxed{4}", confidence=0.961),
    candidate(4, "4", confidence=0.956),
]


@pytest.mark.parametrize(("rule", "leader"), [("majority", "4"), ("weighted", "4"), ("best", "5")])
def test_each_rule_has_its_own_leader(rule: str, leader: str) -> None:
    """Four sure replies outvote one surer one, except where only the best counts; equal answers pool their votes."""
    votes = outcome(FOUR_TO_ONE, rule)

    assert votes[0][0] == leader
    assert dict(votes)["4"] == (3, 0, 4, 2)


@pytest.mark.parametrize("rule", VOTES)
def test_every_rule_gives_shares_that_add_up(rule: str) -> None:
    """Weights are shares of one, whatever the rule; without candidates there is no vote."""
    votes = count_votes(FOUR_TO_ONE, load(VOTES[rule]))

    assert sum(vote.weight for vote in votes) == pytest.approx(1)
    assert count_votes([], load(VOTES[rule])) == ()
    assert [vote.weight for vote in votes] == sorted((vote.weight for vote in votes), reverse=True)


@pytest.mark.parametrize("rule", ["majority", "weighted"])
def test_replies_closed_by_force_weigh_half(rule: str) -> None:
    """Two answers that were forced out of unfinished thoughts do not outvote two that were reached."""
    candidates = [
        candidate(0, "4", is_forced=True), candidate(1, "4", is_forced=True), candidate(2, "5"), candidate(3, "5"),
    ]  # fmt: skip
    votes = count_votes(candidates, load(VOTES[rule]))

    assert [vote.weight for vote in votes] == pytest.approx([2 / 3, 1 / 3])
    assert votes[0].candidate_ids == (2, 3)


@pytest.mark.parametrize("rule", VOTES)
@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (["80", "80", "80"], ["12"]),  # many against one
        (["The answer is 80"], ["12", "13"]),
        (["80"], ["I cannot say."]),  # a number against a text
    ],
)
def test_a_cut_reply_never_wins_against_a_whole_one(rule: str, cut: list[str], whole: list[str]) -> None:
    """It may end inside a number, however sure the model was of it."""
    candidates = [
        *(candidate(n, text, confidence=0.99, is_cut=True) for n, text in enumerate(cut)),
        *(candidate(n, text, confidence=0.8) for n, text in enumerate(whole, start=len(cut))),
    ]
    leader, *_ = count_votes(candidates, load(VOTES[rule]))

    assert all(id_ >= len(cut) for id_ in leader.candidate_ids)


@pytest.mark.parametrize("rule", VOTES)
def test_a_cut_reply_does_not_speak_for_the_answer_of_a_whole_one(rule: str) -> None:
    """Of two replies with the same answer the whole one is shown."""
    candidates = [candidate(0, "12", confidence=0.99, is_cut=True), candidate(1, "12", confidence=0.5)]

    assert count_votes(candidates, load(VOTES[rule]))[0].candidate_ids == (1, 0)


@pytest.mark.parametrize("rule", VOTES)
def test_cut_replies_vote_where_there_are_no_others(rule: str) -> None:
    """An answer from a cut reply is better than nothing."""
    candidates = [candidate(0, "12", is_cut=True), candidate(1, "12", is_cut=True), candidate(2, "80", is_cut=True)]

    assert count_votes(candidates, load(VOTES[rule]))[0].weight > 0
    assert certainty(count_votes(candidates, load(VOTES[rule])), candidates) == pytest.approx(0.5)


def test_confidence_weighs_by_its_distance_from_the_mean() -> None:
    """The scale of confidences does not matter, only how far apart they are: models differ in it."""
    wide = [candidate(n, "1", confidence=c) for n, c in enumerate((0.5, 0.6, 0.7))]
    narrow = [candidate(n, "1", confidence=c) for n, c in enumerate((0.95, 0.96, 0.97))]

    assert weighted(wide) == pytest.approx(weighted(narrow))
    assert weighted(wide)[0] < weighted(wide)[1] < weighted(wide)[2]


def written(number: int, output: str, *, logprob: float, length: int, false: int = 0) -> Candidate:
    """Return a finished path of so many tokens with this mean log-probability."""
    made = candidate(number, output)
    signals = replace(made.reply.signals, num_tokens=length, mean_logprob=logprob, false_equations=false)
    return replace(made, reply=replace(made.reply, signals=signals))


def test_an_answer_is_worth_the_probability_of_the_paths_to_it() -> None:
    """One likely path outweighs two unlikely ones, as it would among samples; of equal length, only e^(40 l) counts."""
    likely_one, *others = (
        written(n, a, logprob=p, length=70) for n, a, p in [(0, "4", -0.02), (1, "5", -0.05), (2, "5", -0.06)]
    )

    assert likely([likely_one, *others]) == pytest.approx([1, math.exp(-40 * 0.03), math.exp(-40 * 0.04)])
    assert outcome([likely_one, *others], "likely")[0] == ("4", (0,))
    assert outcome([likely_one, *others], "majority")[0][0] == "5"


def test_a_longer_path_counts_less_by_the_root_of_its_length() -> None:
    """Nine times the tokens at the same log-probability each are three times the exponent."""
    short, long = likely([written(0, "4", logprob=-0.1, length=10), written(1, "5", logprob=-0.1, length=90)])

    assert short == 1
    assert long == pytest.approx(math.exp(-4 * (90**0.5 - 10**0.5) / 50**0.5))


@table(product([0.0, -1.0, -1e4], [0, 50]))
def test_weights_do_not_vanish(logprob: float, length: int) -> None:
    """However unlikely all replies are, and without any scores, somebody leads."""
    assert max(likely([written(n, "4", logprob=logprob - n, length=length) for n in range(2)])) == 1


def test_weights_of_replies_that_differ_much_are_drawn_together() -> None:
    """One standard deviation is worth two e-folds at most, whatever the model; smaller ones are left as they are."""
    far, near = (
        [math.log(weight) for weight in likely([written(n, "5", logprob=-n * step, length=50) for n in range(4)])]
        for step in (0.3, 0.01)
    )

    assert statistics.pstdev(far) == pytest.approx(2)
    assert near == pytest.approx([0, -0.4, -0.8, -1.2])


def test_false_arithmetic_costs_a_path_its_weight() -> None:
    """`checked` is `likely` with next to nothing for a reply whose equations are false."""
    candidates = [written(0, "4", logprob=-0.01, length=70, false=1), written(1, "5", logprob=-0.05, length=70)]

    assert outcome(candidates, "likely")[0][0] == "4"
    assert outcome(candidates, "checked")[0][0] == "5"


def test_false_arithmetic_counts_a_twentieth_of_the_rest_however_likely_it_is() -> None:
    """Likelihood does not make up for a slip; where all slipped, the likeliest leads."""
    slips = [written(n, "4", logprob=-0.01, length=70, false=1) for n in range(3)]
    sound = written(3, "5", logprob=-0.5, length=70)
    votes = count_votes([*slips, sound], checked)

    assert [vote.weight for vote in votes] == pytest.approx([1 / 1.05, 0.05 / 1.05])
    assert votes[0].candidate_ids == (3,)
    assert checked(slips) == likely(slips)


def test_free_text_is_decided_by_reward_and_never_certain() -> None:
    """No two translations count as the same answer: the best reward wins."""
    candidates = [candidate(n, "texte", confidence=c, is_free=True) for n, c in enumerate((0.7, 0.9, 0.8))]
    votes = count_votes(candidates, majority)

    assert [vote.candidate_ids for vote in votes] == [(1,), (2,), (0,)]
    assert certainty(votes, candidates) == 0


def test_a_reply_without_answer_does_not_outweigh_one_with() -> None:
    """Where answers can be read, a reply that has none is not a rival, however sure it was."""
    candidates = [candidate(0, "hm", confidence=0.999, is_free=True), candidate(1, "4", confidence=0.5)]

    assert all(outcome(candidates, rule)[0] == ("4", (1,)) for rule in VOTES)


def test_ties_go_to_the_higher_reward_then_to_the_earlier() -> None:
    """The result never depends on the order of a dictionary."""
    tied = [candidate(0, "4", confidence=0.8), candidate(1, "5", confidence=0.9)]
    equal = [candidate(0, "4"), candidate(1, "5")]

    assert outcome(tied, "majority")[0][0] == "5"
    assert outcome(equal, "majority")[0][0] == "4"


@table([(0, 0, 0.5), (1, 0, 0.75), (3, 0, 15 / 16), (4, 0, 31 / 32), (3, 1, 13 / 16), (2, 2, 0.5), (20, 2, 0.999967)])
def test_posterior_equals_the_binomial_tail(leader: int, other: int, wanted: float) -> None:
    """P(p > 1/2) under Beta(v1 + 1, v2 + 1) is a sum of binomial coefficients for whole counts."""
    assert probability_ahead(leader, other) == pytest.approx(wanted, abs=1e-5)


def test_replies_that_share_their_thought_are_weak_witnesses() -> None:
    """Three branches off the last step of one reply are not proof; three replies of their own are more."""
    own = [candidate(n, "4") for n in range(4)]
    shared = [candidate(0, "4"), *(candidate(n, "4", fresh=0.1) for n in range(1, 4))]

    assert certainty(count_votes(own, majority), own) > 0.95
    assert certainty(count_votes(shared, majority), shared) < 0.85

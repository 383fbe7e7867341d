"""What a check changes in a search: a right answer ends it, wrong ones leave the vote, the rest stays as it was."""

import asyncio
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from check.scripted_check import Knows
from search.scripts import answer, find, grown_script, lines
from tables import table

from marco_cli.check.base import Submission, Verdict
from marco_cli.check.panel import Panel
from marco_cli.engine.scripted import END
from marco_cli.search import STRATEGIES
from marco_cli.search.base import SearchResult
from marco_cli.search.route import answer_or_search
from marco_cli.sections import NONE

PICK = lines(
    {
        "": {"<Thought>\nGo on.\n": 0.7, "<Thought>\nStart.\n": 0.3},
        "<Thought>\nGo on.\n": {f"Pick one.\n{answer('4')}": 0.7, f"Pick another.\n{answer('5')}": 0.3},
        "<Thought>\nStart.\n": {f"Pick one.\n{answer('4')}": 0.8, f"Or two.\n{answer('22')}": 0.2},
    }
)
"""Two openings, three answers, no arithmetic; greedy says 4."""


def search_for(right: str, *, unknown: tuple[str, ...] = (), **config: Any) -> tuple[SearchResult, Knows]:
    """Search `PICK`, whose greedy answer is 4 and which also says 5 and 22, with a check that knows what is right."""
    check = Knows(right, unknown=unknown)
    settings = {"verifier": Panel([check])}
    return find(PICK, settings=settings, **{"simulations": 16, "certainty": 1.0, **config}), check


@table(product(STRATEGIES, [1, 3]))
def test_a_right_answer_ends_every_search(strategy: str, parallel: int) -> None:
    """The first reply that the check finds right is the answer, whatever the strategy."""
    result, _ = search_for("4", strategy=strategy, parallel=parallel)

    assert result.stop_reason == "verified"
    assert result.answer is not None
    assert result.answer.canonical == "4"
    assert result.reply.is_verified
    assert sum(candidate.reply.is_verified for candidate in result.candidates) == 1


@pytest.mark.parametrize("strategy", ["mcts", "vote", "best-of-n"])
def test_a_search_finds_what_the_majority_denies(strategy: str) -> None:
    """The answer of the check wins although most replies say another, which leave the vote."""
    result, _ = search_for("5", strategy=strategy, seed=3)

    assert result.answer is not None
    assert result.answer.canonical == "5"
    assert result.stop_reason == "verified"
    assert [vote.weight for vote in result.votes[1:]] == [0.0] * (len(result.votes) - 1)


@pytest.mark.parametrize("strategy", ["mcts", "vote", "best-of-n"])
def test_refuted_answers_leave_the_vote(strategy: str) -> None:
    """With 4 refuted and the rest beyond the check, one of the rest leads."""
    result, _ = search_for("none", unknown=("5", "22"), strategy=strategy)

    assert result.answer is not None
    assert result.answer.canonical in ("5", "22")
    assert {vote.weight for vote in result.votes if vote.answer and vote.answer.canonical == "4"} == {0.0}
    assert result.stop_reason != "verified"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_check_that_cannot_judge_changes_nothing(strategy: str) -> None:
    """Votes, tree, rewards and reason of the end are those of the search without a check; the trouble is told once."""

    def gist(result: SearchResult) -> tuple[Any, ...]:
        tree = () if result.tree is None else result.tree.snapshot()
        return [(each.reply.data, each.reward) for each in result.candidates], result.votes, result.stop_reason, tree

    plain = find(PICK, strategy=strategy, simulations=8)
    result, _ = search_for("none", unknown=("4", "5", "22"), strategy=strategy, simulations=8, certainty=0.95)

    assert gist(result) == gist(plain)
    assert result.notices == ("this check is out of order",)


def test_each_answer_is_judged_once() -> None:
    """Many replies with three answers cost three checks."""
    _, check = search_for("none", strategy="vote")

    assert sorted(check.asked) == sorted(set(check.asked))


def test_values_are_backed_up() -> None:
    """Refuted replies are worth 0 to the tree, the right one 1."""
    result, _ = search_for("22", strategy="mcts", simulations=32)

    assert result.stop_reason == "verified"
    rewards = {candidate.reply.is_verified: candidate.reward for candidate in result.candidates}
    assert rewards == {False: 0.0, True: 1.0}


class Slow(Knows):
    """A check whose answers take the longer the later they are asked for, or the shorter."""

    def __init__(self, right: str, *, seconds: float, is_faster: bool) -> None:
        super().__init__(right)
        self._seconds = seconds
        self._is_faster = is_faster

    async def check(self, submission: Submission) -> Verdict:
        """Wait, then judge."""
        turn = len(self.asked)
        await asyncio.sleep(self._seconds * (max(0, 5 - turn) if self._is_faster else turn))
        return await super().check(submission)


@pytest.mark.parametrize("strategy", ["mcts", "vote", "best-of-n", "mcts-paper"])
def test_how_long_checks_take_changes_no_search(strategy: str) -> None:
    """With several lanes, replies and tree are the same whether checks take no time, or more and more, or less and less."""

    def outcome(seconds: float, *, is_faster: bool) -> tuple[Any, ...]:
        check = Slow("3", seconds=seconds, is_faster=is_faster)
        result = find(
            grown_script(5), strategy=strategy, simulations=9, parallel=3, settings={"verifier": Panel([check])}
        )
        tree = () if result.tree is None else result.tree.snapshot()
        return [each.reply.data for each in result.candidates], result.votes, result.stop_reason, tree

    assert outcome(0, is_faster=False) == outcome(0.003, is_faster=False) == outcome(0.003, is_faster=True)


def test_a_right_chain_needs_no_search_and_a_wrong_one_does() -> None:
    """`auto` stops at a chain that is verified and searches on from one that is refuted, sure as the model may be."""
    right = find(PICK, run=answer_or_search, settings={"verifier": Panel([Knows("4")])}, doubt_below=1.0)
    wrong = find(PICK, run=answer_or_search, settings={"verifier": Panel([Knows("5")])}, doubt_below=0.0)

    assert (right.stop_reason, right.first, len(right.candidates)) == ("verified", None, 1)
    assert wrong.first is not None
    assert wrong.first.is_refuted
    assert wrong.answer is not None
    assert (wrong.stop_reason, wrong.answer.canonical) == ("verified", "5")


@table([(True, True), (False, False)])
def test_a_text_that_was_cut_is_searched_on_where_there_is_a_check(has_check: bool, is_searched: bool) -> None:
    """Half a function is not what a check asks for; without one, a text that says something stands."""
    words = {"```python\ndef f(x):\n    a = 1\n    return a\n": 0.7, f"```python\ndef f(x):\n    pass\n```{END}": 0.3}
    result = find(
        lambda text: {} if text.rpartition("assistant\n")[2] else words,
        run=answer_or_search,
        problem=lambda problem: replace(problem, tags=NONE, max_tokens=30),
        settings={"verifier": Panel([Knows("right", unknown=("",))])} if has_check else {},
        simulations=4,
    )
    assert (result.first is not None) is is_searched


class Hanging(Knows):
    """A check that never ends by itself."""

    ended = False

    async def check(self, submission: Submission) -> Verdict:
        """Wait to be cancelled."""
        try:
            await asyncio.sleep(3600)
        finally:
            self.ended = True
        raise AssertionError(submission)


def test_a_check_ends_with_the_time_of_the_search() -> None:
    """What a check takes counts as time of the search; at its end the check is cancelled and the answer stands."""
    check = Hanging("4")
    now = [0.0]

    def clock() -> float:
        now[0] += 0.25
        return now[0]

    result = find(PICK, strategy="cot", time_limit=100.0, settings={"verifier": check, "clock": clock})

    assert check.ended
    assert result.answer is not None
    assert result.reply.verdict is not None
    assert result.reply.verdict.judgement == "unknown"
    assert result.stop_reason == "time"

"""A process model in a search: the reward of its steps, the vote, and the beam."""

from collections.abc import Sequence
from typing import Any

import pytest
from search.scripts import SUM, Scorer, answer, find, grown_script, lines
from tables import table

from marco_cli.engine.base import Usage
from marco_cli.errors import ConfigError
from marco_cli.reward.judge import Judgement
from marco_cli.search.route import answer_or_search
from marco_cli.search.step_scores import TOO_LONG

PROCESS: dict[str, Any] = {"reward": "process", "vote": "process", "simulations": 8}


@table(
    [
        *((strategy, f"= {text}", text) for strategy in ("mcts", "best-of-n", "vote") for text in ("5", "22")),
        *((strategy, "= 5", "5") for strategy in ("beam", "tot")),
    ]
)
def test_what_the_process_model_believes_in_wins(strategy: str, word: str, expected: str) -> None:
    """Under every strategy that finds it, though the model itself prefers 4 and votes for it."""
    scorer = Scorer(word)
    config: dict[str, Any] = {**PROCESS, "simulations": 24, "certainty": 1.0, "vote": "best", "corrects": False}
    result = find(SUM, strategy=strategy, settings={"scorer": scorer}, beam_width=8, beam_branching=4, **config)
    answers = {each.reply.answer.canonical for each in result.candidates if each.reply.answer is not None}

    assert expected in answers
    assert result.answer is not None
    assert result.answer.canonical == expected
    assert result.reply.signals.process == 0.9
    assert max(each.reward for each in result.candidates) == pytest.approx(0.9)


def test_the_vote_adds_up_what_the_process_model_says() -> None:
    """One reply it believes in outweighs several that it does not."""
    result = find(SUM, strategy="vote", settings={"scorer": Scorer("= 5")}, **{**PROCESS, "certainty": 1.0})
    weights = {vote.answer.canonical: vote.weight for vote in result.votes if vote.answer is not None}
    scores: dict[str, float] = {}
    for each in result.candidates:
        assert each.reply.answer is not None
        scores[each.reply.answer.canonical] = scores.get(each.reply.answer.canonical, 0) + (
            each.reply.signals.process or 0
        )

    assert weights == pytest.approx({key: score / sum(scores.values()) for key, score in scores.items()})


def test_the_beam_keeps_what_the_process_model_believes_in() -> None:
    """The only beam goes where the model itself would not, and the steps come without the marks of the format."""
    scorer = Scorer("Think")
    result = find(SUM, strategy="beam", beam_width=1, beam_branching=8, settings={"scorer": scorer}, **PROCESS)

    assert result.reply.thought.startswith("Think first.")
    assert ("Add.",) in scorer.asked
    assert not any("Thought>" in step or "Output>" in step for steps in scorer.asked for step in steps)


def test_each_beginning_is_asked_about_once() -> None:
    """However many replies share it."""
    scorer = Scorer("a")
    find(grown_script(3), strategy="mcts", settings={"scorer": scorer}, **{**PROCESS, "parallel": 1})

    assert len(scorer.asked) == len(set(scorer.asked))
    assert len(scorer.asked) > len({steps[0] for steps in scorer.asked})


def test_a_process_model_without_room_costs_nothing_that_was_found() -> None:
    """The replies stand at a half, and the user is told once."""
    result = find(SUM, strategy="mcts", settings={"scorer": Scorer("4", has_room=False)}, **PROCESS)

    assert result.reply.output
    assert {each.reply.signals.process for each in result.candidates} == {0.5}
    assert result.notices.count(TOO_LONG) == 1


@pytest.mark.parametrize("config", [{"reward": "process"}, {"vote": "process"}])
def test_a_process_reward_wants_a_process_model(config: dict[str, Any]) -> None:
    """Before anything is generated."""
    with pytest.raises(ConfigError, match="go by a process model"):
        find(SUM, strategy="mcts", **config)


def test_auto_searches_on_from_a_chain_that_the_process_model_doubts() -> None:
    """However sure the model itself is."""
    sure = lines({"": {"<Thought>\n1\n" + answer("1"): 0.999, "<Thought>\n2\n" + answer("2"): 0.001}})
    config: dict[str, Any] = {
        "strategy": "mcts",
        "reward": "process",
        "vote": "process",
        "simulations": 4,
        "doubt_below": 0.5,
    }

    believed = find(sure, run=answer_or_search, settings={"scorer": Scorer("1")}, **config)
    doubted = find(sure, run=answer_or_search, settings={"scorer": Scorer("2")}, **config)

    assert believed.first is None
    assert doubted.first is not None


class LikesLong:
    """A judge that prefers the longer reply."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def judge(self, question: str, replies: Sequence[str]) -> Judgement:
        """Return worths in the order of lengths."""
        self.asked.append(tuple(replies))
        longest = max(map(len, replies))
        return Judgement(values=tuple(len(reply) / longest for reply in replies), usage=Usage(prefilled=1))


_TEXT = "Try to walk every day, to sleep at the same hours, and to eat what you cook yourself, since all of that keeps people in good health."
ADVICE = lines(
    {
        "": {
            f"<Thought>\nHm.\n</Thought>\n<Output>\n- {_TEXT}\n- {_TEXT[:70]} for {n} years.\n- {'More. ' * n}\n</Output><|im_end|>": 1
            / 3
            for n in (1, 2, 3)
        }
    }
)


def test_a_judge_chooses_among_texts() -> None:
    """Without it the reply that is most like the others is given; where there are answers it is not asked."""
    judge = LikesLong()
    result = find(ADVICE, strategy="best-of-n", settings={"judge": judge}, simulations=8, certainty=1.0)

    assert result.is_open_ended
    assert result.reply.output == max(judge.asked[0], key=len)
    assert result.candidates[result.votes[0].candidate_ids[0]].reward == 1.0

    find(SUM, strategy="best-of-n", settings={"judge": judge}, simulations=8)
    assert len(judge.asked) == 1

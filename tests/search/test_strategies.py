"""What every strategy of the table keeps to."""

import asyncio
import itertools
import math
from itertools import product
from typing import Any

import pytest
from loop import finished
from search.scripts import PROMPT, SUM, Inline, Scorer, find, grown_script, lines
from tables import table

from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.errors import ConfigError, ContextOverflowError, DecodeError
from marco_cli.reward import REWARDS
from marco_cli.search import STRATEGIES, VOTES
from marco_cli.search.base import Problem
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.events import NodesAdded, SearchEnded, SearchStarted, SimulationEnded, VoteChanged
from marco_cli.search.solve import search
from marco_cli.sections import MARCO


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_answers(strategy: str) -> None:
    """Each entry of the table finds the answer that the scripted model is surest of, with its evidence."""
    result = find(SUM, strategy=strategy, simulations=8)

    assert result.answer is not None
    assert result.reply.output
    assert result.strategy == strategy
    assert result.candidates
    assert result.votes[0].answer == result.answer
    assert sum(vote.weight for vote in result.votes) == pytest.approx(1)
    assert sorted(each for vote in result.votes for each in vote.candidate_ids) == list(range(len(result.candidates)))
    assert result.usage.decoded > 0
    assert all("put right" in notice for notice in result.notices)


@table(product(STRATEGIES, [1, 3]))
def test_the_same_seed_gives_the_same_search(strategy: str, parallel: int) -> None:
    """Same seed and same `parallel`: the same replies, votes and tree, whatever the machine was doing."""

    def outcome() -> tuple[Any, ...]:
        result = find(grown_script(5), strategy=strategy, simulations=6, parallel=parallel, seed=11)
        tree = () if result.tree is None else result.tree.snapshot()
        return [each.reply.data for each in result.candidates], result.votes, result.stop_reason, tree

    assert outcome() == outcome()


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "cot"])
def test_another_seed_gives_other_replies(strategy: str) -> None:
    """The seed is used."""
    texts = {
        find(grown_script(5), strategy=strategy, simulations=3, seed=seed).candidates[-1].reply.data
        for seed in range(5)
    }

    assert len(texts) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_reply_carries_all_signals(strategy: str) -> None:
    """Another reward or vote can be applied later: nothing about a finished path is thrown away."""
    for candidate in find(SUM, strategy=strategy, simulations=4).candidates:
        signals = candidate.reply.signals
        assert signals.num_tokens == int(candidate.reply.tokens.is_sampled.sum())
        assert 0 < signals.lowest_confidence <= signals.lowest_group_confidence <= 1
        assert 0 < signals.confidence <= 1
        assert signals.answer_margin is not None
        assert 0 < candidate.agreement <= 1
        assert 0 <= candidate.reward <= 1


@table(product(REWARDS, VOTES))
def test_every_reward_works_with_every_vote(reward: str, vote: str) -> None:
    """Both tables, crossed: a search ends with an answer and rewards in [0, 1]."""
    settings = {"scorer": Scorer("4")} if "process" in (reward, vote) else {}
    result = find(SUM, strategy="mcts", simulations=4, reward=reward, vote=vote, settings=settings)

    assert result.answer is not None
    assert all(0 <= candidate.reward <= 1 for candidate in result.candidates)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_model_without_the_tags_is_noticed(strategy: str) -> None:
    """The wrong preset is told after the first rollout, once, and the search goes on."""
    result = find(lines({"": {"Four, 4." + END: 0.6, "Five: 5." + END: 0.4}}), strategy=strategy, simulations=4)

    assert len(result.notices) == 1
    assert "<Thought>" in result.notices[0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_errors_of_the_engine_come_out_as_they_are(strategy: str) -> None:
    """A refused batch ends the search with its own error, not with a group of errors or a half result."""

    def broken(text: str) -> dict[str, float]:
        if "Think" in text or "Add" in text:
            raise DecodeError("the model refused")
        return dict(SUM(text))

    with pytest.raises(DecodeError, match="the model refused"):
        find(broken, strategy=strategy, simulations=4)


def test_samples_are_independent_and_repeatable_one_by_one() -> None:
    """The i-th sample is the same reply whether one, four or eight run at once and whatever n is."""

    def texts(n: int, parallel: int) -> set[bytes]:
        result = find(grown_script(9), strategy="best-of-n", simulations=n, parallel=parallel)
        return {candidate.reply.data for candidate in result.candidates}

    assert texts(6, 1) == texts(6, 6)
    assert texts(3, 1) <= texts(6, 4)


def test_the_vote_stops_when_it_is_certain() -> None:
    """Four replies of one mind are enough for 0.95; certainty 1 never stops early."""
    sure = lines({"": {"<Thought>\nFour.\n</Thought>\n<Output>\n4\n</Output>" + END: 1.0}})
    early = find(sure, strategy="vote", simulations=32, parallel=1)
    never = find(sure, strategy="vote", simulations=8, parallel=1, certainty=1)

    assert (early.stop_reason, early.num_simulations) == ("certain", 4)
    assert early.certainty >= 0.95
    assert (never.stop_reason, never.num_simulations) == ("simulations", 8)


def test_events_tell_the_whole_search() -> None:
    """A listener can rebuild the tree, the votes and the totals from the events alone."""
    events: list[object] = []
    result = find(SUM, strategy="mcts", simulations=6, settings={"on_event": events.append})
    nodes = {node.id: node for event in events if isinstance(event, NodesAdded) for node in event.nodes}
    ended = [event for event in events if isinstance(event, SimulationEnded)]
    for event in ended:
        nodes.update({node.id: node for node in event.path})

    assert isinstance(events[0], SearchStarted)
    assert isinstance(events[-1], SearchEnded)
    assert result.tree is not None
    assert [event.number for event in ended] == list(range(1, result.num_simulations + 1))
    assert [(n.id, n.parent, n.visits, n.value) for _, n in sorted(nodes.items())] == [
        (n.id, n.parent, n.visits, n.value) for n in result.tree.snapshot()
    ]
    assert [event for event in events if isinstance(event, VoteChanged)][-1].votes == result.votes
    assert ended[-1].progress.num_tokens == result.usage.decoded


def test_votes_are_news_in_proportion() -> None:
    """Each of the first 64 replies is followed by the votes, later ones by every 64th part: no listener costs n² work."""
    events: list[object] = []
    settings = {"on_event": events.append}
    result = find(grown_script(9, depth=2), strategy="best-of-n", simulations=200, parallel=4, settings=settings)
    voted = [event.votes for event in events if isinstance(event, VoteChanged)]
    sizes = [sum(len(vote.candidate_ids) for vote in votes) for votes in voted]

    assert sizes[:64] == list(range(1, 65))
    assert all(later - size <= size / 64 + 1 for size, later in itertools.pairwise(sizes))
    assert len(sizes) < 64 + 64 * math.log(200 / 64) + 2
    assert voted[-1] == result.votes


def test_usage_is_that_of_this_search_alone() -> None:
    """Two searches on one engine at once each account for their own work."""

    async def work() -> tuple[int, int, int]:
        engine = scripted_engine(SUM)
        engine._thread = Inline()
        problem = Problem(prompt_ids=engine.tokenize(PROMPT, special=True), tags=MARCO)
        config = SearchConfig(strategy="vote", simulations=3, step="line")
        one, other = await asyncio.gather(*(search(problem, SearchContext(engine=engine), config) for _ in range(2)))
        await engine.close()
        return one.usage.decoded, other.usage.decoded, engine.usage.decoded

    one, other, both = finished(work())
    assert one == other
    assert one + other == both


@table(
    [
        ({"strategy": "mtcs"}, "strategy is 'mtcs', expected one of cot, "),
        ({"vote": "loudest"}, "vote is 'loudest'"),
        ({"reward": "luck"}, "reward is 'luck'"),
        ({"step": "word"}, "step is 'word'"),
        ({"reflection": "maybe"}, "reflection is 'maybe'"),
        ({"parallel": 0}, "parallel is 0, expected 1 or more"),
        ({"simulations": 0}, "simulations is 0, expected 1 or more"),
        ({"max_search_tokens": -5}, "max_search_tokens is -5, expected 1 or more"),
        ({"time_limit": 0}, "time_limit is 0, expected more than 0 seconds"),
        ({"certainty": 1.5}, "certainty is 1.5, expected between 0 and 1"),
        ({"exploration": -1}, "exploration is -1, expected 0 or more"),
        ({"simulations": None}, "the search has no budget"),
        ({"parallel": 17}, "parallel is 17, but the engine decodes 16 requests at once"),
    ]
)
def test_impossible_settings_are_refused_in_one_line(settings: dict[str, Any], message: str) -> None:
    """Before anything is generated, with what was got and what was expected."""
    with pytest.raises(ConfigError) as caught:
        find(SUM, **settings)

    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message


def test_a_near_miss_is_suggested() -> None:
    """A typing error in a name costs one look at the hint."""
    with pytest.raises(ConfigError) as caught:
        SearchConfig(strategy="best-of-m")

    assert caught.value.hint == "did you mean best-of-n?"


def test_a_prompt_without_room_is_refused_before_anything_runs() -> None:
    """The numbers of the context come with the error."""
    with pytest.raises(ContextOverflowError):
        find(SUM, context_size=20)


def test_a_reply_without_room_for_the_question_is_judged_all_the_same() -> None:
    """Near the end of the context nothing is asked, and nothing that was found is lost."""
    room = len(PROMPT) + 60
    result = find(grown_script(4, depth=6), strategy="tot", context_size=room, beam_width=1, beam_branching=4)

    assert result.reply.output

"""System 1 first, System 2 when it is doubtful."""

from typing import Any

import pytest
from search.scripts import CLOSE, SUM, answer, find, lines
from tables import table

from marco_cli.engine.base import GREEDY
from marco_cli.engine.scripted import END, Script
from marco_cli.search.base import SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.effort import AUTO_SEARCH, EFFORTS, Effort
from marco_cli.search.events import SearchEvent, SearchStarted
from marco_cli.search.failure import is_refusal
from marco_cli.search.route import LEAST_SECONDS, PATIENCE, REDRAWS, answer_or_search

SURE = lines({"": {"<Thought>\nFour.\n</Thought>\n<Output>\n4\n</Output>" + END: 1.0}})


def test_a_sure_chain_is_the_answer() -> None:
    """One greedy pass, no search, no tokens for one."""
    result = find(SURE, run=answer_or_search, simulations=8)

    assert result.strategy == "cot"
    assert result.num_simulations == 1
    assert result.first is None


def test_a_doubtful_chain_is_searched_on_from() -> None:
    """The chain is the first leaf and is not paid for twice; the result says where it began."""
    chain = find(SUM, strategy="cot")
    result = find(SUM, run=answer_or_search, simulations=8, doubt_below=0.9999, certainty=1)

    assert result.strategy == "mcts"
    assert result.first is not None
    assert result.candidates[0].reply is result.first
    assert result.first.data == chain.reply.data
    assert result.usage.decoded > chain.usage.decoded
    assert not result.is_changed


def test_a_temperature_is_that_of_the_chain_too() -> None:
    """Where greedy is not wanted, the first chain is sampled, from the seed."""
    chains = [
        find(SUM, run=answer_or_search, greedy_first=False, doubt_below=0.0, certainty=1, simulations=4, seed=seed)
        for seed in range(8)
    ]

    assert {chain.strategy for chain in chains} == {"sample"}
    assert len({chain.reply.data for chain in chains}) > 1


@pytest.mark.parametrize("tokens", [20, 120, 200])
def test_chain_and_search_share_the_budget_of_tokens(tokens: int) -> None:
    """What the chain has spent is not there for the search a second time."""
    result = find(
        SUM, run=answer_or_search, simulations=8, doubt_below=0.9999, certainty=1, max_search_tokens=tokens, parallel=2
    )

    assert result.usage.decoded <= tokens + 2


@pytest.mark.parametrize("extra", [0, 5, 40, 100])
def test_a_chain_is_not_outvoted_by_what_little_budget_is_left(extra: int) -> None:
    """Where the chain took most of the tokens, its answer stands: replies cut short by force are no better."""
    chain = find(SUM, strategy="cot")
    budget = chain.usage.decoded + extra
    result = find(
        SUM, run=answer_or_search, simulations=8, doubt_below=1.0, certainty=1, max_search_tokens=budget, parallel=4
    )

    assert result.reply.data == chain.reply.data


def test_a_changed_answer_is_told() -> None:
    """The summary can say whether thinking longer was of use."""
    unsure = lines(
        {
            "": {"<Thought>\nA": 0.4, "<Thought>\nB": 0.35, "<Thought>\nC": 0.25},
            "<Thought>\nA": {f" {word}\n</Thought>\n<Output>\n5\n</Output>{END}": 0.25 for word in "wxyz"},
            "<Thought>\nB": {f"\n</Thought>\n<Output>\n4\n</Output>{END}": 1.0},
            "<Thought>\nC": {f"\n</Thought>\n<Output>\n4\n</Output>{END}": 1.0},
        }
    )
    result = find(
        unsure, run=answer_or_search, simulations=24, doubt_below=0.9999, certainty=1, vote="best", reward="confidence"
    )

    assert result.first is not None
    assert (result.first.output, result.reply.output) == ("5", "4")
    assert result.is_changed


UNSURE = lines(
    {
        "": {"<Thought>\nA": 0.4, "<Thought>\nB": 0.35, "<Thought>\nC": 0.25},
        **{
            f"<Thought>\n{way}": {f" {word}\n</Thought>\n<Output>\n4\n</Output>{END}": 0.25 for word in "wxyz"}
            for way in "ABC"
        },
    }
)
"""Never surer than a quarter of a token, and always of the same answer."""


def test_replies_that_agree_end_the_search_of_an_unmeasured_model() -> None:
    """Without a threshold two independent replies are held against the chain; when they say the same, that is all."""
    result = find(UNSURE, run=answer_or_search, simulations=16, parallel=8)

    assert (result.stop_reason, result.num_simulations, result.num_looks) == ("certain", 3, 2)
    assert not result.is_searched
    assert result.is_confirmed
    assert all(candidate.fresh == 1 for candidate in result.candidates)


def test_the_same_answer_is_given_in_the_words_of_the_first_reply() -> None:
    """They stand on the screen already; another reply with the same answer would only be read again."""
    result = find(SUM, run=answer_or_search, simulations=8, doubt_below=0.9999, certainty=1)

    assert result.first is not None
    assert not result.is_changed
    assert result.reply is result.first


def test_replies_that_disagree_are_searched_on_from() -> None:
    """The looks are not thrown away: they are the first replies of the tree."""
    torn = lines(
        {
            "": {f"<Thought>\n{way}": 0.25 for way in "ABCD"},
            **{
                f"<Thought>\n{way}": {f" {word}\n</Thought>\n<Output>\n{n}\n</Output>{END}": 0.25 for word in "wxyz"}
                for n, way in enumerate("ABCD")
            },
        }
    )
    result = find(torn, run=answer_or_search, simulations=8, parallel=4)

    assert result.is_searched
    assert result.num_simulations == 8
    assert [candidate.fresh for candidate in result.candidates].count(1.0) >= 3


def test_at_temperature_zero_the_chain_is_not_its_own_witness() -> None:
    """A second greedy reply would agree with the first and prove nothing: the search branches, and draws nothing."""
    results = [
        find(UNSURE, run=answer_or_search, simulations=4, certainty=1, sampling=GREEDY, seed=seed) for seed in (1, 2)
    ]

    assert [(result.num_looks, result.is_searched, result.num_simulations) for result in results] == [(0, True, 4)] * 2
    texts = [[candidate.reply.data for candidate in result.candidates] for result in results]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) == 4


def test_a_measured_model_is_searched_without_looks() -> None:
    """Where the threshold is known, a doubtful chain needs no second opinion on its doubt."""
    result = find(UNSURE, run=answer_or_search, simulations=4, doubt_below=0.9999, certainty=1)

    assert result.num_looks == 0
    assert result.is_searched


@pytest.mark.parametrize(("chain_seconds", "most_seconds"), [(1.0, LEAST_SECONDS), (10.0, 10 * PATIENCE)])
def test_the_first_chain_bounds_the_whole_answer(chain_seconds: float, most_seconds: float) -> None:
    """Without a time limit a search may take a multiple of what the chain took, or a minimum on fast machines."""
    now, stop = 0.0, Stop()

    def hear(_token: int, _piece: bytes) -> None:
        nonlocal now
        now = chain_seconds

    def on_event(event: SearchEvent) -> None:
        limits.append(event.progress.max_seconds) if isinstance(event, SearchStarted) else None

    limits: list[float | None] = []
    settings = {"clock": lambda: now, "on_token": hear, "on_event": on_event, "stop": stop}
    find(SUM, run=answer_or_search, doubt_below=0.9999, simulations=2, settings=settings)

    assert limits == [most_seconds - chain_seconds]


def test_a_chain_without_output_is_doubtful_whatever_its_confidence() -> None:
    """A thought that never ended is not an answer to be sure of."""
    endless = lines({"": {"<Thought>\n" + "step\n" * 1000: 1.0}})
    result = find(endless, run=answer_or_search, simulations=2, context_size=256, doubt_below=0.0)

    assert result.first is not None


def test_answer_now_during_the_chain_starts_no_search() -> None:
    """The first Ctrl-C means: no search."""
    stop = Stop()
    result = find(
        SUM, run=answer_or_search, doubt_below=0.9999, settings={"stop": stop, "on_token": lambda *_: stop.set()}
    )

    assert result.strategy == "cot"
    assert result.stop_reason == "stopped"


def test_the_time_limit_is_for_both_together() -> None:
    """A chain that used the time up is not followed by a search."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    result = find(SUM, run=answer_or_search, doubt_below=0.9999, time_limit=5.0, settings={"clock": clock})

    assert result.strategy == "cot"


@table([*EFFORTS.values(), AUTO_SEARCH])
def test_every_effort_is_a_valid_configuration(effort: Effort) -> None:
    """Bundles name strategies that exist and budgets that are possible."""
    config = SearchConfig(
        strategy=effort.strategy,
        simulations=effort.simulations,
        max_search_tokens=effort.max_search_tokens,
        time_limit=effort.time_limit,
        parallel=effort.parallel,
    )

    assert config.parallel <= 16


def says(text: str) -> str:
    """Return a whole reply whose output is this text."""
    return f"<Thought>\nHm.\n{CLOSE}{text}\n</Output>{END}"


def route(script: Script, **config: Any) -> SearchResult:
    """Answer with a model that doubts whatever it says, in no time."""
    usual = {"simulations": 8, "doubt_below": 0.9999} | config
    return find(script, run=answer_or_search, settings={"clock": lambda: 0.0}, **usual)


REFUSAL = says("I'm sorry, but I can't assist with that.")
IDEAS = says("Here are some ideas:\n1. Be kind to strangers.\n2. Sleep for 8 hours.\n3. Plant trees.")
OTHERS = says("You could do this:\n1. Be kind to friends.\n2. Walk for 20 minutes.\n3. Plant trees.")
LOOP = says("You could do this:\n" + "- Plant a tree.\n" * 20)


@pytest.mark.parametrize("failed", [REFUSAL, LOOP, says("Sure! How can I help you?")])
def test_a_failed_reply_to_an_open_ended_question_gives_way_to_another(failed: str) -> None:
    """Refusals, loops and empty phrases are held against a few independent replies; no tree is grown."""
    script = lines({"": {failed: 0.4, IDEAS: 0.3, OTHERS: 0.3}})
    result = route(script)

    assert result.first is not None
    assert result.first.data.decode() in failed
    assert result.reply.output in IDEAS + OTHERS
    assert result.is_open_ended
    assert result.is_changed
    assert len(result.candidates) == 1 + REDRAWS
    assert result.tree is None


def test_a_reply_to_an_open_ended_question_stands() -> None:
    """There is nothing to vote on: however unsure the model was, not a token is spent on a search."""
    result = route(lines({"": {IDEAS: 0.4, OTHERS: 0.3, REFUSAL: 0.3}}))

    assert result.strategy == "cot"
    assert result.reply.output in IDEAS
    assert result.usage.decoded == len(result.reply.tokens)


def test_a_refusal_of_a_question_with_an_answer_is_searched_on_from() -> None:
    """Where other replies come to a number, they vote on it, and the refusal has no say."""
    sums = {f"<Thought>\nAdd.\n{answer('4')}": 0.3, f"<Thought>\nCount.\n{answer('4')}": 0.3}
    result = route(lines({"": {REFUSAL: 0.4, **sums}}), seed=3)

    assert not is_refusal(result.reply.output)
    assert result.answer is not None
    assert result.answer.canonical == "4"


def test_a_refusal_that_the_model_is_sure_of_stands() -> None:
    """A small model that was taught what it cannot do is not asked again until it says something."""
    result = route(lines({"": {REFUSAL: 0.99, IDEAS: 0.01}}), doubt_below=0.9)

    assert result.strategy == "cot"
    assert is_refusal(result.reply.output)


def test_with_nothing_but_refusals_the_first_one_stands() -> None:
    """Asking again costs a few replies and no more."""
    result = route(lines({"": {REFUSAL: 0.5, says("I cannot help with that."): 0.5}}))

    assert is_refusal(result.reply.output)
    assert result.num_simulations <= 1 + REDRAWS

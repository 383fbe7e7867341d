"""Limits that hold: simulations, tokens, seconds, and "answer now"."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from loop import finished
from search.scripts import SUM, find, grown_script, reply_saying
from tables import table

from marco_cli.engine.scripted import scripted_engine
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.budget import Budget, Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.run import Run


class Clock:
    """Seconds that pass when they are looked at, `step` at a time."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        """Return the time, and let some pass."""
        self.now += self.step
        return self.now


STRATEGIES = ("vote", "best-of-n", "mcts", "mcts-paper", "beam", "tot")


@table(product(STRATEGIES, [10, 60, 150, 400], [1, 4]))
def test_tokens_are_never_exceeded_by_more_than_one_a_request(strategy: str, tokens: int, parallel: int) -> None:
    """Whatever the strategy is doing when the tokens run out, each request in flight adds one at most."""
    result = find(grown_script(3), strategy=strategy, simulations=None, max_search_tokens=tokens, parallel=parallel)
    in_flight = 16 if strategy in ("beam", "tot") else parallel

    assert result.usage.decoded <= tokens + in_flight
    assert result.stop_reason in ("tokens", "certain", "finished", "exhausted")


@table(product(["vote", "best-of-n", "mcts", "mcts-paper"], [1, 3, 7]))
def test_simulations_are_exact(strategy: str, simulations: int) -> None:
    """A budget of n simulations makes n of them, however many run at once."""
    result = find(grown_script(3), strategy=strategy, simulations=simulations, parallel=4, certainty=1)

    assert result.num_simulations == simulations
    assert result.stop_reason == "simulations"


def test_a_budget_too_small_for_a_thought_still_yields_an_answer() -> None:
    """The thought is closed by force in time for an output, and the result says so."""
    result = find(grown_script(3, depth=40), strategy="mcts", simulations=None, max_search_tokens=200)

    assert result.reply.is_forced
    assert result.reply.output
    assert result.usage.decoded <= 204


def test_the_deadline_ends_the_search_with_what_there_is() -> None:
    """Seconds come from the clock that was passed in; an answer that exists is returned as the time is up."""
    result = find(
        grown_script(3), strategy="mcts", simulations=None, time_limit=100.0, settings={"clock": Clock(step=0.1)}
    )

    assert result.stop_reason == "time"
    assert result.answer is not None
    assert result.num_simulations >= 1


def test_a_deadline_before_the_first_answer_forces_one() -> None:
    """A tenth of the time is kept for an output by force, as long as there is none."""
    result = find(
        grown_script(3, depth=50), strategy="mcts", simulations=8, time_limit=20.0, settings={"clock": Clock(step=0.1)}
    )

    assert result.stop_reason == "time"
    assert result.reply.is_forced
    assert result.reply.output


def test_answer_now_returns_what_there_is() -> None:
    """The first Ctrl-C raises a flag: the search ends within a token and votes over what it has."""
    stop = Stop()
    heard = 0

    def on_event(event: object) -> None:
        nonlocal heard
        heard += type(event).__name__ == "SimulationEnded"
        if heard == 3:
            stop.set()

    result = find(
        grown_script(3), strategy="mcts", simulations=64, certainty=1, settings={"on_event": on_event, "stop": stop}
    )

    assert result.stop_reason == "stopped"
    assert 3 <= result.num_simulations <= 3 + 3, "only replies that ended in the same tick may follow"
    assert result.answer is not None


def test_answer_now_in_the_first_thought_forces_an_answer() -> None:
    """Stopped before anything was finished, the thought is closed by force and its output written."""
    stop = Stop()
    tokens = 0

    def on_token(_token: int, _piece: bytes) -> None:
        nonlocal tokens
        tokens += 1
        if tokens == 30:
            stop.set()

    result = find(grown_script(3, depth=50), strategy="cot", settings={"on_token": on_token, "stop": stop})

    assert result.stop_reason == "stopped"
    assert result.reply.is_forced
    assert result.reply.output
    assert result.usage.decoded <= 30 + 64 + 2


def test_a_search_that_was_stopped_at_once_says_so() -> None:
    """No token, no answer, no error: an empty reply that claims nothing."""
    stop = Stop()
    stop.set()
    result: SearchResult = find(SUM, strategy="mcts", settings={"stop": stop})

    assert (result.stop_reason, result.reply.output, result.answer, result.votes) == ("stopped", "", None, ())


@table(
    product(
        ["cot", "sample", *STRATEGIES],
        [1, 2, 7, 29, 40],
        [{"simulations": 6}, {"simulations": None, "max_search_tokens": 300}],
    )
)
def test_replies_that_have_no_room_for_an_answer_end_the_search(
    strategy: str, max_tokens: int, budget: dict[str, Any]
) -> None:
    """A reply that its own limit cuts off is a simulation that came to nothing; where there is no room, none is begun again."""
    result = find(
        grown_script(3),
        strategy=strategy,
        problem=lambda problem: replace(problem, max_tokens=max_tokens),
        certainty=1,
        **budget,
    )

    assert result.stop_reason in ("simulations", "tokens", "finished", "exhausted")
    assert result.num_simulations <= (budget["simulations"] or 300)
    assert all(len(candidate.reply.tokens) <= max_tokens for candidate in result.candidates)


def test_a_simulation_that_was_given_up_is_not_counted() -> None:
    """Claims are taken back, so that the budget of simulations is for finished ones."""
    budget = Budget(clock=Clock(), stop=Stop(), simulations=1)

    assert budget.begin_simulation() is None
    assert budget.begin_simulation() == "simulations"
    budget.end_simulation(is_done=False)
    assert budget.begin_simulation() is None


@table(product(STRATEGIES, [1, 3], ["never", "always"]))
def test_no_strategy_makes_more_simulations_than_it_is_granted(
    strategy: str, simulations: int, reflection: str
) -> None:
    """A refused simulation is not made, whether it would be a reply, a partial reply at its end or a second thought."""
    result = find(grown_script(1), strategy=strategy, simulations=simulations, reflection=reflection)

    assert 1 <= result.num_simulations <= simulations
    assert len(result.candidates) <= simulations


def test_a_simulation_counts_with_its_reply_or_is_given_back() -> None:
    """Whatever ends the block: a reply, none, an error, a refusal."""
    context = SearchContext(engine=scripted_engine(SUM))
    run = Run(Problem(prompt_ids=(1,)), context, SearchConfig(simulations=2))
    budget = run.budget

    async def work() -> None:
        async with run.simulation() as first:
            assert first is not None
            assert budget.num_claimed == 1
        assert (budget.num_claimed, budget.num_simulations) == (0, 0)
        with pytest.raises(RuntimeError):
            async with run.simulation():
                raise RuntimeError
        assert (budget.num_claimed, budget.num_simulations) == (0, 0)
        for number in (1, 2):
            async with run.simulation() as simulation:
                assert simulation is not None
                candidate = simulation.accept(reply_saying("4"))
            assert candidate is not None
            assert (budget.num_claimed, budget.num_simulations) == (number, number)
        async with run.simulation() as refused:
            assert refused is None
        assert run.ending() == "simulations"

    finished(work())

from dataclasses import replace
from typing import Any

import pytest
from loop import finished
from search.scripts import grown_script
from traced import MODEL, scripted_solver, traced

from marco_cli.errors import ConfigError, InputError
from marco_cli.jsonl import encode as encode_json
from marco_cli.search.tree_json import to_plain
from marco_cli.trace.continuing import Budget, check_model, plan, search_on
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

SCRIPT = grown_script(11)


def longer(trace: Trace, budget: Budget, **settings: Any) -> Trace:
    """Search on from what a file says of a trace."""
    loaded = decode(encode(trace))

    async def work() -> Trace:
        solver = scripted_solver(SCRIPT, **settings)
        try:
            planned = plan(loaded, budget)
            result = await search_on(loaded, solver, planned)
            searched = replace(solver.plan, config=planned.config)
            done = from_result(solver, loaded.problem, result, source="ask", plan=searched)
            return replace(done, continues=trace.id)
        finally:
            await solver.close()

    return finished(work())


def picture(trace: Trace) -> Any:
    """Return all that was found."""
    candidates = [(each.id, each.node_id, each.reply.data, each.reward, each.repeats) for each in trace.candidates]
    votes = [(vote.candidate_ids, vote.weight) for vote in trace.votes]
    tree = encode_json(to_plain(trace.tree, with_scores=True))
    return tree, candidates, votes, trace.reply.data, trace.result.num_simulations


@pytest.mark.parametrize("strategy", ["mcts", "mcts-paper", "vote", "best-of-n"])
def test_going_on_from_a_file_is_the_same_as_searching_longer(strategy: str) -> None:
    """Tree, candidates, votes, answer and tokens are those of one longer search with the same seed, one lane each."""
    settings: dict[str, Any] = {"strategy": strategy, "parallel": 1, "seed": 3}
    half = traced(SCRIPT, simulations=18, **settings)
    whole = traced(SCRIPT, simulations=25, **settings)
    both = longer(half, Budget(simulations=7), **settings)

    assert picture(both) == picture(whole)
    assert both.result.usage.decoded == whole.result.usage.decoded
    assert both.config.simulations == 25
    assert both.continues == half.id
    assert both.result.notices == ()


def test_halving_is_owned_up_to() -> None:
    """Searches of up to 16 simulations share out the root by halving: going on differs from a longer search, and says so."""
    both = longer(traced(SCRIPT, strategy="mcts", simulations=8, parallel=1), Budget(simulations=20))

    assert both.result.num_simulations == 28
    assert any("halving" in notice for notice in both.result.notices)


def test_a_chain_goes_on_as_a_search_that_begins_with_it() -> None:
    """What `auto` left alone becomes the first reply of a tree search, is not generated again, and may be overruled."""
    chain = traced(SCRIPT, effort="auto", doubt_below=0.0, temperature=None)
    assert chain.result.strategy == "cot"
    both = longer(chain, Budget(simulations=10), effort="auto", doubt_below=0.0, temperature=None)

    assert both.result.strategy == "mcts"
    assert both.candidates[0].reply.data == chain.reply.data
    assert both.result.first is not None
    assert both.result.num_simulations == 10


def test_a_certain_search_goes_on_all_the_same() -> None:
    """Whoever asks for more gets more, though the search had ended because it was certain."""
    sure = traced(SCRIPT, strategy="vote", simulations=30, certainty=0.6, parallel=1)
    assert sure.result.stop_reason == "certain"
    both = longer(sure, Budget(simulations=3))

    assert both.result.num_simulations == sure.result.num_simulations + 3


def test_a_sampled_chain_goes_on_too() -> None:
    """What `auto` sampled, because a temperature was asked for, becomes the first reply as a greedy chain would."""
    chain = traced(SCRIPT, effort="auto", doubt_below=0.0, temperature=0.9)
    assert chain.result.strategy == "sample"
    both = longer(chain, Budget(simulations=10), effort="auto", doubt_below=0.0, temperature=0.9)

    assert both.result.strategy == "mcts"
    assert both.candidates[0].reply.data == chain.reply.data


@pytest.mark.parametrize("strategy", ["beam", "tot"])
def test_what_cannot_go_on_says_so(strategy: str) -> None:
    """Strategies without a next simulation refuse before a model is loaded."""
    with pytest.raises(ConfigError, match=f"a search with {strategy} cannot go on"):
        plan(traced(SCRIPT, strategy=strategy), Budget(simulations=1))


def test_other_weights_are_refused() -> None:
    """A file with another hash, or where none is known another name, does not go on with somebody else's tree."""
    trace = traced(SCRIPT, strategy="mcts", simulations=2)

    check_model(trace, MODEL)
    check_model(trace, replace(MODEL, name="the same by another name"))
    with pytest.raises(InputError, match=r"made by scripted \(sha256 abababababab"):
        check_model(trace, replace(MODEL, hashes=("cd" * 32,)))
    unknown = replace(trace, model=replace(trace.model, sha256=None))
    check_model(unknown, MODEL)
    with pytest.raises(InputError, match="made by scripted"):
        check_model(unknown, replace(MODEL, path=MODEL.path.with_name("other.gguf")))


def test_another_reading_of_the_prompt_is_refused() -> None:
    """A model that splits the prompt into other tokens cannot go on with them."""
    trace = traced(SCRIPT, strategy="mcts", simulations=2)
    with pytest.raises(InputError, match="as other tokens"):
        longer(trace, Budget(simulations=2), prefix="Please: ")

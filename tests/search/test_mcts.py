"""The default mode: golden trees, and what must hold for every script.

    MARCO_REGENERATE=1 python -m pytest tests/search/test_mcts.py -k golden

writes the golden trees anew; look at the difference before you commit it.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search.scripts import CLOSE, SUM, answer, find, grown_script, lines

from marco_cli.engine.scripted import END
from marco_cli.search.base import Reply, SearchResult
from marco_cli.search.events import SimulationEnded
from marco_cli.search.expansion import Expansion
from marco_cli.search.tree import Tree
from marco_cli.search.tree_json import to_plain

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "default": (grown_script(1), {"simulations": 24, "parallel": 1}),
    "four at once": (grown_script(1), {"simulations": 24, "parallel": 4}),
    "halving": (grown_script(3, depth=2), {"simulations": 16, "parallel": 1}),
    "reflection as a child": (grown_script(4, depth=2), {"simulations": 12, "parallel": 1, "reflection": "child"}),
    "paper": (grown_script(1), {"strategy": "mcts-paper", "simulations": 24, "parallel": 1}),
}


def outline(tree: Tree) -> list[str]:
    """Return a tree as one line a node: what a person compares at a glance."""
    return [
        f"{node['id']:>3} {'  ' * node['depth']}{node['text']!r} N={node['visits']} W={node['value_sum']:.6f}"
        f"{' closed' if node['closed'] else ''}{'' if node['candidate'] is None else ' c' + str(node['candidate'])}"
        for node in to_plain(tree)["nodes"]
    ]


@pytest.mark.parametrize("name", CASES)
def test_golden_tree(name: str) -> None:
    """For a fixed script and seed the whole tree is known: structure, order of creation, N and W."""
    script, config = CASES[name]
    result = find(script, certainty=1, **config)
    assert result.tree is not None
    seen = {
        "nodes": outline(result.tree),
        "candidates": [candidate.reply.output for candidate in result.candidates],
        "stop_reason": result.stop_reason,
    }
    path = GOLDEN / f"{name.replace(' ', '_')}.json"
    if os.environ.get("MARCO_REGENERATE"):
        path.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert seen == json.loads(path.read_text(encoding="utf-8"))


SCRIPTS = st.builds(
    grown_script, st.integers(0, 10_000), depth=st.integers(1, 5), width=st.integers(1, 4), answers=st.integers(1, 4)
)
CONFIGS = st.fixed_dictionaries(
    {
        "simulations": st.integers(1, 16),
        "parallel": st.sampled_from([1, 2, 5]),
        "root": st.sampled_from(["uct", "halving"]),
        "reflection": st.sampled_from(["never", "always", "low-confidence", "child"]),
        "reward": st.sampled_from(["agree", "confidence"]),
        "seed": st.integers(0, 100),
    }
)


@settings(max_examples=15)
@given(script=SCRIPTS, config=CONFIGS)
def test_what_holds_for_every_search(script: Any, config: dict[str, Any]) -> None:
    """Visits, sums and values fit together; nothing that was finished is lost; the budget is kept."""
    ended: list[SimulationEnded] = []

    def on_event(event: object) -> None:
        if isinstance(event, SimulationEnded):
            ended.append(event)

    result = find(script, strategy="mcts", certainty=1, settings={"on_event": on_event}, **config)
    tree = result.tree
    assert tree is not None

    assert tree.root.visits == result.num_simulations == len(ended) <= config["simulations"]
    assert result.stop_reason == "simulations" or (result.stop_reason == "exhausted" and tree.root.is_closed)
    for node in tree.nodes:
        values = [event.value for event in ended if any(state.id == node.id for state in event.path)]
        assert node.visits == len(values) >= sum(child.visits for child in node.children)
        assert node.value_sum == pytest.approx(sum(values))
        assert 0 <= node.value <= 1
        assert not (node.is_closed and node.open_children)
    ends = {node.id: node.candidate_id for node in tree.nodes if node.candidate_id is not None}
    assert ends == {candidate.node_id: candidate.id for candidate in result.candidates}
    assert sum(1 + candidate.repeats for candidate in result.candidates) == result.num_simulations
    for candidate in result.candidates:
        assert tree.tokens(tree[candidate.node_id]).ids.tolist() == candidate.reply.tokens.ids.tolist()
        assert tree.data(tree[candidate.node_id]) == candidate.reply.data


def test_a_simulation_under_way_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pending marks are simulations: never more at the root, or anywhere else, than there are lanes."""
    seen: list[int] = []
    roll_out = Expansion.roll_out

    async def counted(growth: Expansion, *args: Any, **settings: Any) -> Reply:
        reply = await roll_out(growth, *args, **settings)
        seen.append(max(growth.pending._counts.values(), default=0))
        return reply

    monkeypatch.setattr(Expansion, "roll_out", counted)
    find(grown_script(5), strategy="mcts", simulations=24, parallel=4, certainty=1)

    assert max(seen) == 4


def test_halving_shares_out_the_root_however_many_are_under_way() -> None:
    """With four at once each arm gets its share of the first phase, and the better ones the rest."""
    ways = {"line": 0.28, "with": 0.24, "then": 0.24, "also": 0.24}
    table: dict[str, dict[str, float]] = {"": {f"<Thought>{way} it is.\n": weight for way, weight in ways.items()}}
    for way in ways:
        begun = f"<Thought>{way} it is.\n"
        table[begun] = {f"{begun[-3]}{number} goes on.\n": 0.1 for number in range(10)}
        for number in range(10):
            table[f"{begun}{begun[-3]}{number} goes on.\n"] = {answer(str(number % 3)): 1.0}
    result = find(lines(table), strategy="mcts", simulations=16, parallel=4, certainty=1, root="halving")
    assert result.tree is not None

    visits = sorted(child.visits for child in result.tree.root.children)
    assert len(visits) == 4
    assert visits[1] >= 3
    assert visits[-1] <= 8


def test_the_tree_grows_deep() -> None:
    """Rollouts stay in the tree as nodes, one a step, and later simulations branch off below the root's children."""
    result = find(grown_script(7, depth=6), strategy="mcts", simulations=32, certainty=1)
    assert result.tree is not None

    assert max(node.depth for node in result.tree.nodes) >= 8
    assert max(node.depth for node in result.tree.nodes if len(node.children) > 1) > 2


def test_one_at_a_time_is_the_sequential_algorithm() -> None:
    """With `parallel` 1 every simulation sees the values of all before it, and none is ever under way beside it."""
    ended: list[SimulationEnded] = []
    result = find(
        grown_script(8), strategy="mcts", simulations=20, parallel=1, certainty=1,
        settings={"on_event": lambda event: ended.append(event) if isinstance(event, SimulationEnded) else None},
    )  # fmt: skip
    assert result.tree is not None

    for shorter in (1, 5, 12):
        prefix = find(grown_script(8), strategy="mcts", simulations=shorter, parallel=1, certainty=1, root="uct")
        assert prefix.tree is not None
        nodes = prefix.tree.snapshot()
        assert [(n.id, n.parent, n.text) for n in nodes] == [
            (n.id, n.parent, n.text) for n in result.tree.snapshot()[: len(nodes)]
        ]


def first_reply(result: SearchResult) -> bytes:
    """Return the reply that was begun first: the way through the first child of each node."""
    assert result.tree is not None
    node = result.tree.root
    while node.children:
        node = node.children[0]
    assert node.candidate_id is not None
    return result.candidates[node.candidate_id].reply.data


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_first_rollout_is_greedy(parallel: int) -> None:
    """The search never knows less than the plain chain."""
    chain = find(grown_script(10), strategy="cot")
    result = find(grown_script(10), strategy="mcts", simulations=8, parallel=parallel)

    assert first_reply(result) == chain.reply.data


@pytest.mark.parametrize("factor", [1.2, 2, 3])
def test_a_budget_is_there_for_the_first_reply_first(factor: float) -> None:
    """Whatever the budget of tokens, the greedy chain is written to its end before anything else is begun."""
    script = grown_script(10, depth=8)
    chain = find(script, strategy="cot")
    tokens = int(factor * chain.usage.decoded)
    result = find(script, strategy="mcts", simulations=None, max_search_tokens=tokens, parallel=8, certainty=1)

    assert first_reply(result) == result.candidates[0].reply.data == chain.reply.data


def test_a_first_reply_that_is_closed_by_force_is_one_path() -> None:
    """What the tree shows of it while it is written is what is kept: no second path beside it."""
    endless = lines({"": {"<Thought>\n" + "on and on it goes.\n" * 60: 1.0}, "closed": {}})

    def script(text: str) -> Mapping[str, float]:
        reply = text.rpartition("assistant\n")[2]
        closed = reply.endswith("<Output>\n")
        return {f"Well.\n\nIt is one of many, and so it is.\nSo 7.\n</Output>{END}": 1.0} if closed else endless(text)

    settings: dict[str, Any] = {"simulations": 1, "certainty": 1, "step": "mini32", "context_size": 600}
    alone = find(script, strategy="mcts", parallel=1, **settings)
    beside = find(script, strategy="mcts", parallel=4, **settings)
    assert alone.tree is not None
    assert beside.tree is not None

    assert alone.reply.is_forced
    assert outline(beside.tree) == outline(alone.tree)


@pytest.mark.parametrize("root", ["uct", "halving"])
def test_nobody_waits_for_the_end_of_the_first_reply(root: str) -> None:
    """Ways off it are followed while it is written: four replies at once take little longer than the first one alone."""
    rest = "".join(f"line {turn} goes on for a while.\n" for turn in range(8))
    ways = {"line": 0.28, "with": 0.24, "then": 0.24, "also": 0.24}
    table: dict[str, dict[str, float]] = {"": {f"<Thought>{way} it is.\n": weight for way, weight in ways.items()}}
    for turn, way in enumerate(ways):
        table[f"<Thought>{way} it is.\n"] = {rest + answer(str(turn)): 1.0}
    chain = find(lines(table), strategy="cot")
    result = find(lines(table), strategy="mcts", simulations=8, parallel=4, certainty=1, root=root)

    assert len(result.candidates) == 4
    num_ticks = result.usage.decoded / result.usage.mean_batch_width
    assert num_ticks < 1.2 * len(chain.reply.tokens)


def test_a_chain_that_exists_is_the_first_leaf() -> None:
    """What `auto` has generated already is not generated again."""
    chain = find(SUM, strategy="cot")
    alone = find(SUM, strategy="mcts", simulations=1)
    reused = find(SUM, strategy="mcts", simulations=1, settings={"first": chain.reply})

    assert reused.candidates[0].reply is chain.reply
    assert reused.usage.decoded == 0 < alone.usage.decoded


def test_what_is_known_is_not_sampled_again() -> None:
    """A model with one way to go is exhausted after one reply: no token is spent on saying it twice."""
    sure = lines({"": {"<Thought>\nFour it is.\n</Thought>\n<Output>\n4\n</Output>" + END: 1.0}})
    result = find(sure, strategy="mcts", simulations=32)

    assert (result.stop_reason, result.num_simulations) == ("exhausted", 1)
    assert result.answer is not None


def test_all_answers_of_a_small_model_are_found() -> None:
    """Doubt leads the search to every branch: four paths, each once, in few simulations."""
    result = find(SUM, strategy="mcts", simulations=32, certainty=1, seed=3)

    assert {candidate.reply.answer.canonical for candidate in result.candidates if candidate.reply.answer} >= {"4", "5"}
    assert len({candidate.reply.data for candidate in result.candidates}) == len(result.candidates)


def fork_of(sure: int, total: int) -> SearchResult:
    """Search a model that is sure of all but one of its lines."""
    table: dict[str, dict[str, float]] = {}
    reply = "<Thought>\n"
    table[""] = {reply: 1.0}
    for turn in range(total):
        line = f"line {turn} it is.\n"
        table[reply] = {line: 1.0} if turn != sure else {line: 0.6, f"maybe {turn}.\n": 0.4}
        if turn == sure:
            table[f"{reply}maybe {turn}.\n"] = {f"{CLOSE}2\n</Output>{END}": 1.0}
        reply += line
    table[reply] = {f"{CLOSE}1\n</Output>{END}": 1.0}
    return find(lines(table), strategy="mcts", simulations=12, parallel=1, certainty=1)


@pytest.mark.parametrize("doubtful", [1, 4, 7])
def test_the_search_branches_where_the_model_was_in_doubt(doubtful: int) -> None:
    """Tokens go to the one line that could have been another, wherever it is."""
    result = fork_of(doubtful, 8)
    assert result.tree is not None

    branching = [node for node in result.tree.nodes if len(node.children) > 1]
    assert [node.depth for node in branching] == [doubtful + 1]
    assert {candidate.reply.output for candidate in result.candidates} == {"1", "2"}


def test_several_at_once_share_their_batches() -> None:
    """Four simulations under way fill most of four rows, from the second simulation on."""
    result = find(grown_script(6, depth=8), strategy="mcts", simulations=33, parallel=4, certainty=1)

    assert result.usage.mean_batch_width >= 0.8 * 4


def test_no_token_of_the_tree_is_evaluated_twice() -> None:
    """Branches fork the prefix that is in the KV memory, and no path is taken a second time."""
    result = find(grown_script(6, depth=8), strategy="mcts", simulations=32, parallel=4, certainty=1)
    assert result.tree is not None
    unique = len(result.tree.prompt_ids) + sum(len(node.step.tokens) for node in result.tree.nodes)

    assert result.usage.evaluated <= 1.05 * unique
    assert not any(candidate.repeats for candidate in result.candidates)

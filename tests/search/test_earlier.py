import json
from typing import Any

import pytest
from search.scripts import find, grown_script

from marco_cli.errors import ConfigError
from marco_cli.jsonl import encode
from marco_cli.search.base import Earlier, SearchResult
from marco_cli.search.events import CandidateFound, NodesAdded, SearchEvent, SearchStarted, SimulationEnded
from marco_cli.search.tree_json import from_plain, to_plain

SEARCHES: tuple[dict[str, Any], ...] = (
    {"strategy": "mcts", "root": "uct"},
    {"strategy": "mcts", "root": "uct", "step": "mini32"},
    {"strategy": "mcts", "root": "uct", "reward": "confidence", "reflection": "child"},
    {"strategy": "mcts", "root": "uct", "reflection": "always"},
    {"strategy": "mcts-paper", "reward": "confidence"},
    {"strategy": "mcts-paper", "step": "mini32", "reflection": "always"},
    {"strategy": "vote"},
    {"strategy": "best-of-n"},
)


def after(result: SearchResult) -> Earlier:
    """Return what a search left, through JSON and back."""
    tree = result.tree
    plain = None if tree is None else json.loads(encode(to_plain(tree, with_scores=True)))
    return Earlier(
        tree=None if plain is None else from_plain(plain),
        candidates=result.candidates,
        num_simulations=result.num_simulations,
    )


def picture(result: SearchResult) -> Any:
    """Return all that a search came to, but for what it cost."""
    tree = None if result.tree is None else encode(to_plain(result.tree, with_scores=True))
    candidates = [
        (each.id, each.node_id, each.reply.data, each.reward, each.agreement, each.fresh, each.repeats, each.reflects)
        for each in result.candidates
    ]
    return tree, candidates, result.votes, result.certainty, result.num_simulations, result.reply.data


@pytest.mark.parametrize("config", SEARCHES, ids=lambda config: "-".join(map(str, config.values())))
@pytest.mark.parametrize(("seed", "before", "more"), [(2, 7, 5), (3, 1, 5)])
def test_going_on_is_the_same_as_searching_longer(config: dict[str, Any], seed: int, before: int, more: int) -> None:
    """A search that goes on, one simulation at a time, ends with tree, candidates and votes of one longer search."""
    script = grown_script(seed)
    chosen = {"seed": seed, "parallel": 1, "certainty": 1.0, **config}
    whole = find(script, simulations=before + more, **chosen)
    half = find(script, simulations=before, **chosen)
    rest = find(script, simulations=before + more, settings={"earlier": after(half)}, **chosen)

    assert half.num_simulations <= before
    assert picture(rest) == picture(whole)


def test_nothing_is_paid_twice() -> None:
    """What the earlier search generated is not generated again: both together decode what one longer search does."""
    script = grown_script(5)
    chosen: dict[str, Any] = {"root": "uct", "parallel": 1, "certainty": 1.0}
    whole = find(script, simulations=16, **chosen)
    half = find(script, simulations=8, **chosen)
    rest = find(script, simulations=16, settings={"earlier": after(half)}, **chosen)

    assert 0 < rest.usage.decoded == whole.usage.decoded - half.usage.decoded


def test_budgets_are_those_of_the_new_search() -> None:
    """Simulations count on, so nothing happens when they are used up; tokens begin anew."""
    script = grown_script(5)
    half = find(script, simulations=10, parallel=1, certainty=1.0)
    none = find(script, simulations=10, parallel=1, certainty=1.0, settings={"earlier": after(half)})
    some = find(script, simulations=None, max_search_tokens=200, certainty=1.0, settings={"earlier": after(half)})

    assert (none.num_simulations, none.usage.decoded, none.stop_reason) == (10, 0, "simulations")
    assert some.num_simulations > 10
    assert 0 < some.usage.decoded <= 200 + 4


def test_views_hear_what_there_is_already() -> None:
    """A listener gets the known nodes, candidates and votes first, so that a view can draw the whole tree."""
    script = grown_script(7, depth=4)
    half = find(script, simulations=8, parallel=1, certainty=1.0)
    assert half.tree is not None
    heard: list[SearchEvent] = []
    find(script, simulations=12, parallel=1, certainty=1.0, settings={"earlier": after(half), "on_event": heard.append})
    start, nodes, *rest = heard
    first_new = next(at for at, event in enumerate(rest) if isinstance(event, SimulationEnded))

    assert isinstance(start, SearchStarted)
    assert start.progress.num_simulations == 8
    assert isinstance(nodes, NodesAdded)
    assert nodes.nodes == half.tree.snapshot()[1:]
    found = [event for event in rest[:first_new] if isinstance(event, CandidateFound)]
    assert [event.candidate.id for event in found][: len(half.candidates)] == [each.id for each in half.candidates]


@pytest.mark.parametrize("strategy", ["cot", "sample", "beam", "tot"])
def test_what_cannot_go_on_says_so(strategy: str) -> None:
    """A strategy that works level by level, or makes one reply, refuses, and names those that can."""
    with pytest.raises(ConfigError, match=f"{strategy} cannot go on from an earlier search, expected one of mcts"):
        find(
            grown_script(1),
            strategy=strategy,
            settings={"earlier": Earlier(tree=None, candidates=(), num_simulations=1)},
        )

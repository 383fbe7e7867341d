import asyncio
from typing import Any

import pytest
from search.scripts import grown_script
from traced import scripted_solver

from marco_cli.search.events import NodesAdded, SearchEvent, SimulationEnded
from marco_cli.search.events_json import event_document
from marco_cli.trace.continuing import Budget, plan, search_on
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.playback import Cue, cues
from marco_cli.trace.record import Trace, from_result
from marco_cli.trace.timeline import Timeline


def watched(**settings: Any) -> tuple[Trace, list[SearchEvent], bytes]:
    """Answer a question; return its trace as it comes out of a file, what was heard of the search, and the first reply."""

    async def work() -> tuple[Trace, list[SearchEvent], bytes]:
        solver = scripted_solver(grown_script(5), **settings)
        timeline, heard, pieces = Timeline(), [], []

        def on_event(event: SearchEvent) -> None:
            timeline.on_event(event)
            heard.append(event)

        def on_token(token: int, piece: bytes) -> None:
            timeline.on_token(token, piece)
            pieces.append(piece)

        try:
            problem = solver.problem("2+2?")
            result = await solver.solve(problem, on_event=on_event, on_token=on_token)
            trace = from_result(solver, problem, result, source="ask", timeline=timeline.moments)
        finally:
            await solver.close()
        return decode(encode(trace)), heard, b"".join(pieces)

    return asyncio.run(work())


def played(trace: Trace) -> list[Any]:
    """Return the documents of the events of a replay, without what depends on the clock."""
    return [timeless(cue.event) for cue in cues(trace) if cue.event is not None]


def timeless(event: SearchEvent) -> Any:
    """Return an event as `--events` writes it, without seconds, and with values that are exact to a billionth."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key not in ("seconds", "node", "closed")}
        if isinstance(value, list):
            return [clean(item) for item in value]
        return round(value, 9) if isinstance(value, float) else value

    return clean(event_document(event))


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "mcts", "simulations": 10},
        {"strategy": "mcts", "simulations": 8, "reflection": "always"},
        {"strategy": "mcts-paper", "simulations": 12},
        {"strategy": "vote", "simulations": 6},
        {"strategy": "beam"},
        {"effort": "auto", "doubt_below": 1.0, "simulations": 6, "temperature": None},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_a_replay_tells_what_was_heard(settings: dict[str, Any]) -> None:
    """The events of a replay are those of the search, one by one, though a trace keeps a fraction of them."""
    trace, heard, _ = watched(**settings)

    assert played(trace) == [timeless(event) for event in heard]


def test_a_replay_of_a_chain_says_its_reply() -> None:
    """Without a search, the pieces of a replay are the bytes of the reply, in time."""
    trace, heard, said = watched(strategy="cot", temperature=0.0)
    script = list(cues(trace))

    assert heard[0] is not None  # a chain has events too, for those who listen
    assert b"".join(cue.piece for cue in script) == said == trace.reply.data
    assert [cue.seconds for cue in script] == sorted(cue.seconds for cue in script)


@pytest.mark.parametrize(("strategy", "parallel"), [("mcts", 1), ("mcts", 4), ("mcts-paper", 1)])
def test_a_replay_of_a_search_says_the_reply_that_was_heard(strategy: str, parallel: int) -> None:
    """In a tree of `mcts` it is the one that was begun first, whichever was the first to end."""
    trace, _, said = watched(strategy=strategy, simulations=10, parallel=parallel, temperature=None)
    pieces = b"".join(cue.piece for cue in cues(trace))

    assert pieces
    assert pieces.endswith(said)


def test_a_continued_search_is_replayed_from_where_it_began() -> None:
    """Nodes of the earlier search appear at once with what they had, and end with what they have in the tree."""
    trace, *_ = watched(strategy="mcts", simulations=20, parallel=1)
    before = {node.id: node.visits for node in trace.tree.nodes}

    async def work() -> Trace:
        solver, timeline = scripted_solver(grown_script(5), strategy="mcts", parallel=1), Timeline()
        try:
            result = await search_on(trace, solver, plan(trace, Budget(simulations=9)), on_event=timeline.on_event)
            return from_result(solver, trace.problem, result, source="ask", timeline=timeline.moments)
        finally:
            await solver.close()

    longer = asyncio.run(work())
    script = list(cues(longer))
    first = next(cue.event for cue in script if isinstance(cue.event, NodesAdded))
    last = [cue.event for cue in script if isinstance(cue.event, SimulationEnded)][-1]

    assert {state.id: state.visits for state in first.nodes} == {key: n for key, n in before.items() if key}
    assert last.path[0].visits == longer.tree.root.visits == 29
    assert last.path[0].value == pytest.approx(longer.tree.root.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"type": "simulated", "seconds": 0.0, "number": 1, "lane": 0, "node": 3, "value": 0.5, "candidate": 99, "num_tokens": 1},
        {"type": "found", "seconds": 0.0, "candidate": 99, "agreement": 1.0, "reward": 1.0},
        {"type": "voted", "seconds": 0.0, "votes": [[[99], 1.0], [[], 0.0]], "certainty": 0.5},
        {"type": "spoken", "seconds": 5.0, "until": 1.0, "num_tokens": 10**9},
        {"type": "grown", "seconds": 0.0, "num_nodes": 2},
    ],
    ids=lambda damage: str(damage["type"]),
)  # fmt: skip
def test_a_timeline_may_lie(damage: dict[str, Any]) -> None:
    """Moments that cannot have been are left out of a replay; they never end it."""
    import json

    trace, *_ = watched(strategy="mcts", simulations=4)
    document = json.loads(encode(trace))
    document["timeline"] = [damage, *document["timeline"], damage]

    shown: list[Cue] = list(cues(decode(json.dumps(document).encode())))
    assert len([cue for cue in shown if cue.event is not None]) >= 4

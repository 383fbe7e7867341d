import json
from typing import Any, get_args

import pytest
from view.story import Story, candidate

from marco_cli.jsonl import encode
from marco_cli.search.base import SearchResult
from marco_cli.search.events import Noticed, SearchEvent
from marco_cli.search.events_json import event_document, result_document
from marco_cli.search.vote import count_votes, majority

CANDIDATE_KEYS = {
    "id", "node", "answer", "output", "thought", "finish_reason", "forced", "truncated", "num_tokens", "fresh", "repeats",
    "reflects", "agreement", "reward", "weight", "check", "signals",
}  # fmt: skip


def on_the_wire(document: object) -> Any:
    """Return what a reader of the JSON line gets."""
    line = encode(document)
    assert line.count(b"\n") == 1
    return json.loads(line)


def test_every_event_says_its_type() -> None:
    """Each kind of event has its name on the wire, and none is missing."""
    story = Story(simulations=5)
    events = [*story.events(), Noticed(text="note")]
    documents = [on_the_wire(event_document(event)) for event in events]

    assert {type(event) for event in events} == set(get_args(SearchEvent))
    assert len({document["type"] for document in documents}) == len(get_args(SearchEvent))
    assert documents[0]["type"] == "search_started"
    assert documents[0]["question"] == story.question
    assert documents[-2]["type"] == "search_ended"


def test_the_tree_can_be_built_again_from_events() -> None:
    """Added nodes and the statistics of back-ups are enough: structure, texts, visits and values come out exactly."""
    story = Story(simulations=20)
    nodes: dict[int, dict[str, Any]] = {0: {"parent": None, "text": ""}}
    for event in story.events():
        document = on_the_wire(event_document(event))
        for node in document.get("nodes", ()):
            nodes[node["id"]] = node
        for state in document.get("path", ()):
            nodes[state["id"]] |= state

    assert len(nodes) == len(story.tree)
    for node in story.tree.snapshot():
        seen = nodes[node.id]
        assert (seen["parent"], seen["text"], seen["visits"], seen["value"]) == (
            node.parent,
            node.text,
            node.visits,
            node.value,
        )


def test_a_result_has_the_tree_and_its_evidence() -> None:
    """`--json` gives the nodes in order of creation with the agreed keys, and every reply with all its signals."""
    story = Story(simulations=12)
    list(story.events())
    document = on_the_wire(result_document(story.result()))

    nodes = document["tree"]["nodes"]
    assert [node["id"] for node in nodes] == list(range(len(story.tree)))
    assert all(set(node) == {"id", "parent", "depth", "text", "visits", "value", "forced"} for node in nodes)
    assert nodes[0]["parent"] is None
    assert nodes[0]["visits"] == 12
    assert all(set(each) == CANDIDATE_KEYS for each in document["candidates"])
    assert "tail_confidence" in document["candidates"][0]["signals"]
    assert sum(vote["weight"] for vote in document["votes"]) == pytest.approx(1)
    assert document["accounting"]["decoded_tokens"] == story.num_tokens
    assert document["accounting"]["mean_batch_width"] == pytest.approx(3.6)


def test_keys_do_not_depend_on_the_outcome() -> None:
    """A search without tree, output or time has the same keys, null where there is nothing to say."""
    story = Story(simulations=4)
    list(story.events())
    full = story.result()
    reply = candidate(0, thought="", output="").reply
    empty = SearchResult(
        reply=reply, candidates=(), votes=count_votes((), majority), certainty=0.0, stop_reason="time",
        num_simulations=0, max_simulations=None, tree=None, usage=full.usage, seconds=0.0,
    )  # fmt: skip
    document = on_the_wire(result_document(empty))

    assert document.keys() == on_the_wire(result_document(full)).keys()
    assert document["accounting"].keys() == on_the_wire(result_document(full))["accounting"].keys()
    assert document["tree"] is None
    assert document["candidates"] == document["votes"] == []
    assert document["accounting"]["tokens_per_second"] is None

import json
import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from search.scripts import grown_script
from tables import table
from traced import traced

from marco_cli.engine.base import Tokens
from marco_cli.errors import InputError
from marco_cli.trace.decoding import decode, read_heading
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import SCHEMA, Trace

SETTINGS: tuple[dict[str, Any], ...] = (
    {"strategy": "cot", "temperature": 0.0},
    {"strategy": "sample"},
    {"strategy": "vote", "simulations": 8},
    {"strategy": "beam"},
    {"strategy": "mcts", "simulations": 24},
    {"strategy": "mcts", "simulations": 24, "reflection": "child"},
    {"strategy": "mcts-paper", "simulations": 12},
    {"effort": "auto", "doubt_below": 1.0, "simulations": 6, "temperature": None},
    {"strategy": "cot", "max_tokens": 3},
    {"strategy": "mcts", "simulations": 4, "stop": ("answer",)},
)


@cache
def answered(number: int) -> Trace:
    """Return the trace of an answer under one of `SETTINGS`."""
    return traced(grown_script(5), **SETTINGS[number])


@cache
def small() -> Trace:
    """Return the trace of a small search."""
    return traced(grown_script(3), strategy="mcts", simulations=6)


def same_tokens(left: Tokens, right: Tokens) -> bool:
    """Say whether two runs of tokens are equal to the last bit."""
    return all(
        np.array_equal(
            getattr(left, name), getattr(right, name), equal_nan=name not in ("ids", "is_sampled", "top_ids")
        )
        for name in Tokens.__slots__
    )


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=lambda at: "-".join(map(str, SETTINGS[at].values())))
def test_a_trace_comes_back_as_it_was(number: int) -> None:
    """Whatever the strategy, a line gives back ids, scores, visits, values, replies and votes, exactly."""
    trace = answered(number)
    line = encode(trace)
    back = decode(line)

    assert line.count(b"\n") == 1
    assert encode(back) == line
    assert [node.state() for node in back.tree.nodes] == [node.state() for node in trace.tree.nodes]
    assert [node.key for node in back.tree.nodes] == [node.key for node in trace.tree.nodes]
    assert (back.settings, back.config, back.problem, back.messages) == (
        trace.settings, trace.config, trace.problem, trace.messages,
    )  # fmt: skip
    assert back.model == trace.model
    for mine, yours in zip(back.candidates, trace.candidates, strict=True):
        assert same_tokens(mine.reply.tokens, yours.reply.tokens)
        assert (mine.reply.data, mine.reply.answer, mine.reply.signals) == (
            yours.reply.data, yours.reply.answer, yours.reply.signals,
        )  # fmt: skip
        assert (mine.node_id, mine.reward, mine.repeats) == (yours.node_id, yours.reward, yours.repeats)
    assert (back.reply.data, back.votes, back.result.usage) == (trace.reply.data, trace.votes, trace.result.usage)
    assert (back.result.first is None) == (trace.result.first is None)


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=lambda at: "-".join(map(str, SETTINGS[at].values())))
def test_every_trace_has_a_tree_with_its_candidates(number: int) -> None:
    """A strategy without a tree gets one whose branches are its replies, so readers need to know one shape only."""
    trace = answered(number)

    assert len(trace.tree) > 1
    for candidate in trace.candidates:
        path = trace.tree.tokens(trace.tree[candidate.node_id]).ids
        assert candidate.reply.tokens.ids[: len(path)].tolist() == path.tolist()
        assert candidate.node_id > 0 or trace.config.strategy == "mcts-paper"  # whose rollouts leave the tree
    if trace.is_grafted:
        leaves = {candidate.node_id for candidate in trace.candidates}
        assert sum(trace.tree[leaf].visits for leaf in leaves) == sum(1 + each.repeats for each in trace.candidates)


def test_a_list_needs_only_the_front_of_a_line() -> None:
    """Question, answer and cost are read without parsing the tree, however hostile the question."""
    question = 'Say ,"settings":{ and "schema" \\ twice, {} "tree":'
    trace = traced(question=question, strategy="mcts", simulations=4, more={"target": "4", "session": "s", "turn": 2})
    line = encode(trace)
    heading = read_heading(line[: line.index(b'"tree"')])

    assert heading is not None
    assert (heading.question, heading.target, heading.session, heading.turn) == (question, "4", "s", 2)
    assert heading.id == trace.id
    assert heading.accounting.simulations == trace.result.num_simulations
    assert heading.answer == (trace.answer.canonical if trace.answer else None)
    assert read_heading(line[:100]) is None


def test_a_newer_version_is_refused_by_its_name() -> None:
    """What a later marco wrote is not read half: the message names both versions and the remedy."""
    line = encode(small()).replace(SCHEMA.encode(), b"marco.trace/2")

    for reader in (decode, read_heading):
        with pytest.raises(
            InputError, match=r"its format is marco\.trace/2, this marco reads marco\.trace/1"
        ) as refused:
            reader(line)
        assert refused.value.hint is not None


def test_keys_of_the_future_are_ignored() -> None:
    """A key that this version does not know, anywhere in a line, changes nothing."""
    trace = small()
    document = json.loads(encode(trace))
    for place in (document, document["config"], document["candidates"][0], document["tree"]["nodes"][1]):
        place["colour_of_the_moon"] = [1, {"a": None}]

    assert encode(decode(json.dumps(document).encode())) == encode(trace)


@table(
    [
        (("schema",), "marco.eval/1", "no trace of marco"),
        (("schema",), None, "no trace of marco"),
        (("id",), "../../etc/passwd", "expected lower-case letters"),
        (("id",), 7, r"trace\.id: got 7, expected a text"),
        (("source",), "theft", r"trace\.source: got 'theft', expected one of ask, chat"),
        (("created",), "yesterday", r"trace\.created: got 'yesterday', expected a date"),
        (("created",), "0001-01-01T00:00:00+14:00", r"trace\.created: got '0001"),
        (("settings", "top_p"), 7.0, r"trace\.settings: top_p: got 7\.0"),
        (("config", "strategy"), "mtcs", r"trace\.config: strategy is 'mtcs'"),
        (("tree",), [], r"trace\.tree: got \[\], expected an object"),
        (("tree", "nodes", 1, "parent"), 99, r"tree\.nodes\[1\]: got id 1 and parent 99"),
        (("tree", "nodes", 1, "parent"), -1, r"tree\.nodes\[1\]"),
        (("tree", "nodes", 1, "visits"), "many", r"nodes\[1\]\.visits: got 'many', expected a whole number"),
        (("tree", "nodes", 1, "candidate"), -7, r"nodes\[1\]: got candidate -7"),
        (("tree", "nodes", 1, "text"), ["x"], r"trace\.tree: not the tree of a search"),
        (("tree", "nodes", 1, "ids"), [1], r"trace\.tree: not the tree of a search"),
        (("tree", "nodes", 1, "ids"), [1 << 40], r"trace\.tree: not the tree of a search"),
        (("tree", "nodes", 1, "forced"), [9999], r"trace\.tree: not the tree of a search"),
        (("tree", "nodes", 1, "scores", "entropy"), ["x"], r"trace\.tree: not the tree of a search"),
        (("candidates", 0, "node"), 9999, r"candidates\[0\]: got node 9999"),
        (("candidates", 0, "fresh"), -1e300, r"candidates\[0\]\.fresh: got -1e\+300, expected a number from 0 to 1"),
        (("votes", 0, "weight"), 1e308, r"votes\[0\]\.weight: got 1e\+308, expected a number from 0 to 1"),
        (("candidates", 0, "id"), 5, r"candidates\[0\]: got id 5, expected 0"),
        (("candidates", 0, "signals"), {}, r"signals: the key 'num_tokens' is missing"),
        (("votes", 0, "candidates"), [77], r"votes\[0\]: got candidates \(77,\)"),
        (("reply",), {"candidate": 99}, r"trace\.reply: got candidate 99"),
        (("messages", 0, "role"), "wizard", r"messages\[0\]\.role: got 'wizard'"),
    ]
)
def test_what_a_trace_says_is_checked(path: tuple[Any, ...], value: object, words: str) -> None:
    """A damaged or made-up line is bad input with its place named: never a crash, never half a trace."""
    document = json.loads(encode(small()))
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(InputError, match=words):
        decode(json.dumps(document).encode())
    if path == ("id",):
        with pytest.raises(InputError, match="id"):
            read_heading(json.dumps(document).encode() + b"\n")


def test_no_damage_is_worse_than_bad_input() -> None:
    """Whatever stands anywhere in a line, reading it gives a trace or an `InputError`."""
    draw = random.Random(5)
    line = encode(small())
    junk: tuple[Any, ...] = (None, True, -1, 3, 1e300, 10**400, "", "x", "\ud800", [], [[]], [None], {}, {"a": 1})
    num_refused = 0
    for _ in range(250):
        document = json.loads(line)
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(place[key], dict | list) and draw.random() < 0.85:
                place = place[key]
                continue
            place[key] = draw.choice(junk)
            break
        try:
            encode(decode(json.dumps(document).encode()))
        except InputError:
            num_refused += 1

    assert num_refused > 100


@table(["id", "tree", "candidates", "config", "problem", "usage", "reply"])
def test_a_missing_key_is_named(key: str) -> None:
    """A line that lacks something says what."""
    document = json.loads(encode(small()))
    del document[key]

    with pytest.raises(InputError, match=key):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize("cut", [1, 20, 400, 5000, -2])
def test_a_torn_line_is_bad_input(cut: int) -> None:
    """Half a line is refused like any other damage."""
    with pytest.raises(InputError, match="trace: "):
        decode(encode(small())[:cut])

"""A search tree as plain numbers and texts, and back: for golden trees, `--json` and traces.

`to_plain` keeps structure and statistics; with scores also what each token was worth, so that `from_plain` gives a tree
that can be rescored and searched on. Floats come back exactly as they went.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP, Tokens
from marco_cli.search.tree import Node, Step, Tree


class PlainScores(TypedDict):
    """The columns of `Tokens`; NaN, the score of a forced token, is null."""

    logprobs: list[float | None]
    top_ids: list[list[int]]
    top_logprobs: list[list[float | None]]
    entropy: list[float | None]


class PlainNode(TypedDict):
    """One node. The tokens are those of its step."""

    id: int
    parent: int | None
    depth: int
    text: str
    bytes: NotRequired[str]
    """Hexadecimal, where the step is no whole UTF-8 and `text` therefore only an approximation."""
    ids: list[int]
    forced: list[int]
    """Positions in `ids` of the tokens that were inserted."""
    visits: int
    value_sum: float
    tries: int
    terminal: bool
    closed: bool
    candidate: int | None
    scores: NotRequired[PlainScores]


class PlainTree(TypedDict):
    """A whole tree, nodes in order of creation."""

    prompt_ids: list[int]
    lowest_value: float
    highest_value: float
    nodes: list[PlainNode]


def to_plain(tree: Tree, *, with_scores: bool = False) -> PlainTree:
    """Return the tree as what JSON can hold."""
    return {
        "prompt_ids": list(tree.prompt_ids),
        "lowest_value": tree.lowest_value,
        "highest_value": tree.highest_value,
        "nodes": [_node(node, with_scores=with_scores) for node in tree.nodes],
    }


def from_plain(plain: PlainTree) -> Tree:
    """Return the tree that `to_plain` wrote; without scores, every token is worth nothing and the rest is the same."""
    tree = Tree(plain["prompt_ids"])
    for entry in plain["nodes"]:
        parent = entry["parent"]
        node = tree.root if parent is None else tree.add(tree[parent], _step(entry))
        node.visits, node.value_sum, node.tries = entry["visits"], entry["value_sum"], entry["tries"]
        node.candidate_id = entry["candidate"]
    for entry in plain["nodes"]:
        if entry["closed"]:
            tree.close(tree[entry["id"]])
    tree.lowest_value, tree.highest_value = plain["lowest_value"], plain["highest_value"]
    return tree


def _node(node: Node, *, with_scores: bool) -> PlainNode:
    state, tokens = node.state(), node.step.tokens
    plain: PlainNode = {
        "id": state.id,
        "parent": state.parent,
        "depth": state.depth,
        "text": state.text,
        "ids": tokens.ids.tolist(),
        "forced": np.flatnonzero(~tokens.is_sampled).tolist(),
        "visits": state.visits,
        "value_sum": node.value_sum,
        "tries": node.tries,
        "terminal": state.is_terminal,
        "closed": state.is_closed,
        "candidate": state.candidate_id,
    }
    if state.text.encode() != node.step.data:
        plain["bytes"] = node.step.data.hex()
    if with_scores:
        plain["scores"] = {
            "logprobs": _column(tokens.logprobs),
            "top_ids": tokens.top_ids.tolist(),
            "top_logprobs": [_column(row) for row in tokens.top_logprobs],
            "entropy": _column(tokens.entropy),
        }
    return plain


def plain_tokens(ids: Sequence[int], forced: Sequence[int], scores: PlainScores | None) -> Tokens:
    """Return tokens from their ids, the positions of the forced ones, and their scores.

    Raises:
        ValueError: there are not as many scores as ids.

    """
    unscored = Tokens.forced(ids)
    is_sampled = np.ones(len(ids), dtype=np.bool_)
    is_sampled[list(forced)] = False
    if scores is None:
        return replace(unscored, is_sampled=is_sampled)
    tokens = Tokens(
        ids=unscored.ids,
        is_sampled=is_sampled,
        logprobs=_array(scores["logprobs"]),
        top_ids=np.asarray(scores["top_ids"], dtype=np.int32).reshape(-1, NUM_TOP),
        top_logprobs=_array(scores["top_logprobs"]).reshape(-1, NUM_TOP),
        entropy=_array(scores["entropy"]),
    )
    for name in ("logprobs", "top_ids", "top_logprobs", "entropy"):
        rows = getattr(tokens, name)
        if len(rows) != len(ids):
            raise ValueError(f"{len(rows)} {name} for {len(ids)} tokens")
    return tokens


def _step(entry: PlainNode) -> Step:
    data = bytes.fromhex(entry["bytes"]) if "bytes" in entry else entry["text"].encode()
    tokens = plain_tokens(entry["ids"], entry["forced"], entry.get("scores"))
    return Step(tokens=tokens, data=data, is_terminal=entry["terminal"])


def _column(values: NDArray[np.float32]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _array(values: Sequence[Any]) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)

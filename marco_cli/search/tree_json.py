"""A search tree as plain numbers and texts, and back: for golden trees and traces.

`to_plain` keeps structure and statistics; with scores also what each token was worth, so that `from_plain` gives a tree
that can be rescored and searched on. Floats come back exactly as they went.

    {prompt_ids, lowest_value, highest_value, nodes: [{
        id, parent, depth, text, ids, visits, value_sum, tries, terminal, closed, candidate,
        forced,                 positions in `ids` of the tokens that were inserted
        bytes,                  hexadecimal, only where the step is not whole UTF-8 and `text` therefore an approximation
        scores: {logprobs, top_ids, top_logprobs, entropy}
    }]}
"""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from marco_cli.engine.base import NUM_TOP, Tokens
from marco_cli.search.tree import Node, NodeState, Step, Tree

Document = dict[str, Any]

_NAMES: Final = MappingProxyType(
    {"forced": "is_forced", "terminal": "is_terminal", "closed": "is_closed", "candidate": "candidate_id"}
)
_FACTS: Final = ("id", "parent", "depth", "text", "visits", "terminal", "closed", "candidate")
_SCORES: Final = ("logprobs", "top_ids", "top_logprobs", "entropy")


def node_document(node: NodeState, keys: Sequence[str]) -> Document:
    """Return what is wanted of a node, by the names that it has in JSON."""
    return {key: getattr(node, _NAMES.get(key, key)) for key in keys}


def to_plain(tree: Tree, *, with_scores: bool = False) -> Document:
    """Return the tree as `jsonl.encode` can write it, nodes in order of creation."""
    return {
        "prompt_ids": list(tree.prompt_ids),
        "lowest_value": tree.lowest_value,
        "highest_value": tree.highest_value,
        "nodes": [_node(node, with_scores=with_scores) for node in tree.nodes],
    }


def from_plain(plain: Any) -> Tree:
    """Return the tree that `to_plain` wrote; without scores, every token is worth nothing and the rest is the same."""
    tree = Tree(plain["prompt_ids"])
    for entry in plain["nodes"]:
        parent = entry["parent"]
        node = tree.root if parent is None else tree.add(tree[parent], _step(entry))
        node.visits, node.value_sum, node.tries = entry["visits"], entry["value_sum"], entry["tries"]
        node.candidate_id = entry["candidate"]
    for entry in plain["nodes"]:
        if entry["closed"]:
            tree[entry["id"]].is_closed = True
    tree.lowest_value, tree.highest_value = plain["lowest_value"], plain["highest_value"]
    return tree


def plain_scores(tokens: Tokens) -> Document:
    """Return the columns of `Tokens` as arrays, which are written a hundred times faster than lists of numbers."""
    return {name: np.ascontiguousarray(getattr(tokens, name)) for name in _SCORES}


def plain_tokens(ids: Sequence[int], forced: Sequence[int], scores: Any) -> Tokens:
    """Return tokens from their ids, the positions of the forced ones, and their scores, if any.

    Raises:
        ValueError: there are not as many scores as ids.
    """
    unscored = Tokens.forced(ids)
    is_sampled = np.ones(len(ids), dtype=np.bool_)
    is_sampled[list(forced)] = False
    if scores is None:
        return replace(unscored, is_sampled=is_sampled)
    # A null, the score of a forced token, becomes NaN.
    tokens = Tokens(
        ids=unscored.ids,
        is_sampled=is_sampled,
        logprobs=np.asarray(scores["logprobs"], dtype=np.float32),
        top_ids=np.asarray(scores["top_ids"], dtype=np.int32).reshape(-1, NUM_TOP),
        top_logprobs=np.asarray(scores["top_logprobs"], dtype=np.float32).reshape(-1, NUM_TOP),
        entropy=np.asarray(scores["entropy"], dtype=np.float32),
    )
    for name in _SCORES:
        rows = getattr(tokens, name)
        if len(rows) != len(ids):
            raise ValueError(f"{len(rows)} {name} for {len(ids)} tokens")
    return tokens


def _node(node: Node, *, with_scores: bool) -> Document:
    state, tokens = node.state(), node.step.tokens
    plain = {
        **node_document(state, _FACTS),
        "ids": tokens.ids.tolist(),
        "forced": np.flatnonzero(~tokens.is_sampled).tolist(),
        "value_sum": node.value_sum,
        "tries": node.tries,
    }
    if state.text.encode() != node.step.data:  # a step may begin or end inside a character
        plain["bytes"] = node.step.data.hex()
    return {**plain, "scores": plain_scores(tokens)} if with_scores else plain


def _step(entry: Any) -> Step:
    data = bytes.fromhex(entry["bytes"]) if "bytes" in entry else entry["text"].encode()
    tokens = plain_tokens(entry["ids"], entry["forced"], entry.get("scores"))
    return Step(tokens=tokens, data=data, is_terminal=entry["terminal"])

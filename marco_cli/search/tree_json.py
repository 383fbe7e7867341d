"""A search tree as plain numbers and texts, and back: for golden trees, `--json` and traces.

`to_plain` keeps structure and statistics; with scores also what each token was worth, so that `from_plain` gives a tree
that can be rescored and searched on. Floats come back exactly as they went.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.base import NUM_TOP, Tokens
from marco_cli.search.tree import Node, NodeState, Step, Tree

Document = dict[str, Any]

_NAMES: Final = MappingProxyType(
    {"forced": "is_forced", "terminal": "is_terminal", "closed": "is_closed", "candidate": "candidate_id"}
)
_FACTS: Final = ("id", "parent", "depth", "text", "visits", "terminal", "closed", "candidate")


def node_document(node: NodeState, keys: Sequence[str]) -> Document:
    """Return what is wanted of a node, by the names that it has in JSON."""
    return {key: getattr(node, _NAMES.get(key, key)) for key in keys}


def to_plain(tree: Tree, *, with_scores: bool = False) -> Document:
    """Return the tree as what JSON can hold: its prompt's ids, the range of its values, its nodes in order of creation.

    Of a node `forced` are the positions in its `ids` of tokens that were inserted, and `bytes` is its step in hexadecimal where
    that is no whole UTF-8. `scores` are the columns of `Tokens`; NaN, the score of a forced token, is null.
    """
    return {
        "prompt_ids": list(tree.prompt_ids),
        "lowest_value": tree.lowest_value,
        "highest_value": tree.highest_value,
        "nodes": [_node(node, with_scores=with_scores) for node in tree.nodes],
    }


def from_plain(plain: Mapping[str, Any]) -> Tree:
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


def _node(node: Node, *, with_scores: bool) -> Document:
    state, tokens = node.state(), node.step.tokens
    plain = node_document(state, _FACTS)
    plain |= {
        "ids": tokens.ids.tolist(),
        "forced": np.flatnonzero(~tokens.is_sampled).tolist(),
        "value_sum": node.value_sum,
        "tries": node.tries,
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


def plain_tokens(ids: Sequence[int], forced: Sequence[int], scores: Mapping[str, Any] | None) -> Tokens:
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


def _step(entry: Mapping[str, Any]) -> Step:
    data = bytes.fromhex(entry["bytes"]) if "bytes" in entry else entry["text"].encode()
    tokens = plain_tokens(entry["ids"], entry["forced"], entry.get("scores"))
    return Step(tokens=tokens, data=data, is_terminal=entry["terminal"])


def _column(values: NDArray[np.float32]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _array(values: Sequence[Any]) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)

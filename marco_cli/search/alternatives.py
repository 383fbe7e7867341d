"""The ways on that a node has not taken, as the scores of its children's tokens tell them.

Wherever a child's token was scored, its rivals among the top five were scored too. A rival is a place to branch off whose
probability is known and whose tokens differ from all children's by construction: sampling without replacement, the likeliest
way first (compare UniqueRandomizer, arXiv 2002.09067, and the branching of CoT-decoding, arXiv 2402.10200).
"""

from dataclasses import dataclass, replace

import numpy as np

from marco_cli.engine.base import Tokens
from marco_cli.search.tree import Node

_LEAST = 1e-4
"""Rivals less probable than this are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alternative:
    """A way on from a node: the first tokens of one of its children, then a rival of the token that followed."""

    probability: float
    """Of these tokens after the node, under the model, in (0, 1]."""
    opening: Tokens
    """The shared tokens and the rival, all with their scores."""


class Alternatives:
    """The ways on that were not taken yet, node by node."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, list[tuple[float, Node, int, int]]]] = {}
        """Node → how many children were looked at, and (probability, child, row, rank) of the rivals, best last."""
        self._taken: dict[int, set[tuple[bytes, int]]] = {}
        """Node → (ids before, id) that were handed out and may still be under way."""

    def best_probability(self, node: Node) -> float:
        """Return how probable the likeliest way is that was not taken, in [0, 1]; 0 without any."""
        rivals = self._rivals(node)
        return rivals[-1][0] if rivals else 0.0

    def total_probability(self, node: Node) -> float:
        """Return how probable all known ways that were not taken are together, in [0, 1]."""
        return sum(rival[0] for rival in self._rivals(node))

    def pop(self, node: Node) -> Alternative | None:
        """Return the likeliest way that was not taken, and count it as taken."""
        rivals = self._rivals(node)
        if not rivals:
            return None
        probability, child, row, rank = rivals.pop()
        tokens = child.step.tokens
        rival = int(tokens.top_ids[row, rank])
        self._taken.setdefault(node.id, set()).add((_prefix(tokens, row), rival))
        token = replace(
            tokens[row : row + 1],
            ids=np.asarray([rival], dtype=np.int32),
            logprobs=tokens.top_logprobs[row : row + 1, rank],
        )
        return Alternative(probability=probability, opening=Tokens.concat((tokens[:row], token)))

    def _rivals(self, node: Node) -> list[tuple[float, Node, int, int]]:
        seen, rivals = self._known.get(node.id, (0, []))
        if seen < len(node.children):  # a new child has rivals of its own, and may have been one itself
            taken = self._taken.get(node.id, set()) | {
                (_prefix(child.step.tokens, row), int(token))
                for child in node.children
                for row, token in enumerate(child.step.tokens.ids)
            }
            best: dict[tuple[bytes, int], tuple[float, Node, int, int]] = {}
            for child in node.children:
                for key, rival in _scored_rivals(child):
                    if key not in taken:
                        best.setdefault(key, rival)
            rivals = sorted(best.values(), key=lambda rival: (rival[0], -rival[1].id, -rival[2]))
            self._known[node.id] = (len(node.children), rivals)
        return rivals


def _scored_rivals(child: Node) -> list[tuple[tuple[bytes, int], tuple[float, Node, int, int]]]:
    tokens = child.step.tokens
    own = np.where(tokens.is_sampled, tokens.logprobs, 0.0).astype(np.float64)  # forced tokens count as given
    before = np.concatenate(([0.0], np.cumsum(own)[:-1]))
    logprobs = before[:, None] + np.nan_to_num(tokens.top_logprobs.astype(np.float64), nan=-np.inf)
    is_rival = (tokens.top_ids != tokens.ids[:, None]) & (logprobs > np.log(_LEAST))
    return [
        ((_prefix(tokens, row), int(tokens.top_ids[row, rank])), (float(np.exp(logprobs[row, rank])), child, row, rank))
        for row, rank in np.argwhere(is_rival).tolist()
    ]


def _prefix(tokens: Tokens, row: int) -> bytes:
    return tokens.ids[:row].tobytes()

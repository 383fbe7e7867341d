"""Which of the children of a node the next simulation goes to: by value and visits, at the root by sequential halving.

In: nodes with their statistics, the simulations under way. Out: a child.
"""

from marco_cli.search.config import HALVING_LIMIT, SearchConfig
from marco_cli.search.pending import Pending
from marco_cli.search.selection import argmax, considered_visits, uct, with_pending
from marco_cli.search.tree import Node, Tree


def best_child(tree: Tree, node: Node, config: SearchConfig, pending: Pending) -> Node:
    """Return the open child with the highest UCT score, the first of equals.

    Simulations under way count as visits that came to 0. A child without any is worth what its parent is, so that not all
    siblings need be tried before the best of them is tried again.
    """
    children = node.open_children
    scores = [
        uct(
            with_pending(
                _quality(tree, child if child.visits else node, config),
                visits=max(1, child.visits),
                pending=pending[child],
            ),
            visits=max(1, child.visits + pending[child]),
            parent_visits=node.visits + pending[node],
            exploration=config.exploration,
        )
        for child in children
    ]
    return children[argmax(scores)]


def _quality(tree: Tree, node: Node, config: SearchConfig) -> float:
    return tree.normalise(node.value) if config.normalise else node.value


class Halving:
    """Sequential halving of the root's children, where the configuration asks for it or simulations are few."""

    def __init__(self, tree: Tree, config: SearchConfig, pending: Pending, *, max_simulations: int | None) -> None:
        is_small = max_simulations is not None and max_simulations <= HALVING_LIMIT
        self.is_on = config.root == "halving" or (config.root == "auto" and is_small)
        self._tree = tree
        self._config = config
        self._pending = pending
        self._limit = max_simulations or HALVING_LIMIT

    @property
    def wants_arm(self) -> bool:
        """Whether there are fewer children yet than are to be halved: each needs two simulations at least."""
        return self._tree.root.tries < min(self._config.root_children, max(1, self._limit // 2))

    def survivor(self) -> Node:
        """Return the root child that sequential halving gives the next simulation to: the best of the least visited."""
        root = self._tree.root
        considered = considered_visits(root.tries, self._limit)
        turn = min(root.visits + self._pending[root], len(considered) - 1)  # a resumed search may be past the plan
        children = root.open_children
        counts = [child.visits + self._pending[child] for child in children]
        # Lanes finish out of order, so that no child may have exactly as many visits as the plan says.
        meant = max((count for count in counts if count <= considered[turn]), default=min(counts))
        survivors = [child for child, count in zip(children, counts, strict=True) if count == meant]
        return survivors[argmax([_quality(self._tree, child, self._config) for child in survivors])]

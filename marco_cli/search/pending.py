"""Simulations under way, node by node: the virtual loss that keeps several lanes off the same path."""

from collections import Counter

from marco_cli.search.tree import Node, upwards


class Pending:
    """Counts, for each node, the simulations under way through it."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def __getitem__(self, node: Node) -> int:
        return self._counts[node.id]

    def begin(self, node: Node) -> None:
        """Count a simulation that has begun at `node`, also for all nodes above it."""
        for above in upwards(node):
            self._counts[above.id] += 1

    def extend(self, node: Node) -> None:
        """Count a simulation that has come from the node above to `node`."""
        self._counts[node.id] += 1

    def end(self, node: Node) -> None:
        """Count a simulation that has ended, at `node` and all nodes above it."""
        for above in upwards(node):
            self._counts[above.id] -= 1

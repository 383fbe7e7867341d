"""Where to branch off the replies that a check refuted.

In: their paths in the tree. Out: which nodes are suspect, and behind which nothing is to be found. What follows the code or the answer
that was judged cannot change the verdict; what was wrong most likely came up in the last steps before.
"""

from typing import Final

from marco_cli.check.code import extent
from marco_cli.search.base import Reply
from marco_cli.search.tree import Node, Tree

LAST_STEPS: Final = 3
"""Of the steps up to the end of what was judged that could have been others, so many are branched off first."""


class Refutation:
    """What is known of the refuted replies of a search."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._suspect: set[int] = set()
        self._behind: set[int] = set()

    def add(self, end: Node, reply: Reply) -> None:
        """Note that a check refuted the reply that ends at `end`."""
        judged = reply.output[: extent(reply.output, reply.answer)].encode()
        start = reply.data.rfind(judged)
        if start < 0:  # the output does not stand in the reply as it is
            return
        place, last = 0, start + len(judged)
        for node in self._tree.path(end):
            (self._suspect if place < last else self._behind).add(node.id)
            place += len(node.step.data)

    def is_behind(self, node: Node) -> bool:
        """Say whether a node comes after all that was judged, so that whatever follows it is as wrong."""
        return node.id in self._behind

    def preferred(self, nodes: list[Node]) -> list[Node]:
        """Return the nodes of one path that are to be branched off first: the last of the suspect ones, or all."""
        return [node for node in nodes if node.id in self._suspect][-LAST_STEPS:] or nodes

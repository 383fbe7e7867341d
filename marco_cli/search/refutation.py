"""Where to branch off a reply that a check refuted.

In: the path of the reply in the tree. Out: marks on its nodes. What follows the code or the answer that was judged cannot change the
verdict, so nothing is to be found there; what was wrong most likely came up in the last steps before.
"""

from typing import Final

from marco_cli.check.code import extent
from marco_cli.search.base import Reply
from marco_cli.search.tree import Node, Tree

LAST_STEPS: Final = 3
"""Of the steps up to the end of what was judged that could have been others, so many are branched off first."""


def mark(tree: Tree, end: Node, reply: Reply) -> None:
    """Mark the path to `end`, at which a refuted reply ends."""
    judged = reply.output[: extent(reply.output, reply.answer)].encode()
    start = reply.data.rfind(judged)
    if start < 0:  # the output is not written in the reply as it stands
        return
    last = start + len(judged)
    place = 0
    for node in tree.path(end):
        if place < last:
            node.is_suspect = True
        elif node is not end:
            node.is_sound = False
        place += len(node.step.data)

"""Where the nodes of a tree stand in a drawing: depth downwards, leaves side by side, parents above the middle of their children.

In: who is whose child. Out: columns and rows as numbers of places, so that whoever draws decides how large a place is. The
work is linear and needs no recursion, however deep the tree is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Places by node."""

    column: Mapping[int, float]
    row: Mapping[int, int]
    num_columns: int
    num_rows: int


def lay_out(children: Sequence[Sequence[int]]) -> Layout:
    """Return the places of a tree whose root is 0; `children[n]` are the nodes below node n, from left to right."""
    column: dict[int, float] = {}
    row = {0: 0}
    num_leaves = 0
    open_nodes = [(0, False)]
    while open_nodes:
        node, is_placed = open_nodes.pop()
        below = children[node]
        if is_placed:
            column[node] = (column[below[0]] + column[below[-1]]) / 2
        elif below:
            open_nodes.append((node, True))
            open_nodes.extend((child, False) for child in reversed(below))
            row.update((child, row[node] + 1) for child in below)
        else:
            column[node] = float(num_leaves)
            num_leaves += 1
    return Layout(column=column, row=row, num_columns=num_leaves, num_rows=1 + max(row.values()))

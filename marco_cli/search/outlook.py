"""What a search expects below the nodes of its tree: how likely a sample is new, and whether it would rest on a slip.

In: nodes. Out: probabilities, yes or no. Everything follows from the steps, which do not change, and is worked out once.
"""

from itertools import takewhile

import numpy as np

from marco_cli.engine.base import Tokens
from marco_cli.reward.equations import check_equations
from marco_cli.search.tree import Node, upwards


class Outlook:
    """Remembers what it has worked out, by node."""

    def __init__(self) -> None:
        self._masses: dict[int, tuple[int, float]] = {}
        """Node → how many children were looked at, and their probability together."""
        self._lines: dict[int, tuple[bool, bytes]] = {}
        """Node → whether it is sound, and its open lines."""

    def seen_mass(self, node: Node) -> float:
        """Return the probability that one more sampled step (T = 1) is one of the children, in [0, 1]."""
        seen, mass = self._masses.get(node.id, (0, 0.0))
        for child in node.children[seen:]:  # children are only ever added, and steps do not change
            mass = min(1.0, mass + _probability(child.step.tokens))
        self._masses[node.id] = (len(node.children), mass)
        return mass

    def is_sound(self, node: Node) -> bool:
        """Say whether no line that was ended from the root to here holds a false equation."""
        return self._read(node)[0]

    def _read(self, node: Node) -> tuple[bool, bytes]:
        """Return whether a node is sound, and the last line of the path that was ended with the bytes behind it.

        The next step may go on with both, since "5 x 3" and "= 16" may stand on two lines, and what follows "If" is not a claim.
        """
        # From the deepest node that is known, not from the root: paths share their beginnings.
        unread = list(takewhile(lambda above: above.id not in self._lines, upwards(node)))
        for each in reversed(unread):
            was_sound, before = (True, b"") if each.parent is None else self._lines[each.parent.id]
            # What was cut by force may end inside a number.
            is_cut = not bool(each.step.tokens.is_sampled[:1].all())
            data = (b"" if is_cut else before) + each.step.data
            # A step may be cut in the middle of a number, too: only lines that are ended are read.
            end = len(data) if each.is_terminal else data.rfind(b"\n") + 1
            last = data[:end].rstrip().rfind(b"\n") + 1
            whole = data[:end].decode("utf-8", errors="replace")
            self._lines[each.id] = (was_sound and not check_equations(whole).false, data[last:])
        return self._lines[node.id]


def _probability(tokens: Tokens) -> float:
    """Return the probability of a step under the model; forced tokens count as given."""
    return float(np.exp(tokens.logprobs[tokens.is_sampled].astype(np.float64).sum()))

"""The search tree: which token runs continue which, how often each was visited and what it was worth.

In: steps and backed-up values. Out: paths as exact token ids, and statistics. The tree knows no engine, no text format and no
selection rule, and nothing that a search only remembers while it runs. All work of one simulation is proportional to the depth of
its path; no operation but `snapshot` looks at all nodes.

Only `Tree` and `Node` change. A node's `id` is its order of creation, the root is 0.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from marco_cli.engine.base import Tokens

ROOT: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One edge of the tree: a run of tokens with its text."""

    tokens: Tokens
    data: bytes
    """May begin or end inside a UTF-8 character."""
    is_terminal: bool = False
    """Whether the reply ends with this step."""

    @property
    def is_forced(self) -> bool:
        """Whether any of its tokens was inserted by us."""
        return not bool(self.tokens.is_sampled.all())


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node at one moment, for views, events, evaluations and JSON; what is not given was not kept."""

    id: int
    parent: int | None
    depth: int = 0
    text: str = ""
    """The step's text; broken characters become U+FFFD."""
    visits: int = 0
    value: float = 0.0
    """Mean of the backed-up values, in [0, 1]; 0 before the first."""
    confidence: float | None = None
    """Mean c_i of the step's sampled tokens; None when it has none."""
    num_tokens: int = 0
    is_forced: bool = False
    """Whether any of its tokens was inserted by us."""
    is_terminal: bool = False
    is_closed: bool = False
    candidate_id: int | None = None


class Node:
    """A state of the reply: all steps from the root to here."""

    __slots__ = (
        "_child_by_ids", "candidate_id", "children", "confidence", "depth", "id", "is_closed", "key", "num_tokens", "parent", "step", "tries",
        "value_sum", "visits",
    )  # fmt: skip

    def __init__(self, node_id: int, parent: "Node | None", step: Step, key: bytes) -> None:
        self.id = node_id
        self.parent = parent
        self.step = step
        self.key = key
        """A hash of the token ids from the root to here: the same path has the same key in every search."""
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.num_tokens: int = len(step.tokens) + (0 if parent is None else parent.num_tokens)
        """Tokens of the reply up to here."""
        sampled = step.tokens.is_sampled
        self.confidence = float(step.tokens.confidence[sampled].astype(np.float64).mean()) if sampled.any() else None
        """Mean c_i of the step's sampled tokens, in [0, 1]; None when it has none."""
        self.children: list[Node] = []
        self.visits = 0
        """N: simulations backed up through here."""
        self.value_sum = 0.0
        """W: sum of their values."""
        self.tries = 0
        """Steps sampled from here, those that came out the same included."""
        self.is_closed = step.is_terminal
        """Whether nothing new can be found below."""
        self.candidate_id: int | None = None
        self._child_by_ids: dict[bytes, Node] = {}

    @property
    def is_terminal(self) -> bool:
        """Whether the reply ends here."""
        return self.step.is_terminal

    @property
    def value(self) -> float:
        """Mean backed-up value, in [0, 1]; 0 before the first visit."""
        return self.value_sum / self.visits if self.visits else 0.0

    @property
    def open_children(self) -> list["Node"]:
        """The children below which something new can be found."""
        return [child for child in self.children if not child.is_closed]

    def within(self, num_tokens: int) -> "Node":
        """Return the deepest node of the path to this one that has at most so many tokens above and in it."""
        return next(node for node in upwards(self) if node.num_tokens <= num_tokens or node.parent is None)

    def state(self) -> NodeState:
        """Describe the node as it is now."""
        return NodeState(
            id=self.id,
            parent=None if self.parent is None else self.parent.id,
            depth=self.depth,
            text=self.step.data.decode("utf-8", errors="replace"),
            visits=self.visits,
            value=self.value,
            confidence=self.confidence,
            num_tokens=len(self.step.tokens),
            is_forced=self.step.is_forced,
            is_terminal=self.is_terminal,
            is_closed=self.is_closed,
            candidate_id=self.candidate_id,
        )


class Tree:
    """Nodes by id, and the range of the values seen so far."""

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self.prompt_ids = tuple(prompt_ids)
        empty = Step(tokens=Tokens.forced(()), data=b"")
        self.nodes: list[Node] = [Node(ROOT, None, empty, blake2b(digest_size=16).digest())]
        self.lowest_value = 1.0
        """Least value of any node after any back-up; above `highest_value` before the first."""
        self.highest_value = 0.0

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, node_id: int) -> Node:
        return self.nodes[node_id]

    @property
    def root(self) -> Node:
        """The node before the first step."""
        return self.nodes[ROOT]

    def add(self, parent: Node, step: Step) -> Node:
        """Return the child of `parent` that `step` leads to; a step with the same token ids leads to the same child."""
        ids = _pack(step.tokens.ids)
        # By its ids, not by its text: two ways to spell a text are two ways on for the model.
        found = parent._child_by_ids.get(ids)  # noqa: SLF001  # a tree and its nodes are one thing
        if found is not None:
            return found
        # The key is a chain of hashes: it costs the step alone, and still depends on the whole path.
        node = Node(len(self.nodes), parent, step, blake2b(parent.key + ids, digest_size=16).digest())
        self.nodes.append(node)
        parent.children.append(node)
        parent._child_by_ids[ids] = node  # noqa: SLF001
        above: Node | None = parent
        while above is not None and above.is_closed and not node.is_closed:
            above.is_closed = False  # there is something new below after all
            above = above.parent
        return node

    def graft(self, parent: Node, steps: Iterable[Step]) -> Node:
        """Add steps one after the other below `parent`; return the last node."""
        for step in steps:
            parent = self.add(parent, step)
        return parent

    def path(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes from the root to `node`, both included."""
        return tuple(reversed(list(upwards(node))))

    def tokens(self, node: Node) -> Tokens:
        """Return the reply's tokens up to and with `node`, with their scores."""
        return Tokens.concat([step.step.tokens for step in self.path(node)[1:]])

    def data(self, node: Node) -> bytes:
        """Return the reply's bytes up to and with `node`."""
        return b"".join(step.step.data for step in self.path(node))

    def token_ids(self, node: Node) -> tuple[int, ...]:
        """Return the ids that the engine continues: the prompt's and those of the path."""
        return (*self.prompt_ids, *self.tokens(node).ids.tolist())

    def back_up(self, node: Node, value: float) -> None:
        """Add one visit with `value`, in [0, 1], to `node` and all nodes above it."""
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"the value is {value}, expected a number between 0 and 1")
        for above in upwards(node):
            above.visits += 1
            above.value_sum += value
            mean = above.value_sum / above.visits  # the range is of what selection compares, not of single values
            self.lowest_value = min(self.lowest_value, mean)
            self.highest_value = max(self.highest_value, mean)

    def normalise(self, value: float) -> float:
        """Return where `value` lies in the range of the values seen so far, in [0, 1]; 0.5 while there is no range.

        The running min-max of MuZero (arXiv 1911.08265, appendix B, equation 5), over the whole tree.
        """
        if self.highest_value <= self.lowest_value:
            return 0.5
        share = (value - self.lowest_value) / (self.highest_value - self.lowest_value)
        return min(1.0, max(0.0, share))

    def snapshot(self) -> tuple[NodeState, ...]:
        """Describe all nodes, in order of creation."""
        return tuple(node.state() for node in self.nodes)


def upwards(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes above it, the root last."""
    above: Node | None = node
    while above is not None:
        yield above
        above = above.parent


def _pack(ids: Any) -> bytes:
    return np.asarray(ids, dtype=np.int32).tobytes()

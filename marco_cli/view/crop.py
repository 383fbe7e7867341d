"""Which nodes of a tree are shown when there is not room for all.

In: a `Snapshot` and a number of rows. Out: at most so many `CroppedRow`s. The best path comes first, then the children with the
most visits, wherever they are; what is left out is counted. Nodes with a single child form a chain: off the best path a
chain is one row, on it each node has its own, or several share one where half of the rows would not do, and nodes that are
nothing but tags have none. Indentation grows at branches only, so a reply of thirty steps stays readable. Siblings that
begin with the same words are shown from where they part.

The order of siblings is the order of their creation: rows appear, but they do not change places.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from marco_cli.search.tree import ROOT
from marco_cli.view.snapshot import LABEL_LENGTH, Ending, NodeSnapshot, Snapshot

Guide = Literal["pipe", "blank", "branch", "last"]

_LEAST_SHARED: Final = 10
"""Characters of a shared beginning that are worth leaving out."""
_MOST_JOINED: Final = 1_000
"""Characters of a chain."""
_FIRST_IDEOGRAPH: Final = 0x2E7F
_MOST_COMPARED: Final = 64
"""Siblings that are held against one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CroppedRow:
    """One line of the tree."""

    guides: tuple[Guide, ...]
    """One for each branching above, outermost first."""
    node: NodeSnapshot | None = None
    """Whose visits and value are shown; None for a row that only counts."""
    label: str = ""
    is_parted: bool = False
    """Whether the label leaves out a beginning that siblings share."""
    equations: tuple[str, ...] = ()
    slip: str = ""
    """An equation in this row that is false."""
    answer: str | None = None
    """Of the reply that ends in this row."""
    ending: Ending = "finished"
    is_best: bool = False
    num_hidden: int = 0
    """Siblings, or steps of the best path, that are left out here; only without a node."""
    hidden_kind: Literal["siblings", "steps"] = "siblings"


def crop(snapshot: Snapshot, max_rows: int) -> tuple[CroppedRow, ...]:
    """Return the most telling rows in the order of the tree, the root first; none for fewer than one row."""
    if max_rows < 1:
        return ()
    plan = _Plan(snapshot, max_rows)
    plan.fill()
    return tuple(_without_middle(list(plan.rows()), max_rows))


@dataclass(slots=True)
class _Branching:
    """A node with several children, and which of them are shown."""

    children: tuple[int, ...]
    shown: set[int] = field(default_factory=set)

    @property
    def num_rows(self) -> int:
        """Rows of the shown children themselves and of the count of the others."""
        return len(self.shown) + (0 < len(self.shown) < len(self.children))


class _Plan:
    """What is shown so far and how many rows it takes."""

    def __init__(self, snapshot: Snapshot, max_rows: int) -> None:
        self._nodes = snapshot.nodes
        self._best = set(snapshot.best_path)
        self._max_rows = max_rows
        self._branchings: dict[int, _Branching] = {}
        self._waiting: list[tuple[int, float, int, int]] = []
        """Children that might be shown next: (-visits, -value, id, branching), a heap."""
        self._num_rows = 1
        self._open(ROOT)
        chains = [self._chain(node_id) for node_id in snapshot.best_path[1:] if self._is_first(node_id)]
        lengths = [len(self._group(chain)) for chain in chains]
        is_alone = len(snapshot.nodes) <= len(snapshot.best_path)
        self._stride = 1 if is_alone else max(1, math.ceil(sum(lengths) / max(3, max_rows // 2)))
        """Nodes of the best path to a row: where there are others, they have half of the rows."""
        self._num_rows += sum(math.ceil(length / self._stride) for length in lengths)
        for node_id in snapshot.best_path[1:]:
            if len(self._nodes[node_id].children) > 1:
                self._open(node_id)

    def fill(self) -> None:
        """Show more children, those with the most visits first, while there is room."""
        while self._waiting and self._num_rows < self._max_rows:
            *_, child, parent = heapq.heappop(self._waiting)
            branching = self._branchings[parent]
            before = branching.num_rows
            branching.shown.add(child)
            cost = branching.num_rows - before
            if self._num_rows + cost > self._max_rows:
                branching.shown.discard(child)
                continue
            self._num_rows += cost
            end = self._chain(child)[-1]
            if len(self._nodes[end].children) > 1:
                self._open(end)

    def rows(self) -> Iterator[CroppedRow]:
        """Yield everything that is shown, from the root down."""
        root = self._nodes[ROOT]
        yield CroppedRow(guides=(), node=root, label=root.label.strip(), is_best=bool(self._best))
        yield from self._below(ROOT, ())

    def _open(self, node_id: int) -> None:
        """Let the children of a branching take part; those on the best path are shown at once."""
        children = self._nodes[node_id].children
        branching = _Branching(children, {child for child in children if child in self._best})
        self._branchings[node_id] = branching
        # The rows of the best path's own nodes are counted one by one; here only the count of its siblings is new.
        self._num_rows += branching.num_rows - len(branching.shown)
        hidden = (child for child in children if child not in branching.shown)
        for child in heapq.nsmallest(self._max_rows, hidden, key=self._rank):
            heapq.heappush(self._waiting, (*self._rank(child), node_id))

    def _rank(self, node_id: int) -> tuple[int, float, int]:
        node = self._nodes[node_id]
        return (-node.visits, -node.value, node_id)

    def _is_first(self, node_id: int) -> bool:
        """Say whether a node begins a chain."""
        parent = self._nodes[node_id].parent
        return parent is not None and self._is_branch(parent)

    def _is_branch(self, node_id: int) -> bool:
        return node_id == ROOT or len(self._nodes[node_id].children) > 1

    def _chain(self, node_id: int) -> list[int]:
        """Return a node and its only child, and that one's only child, and so on."""
        chain = [node_id]
        while len(children := self._nodes[chain[-1]].children) == 1:
            chain.append(children[0])
        return chain

    def _below(self, node_id: int, guides: tuple[Guide, ...]) -> Iterator[CroppedRow]:
        branching = self._branchings.get(node_id)
        if branching is None or not branching.shown:
            return
        shown = [child for child in branching.children if child in branching.shown]
        num_hidden = len(branching.children) - len(shown)
        if num_hidden == 1:  # the count would take the row that the child itself can have
            shown, num_hidden = list(branching.children), 0
        chains = {child: self._chain(child) for child in branching.children[:_MOST_COMPARED]}
        labels = tuple(_joined([self._nodes[each] for each in chain]) for chain in chains.values())
        parting = dict(zip(chains, partings(labels), strict=True))
        for child in shown:
            is_last = child == shown[-1] and not num_hidden
            chain = chains.get(child) or self._chain(child)
            inner: tuple[Guide, ...] = (*guides, "blank" if is_last else "pipe")
            first: tuple[Guide, ...] = (*guides, "last" if is_last else "branch")
            yield from self._chain_rows(chain, first, inner, parting.get(child, 0))
            yield from self._below(chain[-1], inner)
        if num_hidden:
            yield CroppedRow(guides=(*guides, "last"), num_hidden=num_hidden)

    def _chain_rows(
        self, chain: list[int], first: tuple[Guide, ...], then: tuple[Guide, ...], parting: int
    ) -> Iterator[CroppedRow]:
        """Yield the rows of a chain: one, or on the best path one for each node, or few nodes, that say something."""
        is_best = chain[0] in self._best
        groups = self._strided(chain) if is_best else [chain]
        for index, group in enumerate(groups):
            nodes = [self._nodes[node_id] for node_id in group]
            label = _joined(nodes)
            is_parted = not index and 0 < parting < len(label)
            yield CroppedRow(
                guides=then if index else first,
                node=nodes[0],
                label=(label[parting:] if is_parted else label)[:LABEL_LENGTH],
                is_parted=is_parted,
                equations=_equations(nodes, label[:parting] if is_parted else ""),
                slip=next((node.slip for node in nodes if node.slip), ""),
                answer=None if nodes[-1].children else nodes[-1].answer,
                ending=nodes[-1].ending,
                is_best=is_best,
            )

    def _strided(self, chain: Sequence[int]) -> list[list[int]]:
        """Return the nodes of a chain of the best path, row by row."""
        groups = self._group(chain)
        starts = range(0, len(groups), self._stride)
        return [[node_id for group in groups[start : start + self._stride] for node_id in group] for start in starts]

    def _group(self, chain: Sequence[int]) -> list[list[int]]:
        """Put nodes without words of their own to the node before them, at the beginning to the one after."""
        groups: list[list[int]] = [[chain[0]]]
        for node_id in chain[1:]:
            has_words = any(not _is_blank(self._nodes[known]) for known in groups[-1])
            if has_words and not _is_blank(self._nodes[node_id]):
                groups.append([node_id])
            else:
                groups[-1].append(node_id)
        return groups


def _is_blank(node: NodeSnapshot) -> bool:
    return not node.label.strip()


def _joined(nodes: Sequence[NodeSnapshot]) -> str:
    """Put the words of nodes together as they stood in the reply."""
    text = ""
    for node in nodes:
        text = (text + node.label).replace("  ", " ")
        if len(text) >= _MOST_JOINED:
            break
    return text.strip()


def _equations(nodes: Sequence[NodeSnapshot], left_out: str) -> tuple[str, ...]:
    """Return the equations of nodes, each once, without those of a beginning that is left out."""
    found = dict.fromkeys(equation for node in nodes for equation in node.equations)
    return tuple(equation for equation in found if equation not in left_out)


@lru_cache(maxsize=512)
def partings(labels: tuple[str, ...]) -> tuple[int, ...]:
    """Return, for each label, where it parts from the one that it shares the longest beginning with; 0 for a short one."""
    order = sorted(range(len(labels)), key=labels.__getitem__)
    found = [0] * len(labels)
    for one, other in pairwise(order):
        both = enumerate(zip(labels[one], labels[other], strict=False))
        least = min(len(labels[one]), len(labels[other]))
        shared = next((place for place, (first, second) in both if first != second), least)
        for each in (one, other):
            if labels[one] != labels[other]:
                found[each] = max(found[each], _word_start(labels[each], shared))
    return tuple(place if place >= _LEAST_SHARED else 0 for place in found)


def _word_start(text: str, place: int) -> int:
    """Return where the word at a place begins; characters of scripts without spaces are words."""
    if place < len(text) and text[place].isspace():
        return place + 1
    while 0 < place < len(text) and not text[place - 1].isspace() and ord(text[place - 1]) < _FIRST_IDEOGRAPH:
        place -= 1
    return place


def _without_middle(rows: list[CroppedRow], max_rows: int) -> list[CroppedRow]:
    """Leave out what is too much of a best path that alone fills the screen: counts first, then its middle."""
    while len(rows) > max_rows:
        counts = [index for index, row in enumerate(rows) if not row.is_best]
        if not counts:
            break
        del rows[max(counts, key=lambda index: len(rows[index].guides))]
    if len(rows) <= max_rows:
        return rows
    if max_rows < 4:
        return [*rows[: max_rows - 1], rows[-1]] if max_rows > 1 else rows[:1]
    head = max_rows // 2
    tail = max_rows - head - 1
    gap = CroppedRow(guides=rows[head].guides, num_hidden=len(rows) - head - tail, hidden_kind="steps")
    return [*rows[:head], gap, *rows[-tail:]]

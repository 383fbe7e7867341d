"""The cells of a KV memory as a radix tree of token ids: which tokens follow which, and which sequences see them.

Every cell appears exactly once: a prefix that two sequences share is stored once.
"""

from collections.abc import Iterator, Sequence


class CellRun:
    """An edge of the radix tree: consecutive tokens seen by the same sequences. Every sequence ends at a run's end."""

    __slots__ = ("children", "holders", "num_running", "parent", "start", "tokens")

    def __init__(self, parent: "CellRun | None", start: int, tokens: list[int]) -> None:
        self.parent = parent
        self.start = start
        """Position of the first token."""
        self.tokens = tokens
        self.children: dict[int, CellRun] = {}
        self.holders: set[int] = set()
        self.num_running = 0

    @property
    def end(self) -> int:
        """The position after the last token."""
        return self.start + len(self.tokens)


class RadixTree:
    """The runs of cells, and how many cells there are."""

    def __init__(self) -> None:
        self.root = CellRun(None, 0, [])
        self.cells = 0
        """Cells in use."""
        self.pinned = 0
        """Cells seen by at least one running sequence."""

    def match(self, ids: Sequence[int]) -> tuple[CellRun, int]:
        """Return the run that holds the last leading token of `ids` which any sequence sees, and how many those are."""
        run, length = self.root, 0
        while length < len(ids) and (child := run.children.get(ids[length])) is not None:
            run = child
            common = common_length(run.tokens, ids, length)
            length += common
            if common < len(run.tokens):
                break
        return run, length

    def grow(self, leader: CellRun, sequences: Sequence[int], tokens: Sequence[int]) -> CellRun:
        """Add tokens behind a run at whose end running sequences stand; return the run at whose end they stand then."""
        self.cells += len(tokens)
        self.pinned += len(tokens)
        # The common case, one token more for the only ones that see the run: no new node.
        if not leader.children and leader.parent is not None and len(leader.holders) == len(sequences):
            leader.tokens.extend(tokens)
            return leader
        run = CellRun(leader, leader.end, list(tokens))
        leader.children[tokens[0]] = run
        run.holders.update(sequences)
        run.num_running = len(sequences)
        return run

    def split(self, run: CellRun, position: int) -> CellRun:
        """Cut a run before `position`, which lies inside it, and return the part in front."""
        cut = position - run.start
        parent = run.parent or self.root
        front = CellRun(parent, run.start, run.tokens[:cut])
        front.holders = set(run.holders)
        front.num_running = run.num_running
        front.children[run.tokens[cut]] = run
        parent.children[front.tokens[0]] = front
        run.parent = front
        run.start = position
        run.tokens = run.tokens[cut:]
        return front

    def join(self, run: CellRun) -> None:
        """Put a run in front of its only child, if the same sequences see both."""
        if run.parent is None or len(run.children) != 1:
            return
        (child,) = run.children.values()
        if child.holders == run.holders:  # the child stays the same object: sequences that end there keep their end
            child.start = run.start
            child.tokens = run.tokens + child.tokens
            child.parent = run.parent
            run.parent.children[child.tokens[0]] = child

    def leave(self, run: CellRun, sequence: int) -> CellRun:
        """Take a sequence off a run, remove the run if no sequence sees it any more, and return the run in front of it."""
        parent = run.parent or self.root
        run.holders.discard(sequence)
        if run.holders:
            self.join(run)
        else:
            self.cells -= len(run.tokens)
            del parent.children[run.tokens[0]]
        return parent

    def count_running(self, run: CellRun, change: int) -> None:
        """Add to, or take from, the running sequences that see a run."""
        before = run.num_running
        run.num_running += change
        if before == 0 and change > 0:
            self.pinned += len(run.tokens)
        elif run.num_running == 0 and change < 0:
            self.pinned -= len(run.tokens)


def upward(run: CellRun) -> Iterator[CellRun]:
    """Yield a run and all in front of it, the root last."""
    current: CellRun | None = run
    while current is not None:
        yield current
        current = current.parent


def common_length(tokens: Sequence[int], ids: Sequence[int], offset: int = 0) -> int:
    """Return how many leading tokens equal `ids` from `offset` on."""
    limit = min(len(tokens), len(ids) - offset)
    common = 0
    while common < limit and tokens[common] == ids[offset + common]:
        common += 1
    return common

"""Which sequence holds which token prefix: match, fork, extend, release, evict.

llama.cpp keeps the KV memory as cells; a cell belongs to one token at one position and is seen by a set of sequences.
`radix_tree` mirrors that memory; here is which sequences there are, and which are given up for room. It knows nothing of
llama.cpp: the two operations that it needs (`copy`, `remove`) come in as a `Memory`.

A sequence is *running* (pinned: its cells are never given up) or *idle* (kept for its prefix, in the order of last
use). A sequence that ends while others see all of its cells is worth nothing and is freed at once.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from marco_cli.engine.radix_tree import CellRun, RadixTree, common_length, upward


class Memory(Protocol):
    """The operations on the KV memory; both are bookkeeping, nothing is evaluated."""

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """Let the sequence `target` see the positions from `start` up to `end` of `source`."""
        ...

    def remove(self, sequence: int, start: int, end: int) -> None:
        """Take the positions from `start` up to `end` away from the sequence."""
        ...


class PrefixCache:
    """The sequences of one KV memory of `num_cells` cells and `num_sequences` sequence ids."""

    def __init__(
        self, memory: Memory, *, num_sequences: int, num_cells: int, num_idle_cells: int | None = None
    ) -> None:
        self.num_cells = num_cells
        self.num_idle_cells = num_cells if num_idle_cells is None else num_idle_cells
        """Cells that idle sequences alone may keep: every cell in use makes every token dearer."""
        self.forks = 0
        self.evictions = 0
        self._memory = memory
        self._tree = RadixTree()
        self._free = list(range(num_sequences - 1, -1, -1))
        self._ends: dict[int, CellRun] = {}
        self._idle: dict[int, None] = {}

    @property
    def cells(self) -> int:
        """Cells in use."""
        return self._tree.cells

    @property
    def pinned(self) -> int:
        """Cells seen by at least one running sequence."""
        return self._tree.pinned

    def match_length(self, ids: Sequence[int]) -> int:
        """Return how many leading tokens of `ids` the memory holds."""
        return self._match(ids)[1]

    def pinned_length(self, ids: Sequence[int]) -> int:
        """Return how many leading tokens of `ids` running sequences hold."""
        run, length = self._match(ids)
        for passed in upward(run):
            if passed.num_running:
                return min(length, passed.end)
        return 0

    def open(self, ids: Sequence[int]) -> tuple[int, int] | None:
        """Start a running sequence that sees the longest held prefix of `ids`.

        Returns the sequence and the length of that prefix, or None when every sequence id is running.
        """
        run, length = self._match(ids)
        if not self._free:
            if not self._evict_idle():
                return None
            run, length = self._match(ids)  # what was evicted may have been the match
        if length < run.end:  # every sequence ends at a run's end
            run = self._tree.split(run, length)
        sequence = self._free.pop()
        if length:
            self._memory.copy(next(iter(run.holders)), sequence, 0, length)
            self.forks += 1
        self._ends[sequence] = run
        for passed in upward(run):
            passed.holders.add(sequence)
            self._tree.count_running(passed, +1)
        return sequence, length

    def end_of(self, sequence: int) -> CellRun:
        """Return the run at whose end the sequence stands: two sequences hold the same prefix iff it is the same."""
        return self._ends[sequence]

    def length(self, sequence: int) -> int:
        """Return how many tokens the sequence holds."""
        return self._ends[sequence].end

    def extend(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Record that `tokens` were evaluated once for all of `sequences`, which are running and hold one prefix.

        Where another sequence already holds the same continuation, the fresh cells are given back in its favour.
        """
        leader = self._ends[sequences[0]]
        if tokens[0] in leader.children:
            self._rejoin(sequences, tokens)
            return
        run = self._tree.grow(leader, sequences, tokens)
        for sequence in sequences:
            self._ends[sequence] = run

    def release(self, sequence: int, keep: int | None = None) -> None:
        """End a running sequence; its first `keep` tokens (None: all) stay as an idle prefix."""
        for passed in upward(self._ends[sequence]):
            self._tree.count_running(passed, -1)
        if keep is not None and keep < self.length(sequence):
            self._truncate(sequence, keep)
        end = self._ends[sequence]
        if end.parent is None or len(end.holders) > 1 or end.children:
            self._drop(sequence)  # others see all that it saw: it would keep nothing but its id
        else:
            self._idle[sequence] = None

    def make_room(self, cells: int) -> bool:
        """Give up idle prefixes, least recently used first, until `cells` more fit; say whether they do."""
        while self.cells + cells > self.num_cells:
            if not self._evict_idle():
                return False
        return True

    def trim(self, is_crowded: Callable[[], bool] = lambda: False) -> None:
        """Give up idle prefixes, least recently used first, until they keep no more cells than they may and none is too many.

        The last one used stays, however long: it is what a conversation goes on from.
        """
        while len(self._idle) > 1 and (self.cells - self.pinned > self.num_idle_cells or is_crowded()):
            self._evict_idle()

    def reset(self, ids: Sequence[int]) -> None:
        """Give up every idle prefix but the longest held one of `ids`."""
        opened = self.open(ids)
        while self._evict_idle():
            pass
        if opened is not None:
            self.release(opened[0])

    def free_suffixes(self, ids: Sequence[int]) -> None:
        """Give up the idle sequences that begin with `ids`; if no other sequence shares any of that, one keeps `ids` itself."""
        run, length = self._match(ids)
        if not length or length < len(ids):  # nothing begins with all of `ids`
            return
        ours = [sequence for sequence in self._idle if sequence in run.holders]
        is_shared = any(not passed.holders.issubset(ours) for passed in upward(run) if passed.parent is not None)
        for sequence in ours:
            del self._idle[sequence]
            if is_shared or sequence != ours[-1]:
                self._drop(sequence)
                continue
            if length < self.length(sequence):
                self._truncate(sequence, length)
            self._idle[sequence] = None

    def discard(self, sequence: int) -> None:
        """Take a running sequence back as if it had never been: nothing of it stays that no other one holds."""
        for passed in upward(self._ends[sequence]):
            self._tree.count_running(passed, -1)
        self._drop(sequence)

    def _evict_idle(self) -> bool:
        if not self._idle:
            return False
        sequence = next(iter(self._idle))  # dictionaries keep the order of insertion: the least recently used one
        del self._idle[sequence]
        self._drop(sequence)
        self.evictions += 1
        return True

    def _match(self, ids: Sequence[int]) -> tuple[CellRun, int]:
        run, length = self._tree.match(ids)
        if length:
            self._touch(run)
        return run, length

    def _touch(self, run: CellRun) -> None:
        """Make an idle sequence that was matched the most recently used one."""
        for sequence in run.holders:
            if sequence in self._idle:
                del self._idle[sequence]
                self._idle[sequence] = None
                return

    def _rejoin(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Move sequences along tokens that another sequence sees already, in favour of the older cells."""
        before = self._ends[sequences[0]]
        run, matched = before, 0
        while matched < len(tokens) and (child := run.children.get(tokens[matched])) is not None:
            common = common_length(child.tokens, tokens, matched)
            run = child if common == len(child.tokens) else self._tree.split(child, child.start + common)
            matched += common
        holder = next(iter(run.holders))  # taken before ours join it
        for sequence in sequences:
            self._memory.remove(sequence, before.end, run.end)
            self._memory.copy(holder, sequence, before.end, run.end)
            self._ends[sequence] = run
            for passed in upward(run):
                if passed is before:
                    break
                passed.holders.add(sequence)
                self._tree.count_running(passed, +1)
        self._tree.join(before)
        if matched < len(tokens):
            self.extend(sequences, tokens[matched:])

    def _truncate(self, sequence: int, keep: int) -> None:
        self._memory.remove(sequence, keep, self.length(sequence))
        run = self._ends[sequence]
        while run.end > keep:
            if run.start < keep:
                self._tree.split(run, keep)
            run = self._tree.leave(run, sequence)
        self._ends[sequence] = run

    def _drop(self, sequence: int) -> None:
        """Forget a sequence that is neither running nor idle any more, and free the cells only it saw."""
        run = self._ends.pop(sequence)
        self._memory.remove(sequence, 0, run.end)
        while run is not self._tree.root:
            run = self._tree.leave(run, sequence)
        self._tree.root.holders.discard(sequence)  # the loop stops before the root, which is never removed
        self._free.append(sequence)

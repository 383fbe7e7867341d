"""A KV memory that models every cell: what llama.cpp does with `seq_cp` and `seq_rm`, with all of it in sight."""

from collections import Counter
from collections.abc import Iterable, Sequence


class ExactMemory:
    """Cells are numbered; a sequence sees at most one cell at each position."""

    def __init__(self, num_sequences: int) -> None:
        self.views: list[dict[int, int]] = [{} for _ in range(num_sequences)]
        """For each sequence, position -> cell."""
        self.token_of: dict[int, int] = {}
        """Cell -> token; cells are never used twice."""
        self.num_views: Counter[int] = Counter()
        """Cell in use -> how many sequences see it."""

    def copy(self, source: int, target: int, start: int, end: int) -> None:
        """See `Memory.copy`; the source must see all of the span and the target none of it."""
        for position in range(start, end):
            assert position not in self.views[target], "a sequence would see two cells at one position"
            self._show(target, position, self.views[source][position])

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`; an end below 0 means all that follows."""
        view = self.views[sequence]
        for position in [p for p in view if start <= p and (p < end or end < 0)]:
            cell = view.pop(position)
            self.num_views[cell] -= 1
            if not self.num_views[cell]:
                del self.num_views[cell]

    def evaluate(self, sequences: Sequence[int], start: int, tokens: Sequence[int]) -> None:
        """Do what a decode call does: one fresh cell for each token, seen by all of the sequences."""
        for position, token in enumerate(tokens, start):
            cell = len(self.token_of)
            self.token_of[cell] = token
            for sequence in sequences:
                assert len(self.views[sequence]) == position, "a sequence would have a gap"
                self._show(sequence, position, cell)

    def _show(self, sequence: int, position: int, cell: int) -> None:
        self.views[sequence][position] = cell
        self.num_views[cell] += 1

    def tokens(self, sequence: int) -> list[int]:
        """Return what a sequence sees, in order of position; positions must be those from 0 on."""
        view = self.views[sequence]
        assert sorted(view) == list(range(len(view)))
        return [self.token_of[view[position]] for position in range(len(view))]

    def cells(self, sequences: Iterable[int] | None = None) -> set[int]:
        """Return the cells that the sequences (default: any) see."""
        chosen = range(len(self.views)) if sequences is None else sequences
        return {cell for sequence in chosen for cell in self.views[sequence].values()}

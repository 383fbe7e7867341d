"""Which stream of the KV memory holds which sequence.

llama.cpp can divide its KV memory into streams of equal size. A token then pays for the cells of its own stream, and a cell
lies at its token's position whatever else runs. In return, a stream belongs to one sequence, a call takes neighbouring streams,
and a fork is a copy.

This module hides that behind `Memory`: sequences that hold the same prefix share a `Text`, and it is copied when one of them
goes on and another one needs what would be overwritten. Where texts lie is the business of `placement`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import Fillers
from marco_cli.engine.placement import Placement, Text
from marco_cli.engine.stream_store import Store, stream_cells


@dataclass(slots=True, eq=False)
class Span:
    """Consecutive rows of the same sequences."""

    rows: list[Row]
    numbers: list[int]
    """Which logits are theirs, by the order of the rows that want some."""

    @property
    def sequences(self) -> tuple[int, ...]:
        """Who is to hold the tokens."""
        return self.rows[0].sequences

    @property
    def start(self) -> int:
        """Position of the first row."""
        return self.rows[0].position

    @property
    def end(self) -> int:
        """The position after the last row."""
        return self.rows[-1].position + 1


class Streams:
    """A `Memory`, and decode calls on it, over a store of `num_cells` cells in `max_num_seqs` streams, or in fewer and longer ones."""

    def __init__(self, store: Store, *, num_cells: int, max_num_seqs: int, num_vocab: int, fillers: Fillers) -> None:
        self._store = store
        self._num_cells = num_cells
        self._max_num_seqs = max_num_seqs
        self._num_vocab = num_vocab
        self._fillers = fillers
        self._placement = Placement(store)
        self._texts: dict[int, Text] = {}
        """By the sequence that holds it, or its beginning."""
        self._logits = np.empty((0, num_vocab), dtype=np.float32)
        self._calls = 0

    @property
    def is_crowded(self) -> bool:
        """Whether the texts that are swapped out take more than half of what the streams do."""
        return self._placement.num_swapped > self._num_cells // 2

    def width(self, length: int) -> int:
        """Return how many sequences can be decoded together if the longest has `length` tokens."""
        num_streams = self._max_num_seqs
        while num_streams > 1 and stream_cells(self._num_cells, num_streams) < length:
            num_streams //= 2  # by halves, so that the memory is seldom divided anew
        return num_streams

    def copy(self, source: int, target: int, start: int, end: int) -> None:  # noqa: ARG002 (of `Memory`)
        """See `Memory.copy`; what the target holds already equals what the source holds."""
        own = self._texts.get(target)
        if own is not None and own.users[target] > end:
            return  # it has more of its own behind that
        self._join(target, self._texts[source], end)

    def remove(self, sequence: int, start: int, end: int) -> None:
        """See `Memory.remove`; what lies between tokens that stay is given back only with those behind it."""
        text = self._texts.get(sequence)
        # A stream is a text without gaps: positions in the middle go with those behind them, or not at all.
        if text is None or start >= text.users[sequence] or 0 <= end < text.users[sequence]:
            return
        if start > 0:
            text.users[sequence] = start
        else:
            self._leave(sequence)

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """See `Backend.decode`."""
        self._calls += 1
        spans = _spans(rows)
        singles = [span for span in spans if len(span.rows) == 1]
        # Single tokens of many sequences fill calls together; a part of a prompt is a call of its own.
        ordered = singles + [span for span in spans if len(span.rows) > 1]
        num_logits = sum(len(span.numbers) for span in spans)
        logits = np.empty((0, self._num_vocab), dtype=np.float32)
        is_done = False
        try:
            self._fit(spans)
            size = self._store.num_streams
            for first in range(0, len(ordered), size):
                for call in self._placed(ordered[first : first + size]):
                    part = self._evaluate(call)
                    if part is None:
                        return None
                    numbers = [number for span, _ in call for number in span.numbers]
                    if numbers == list(range(num_logits)):  # all of them, in order: no copy
                        logits = part
                    elif numbers:
                        logits = self._room(num_logits)
                        logits[numbers] = part
            is_done = True
        finally:
            self._placement.end_call()
            if not is_done:  # see `Backend.decode`: nothing of the rows stays, whichever call failed
                for span in spans:
                    self._take_back(span)
        return logits

    def _room(self, num_rows: int) -> NDArray[np.float32]:
        """Return room for logits that come in another order or from several calls; the same in each."""
        if len(self._logits) < num_rows:
            self._logits = np.empty((num_rows, self._num_vocab), dtype=np.float32)
        return self._logits[:num_rows]

    def _fit(self, spans: Sequence[Span]) -> None:
        """Divide the memory anew if the longest text needs longer streams, or the call more of them than there are."""
        held = [text.length for span in spans for s in span.sequences if (text := self._texts.get(s))]
        length = max(*held, *(span.end for span in spans), 0)
        wanted = self.width(length)
        is_wide_enough = len(spans) <= self._store.num_streams or wanted <= self._store.num_streams
        if length <= self._store.stream_cells and is_wide_enough:
            return
        self._placement.reshape(wanted)

    def _placed(self, spans: Sequence[Span]) -> Iterator[list[tuple[Span, int]]]:
        """Bring the texts of the spans into streams; yield single tokens together, by stream, and each part of a prompt."""
        texts = {span: self._owned(span) for span in spans}
        wanted = set(texts.values())
        for text in wanted:
            text.last_call = self._calls
        singles = [span for span in spans if len(span.rows) == 1]
        self._placement.gather([texts[span] for span in singles], wanted)
        for span in spans:
            self._placement.bring(texts[span], wanted)
            self._placement.cut(texts[span], span.start)
        placed = [(span, stream) for span, text in texts.items() if (stream := text.stream) is not None]
        together = sorted(((s, at) for s, at in placed if len(s.rows) == 1), key=lambda each: each[1])
        if together:
            yield together
        for span, stream in placed:
            if len(span.rows) > 1:
                yield [(span, stream)]

    def _owned(self, span: Span) -> Text:
        """Return a text that holds what is in front of the span, and that it may go on from."""
        sequences, start = span.sequences, span.start
        held = list(dict.fromkeys(self._texts[s] for s in sequences if s in self._texts)) if start else []
        free = [text for text in held if text.is_free(sequences, start)]
        if free:
            text = min(free, key=lambda each: each.stream is None)
        elif held:
            text = self._placement.fork(held[0], start)
        else:
            text = Text()
        for sequence in sequences:
            self._join(sequence, text, span.end)
        return text

    def _evaluate(self, call: Sequence[tuple[Span, int]]) -> NDArray[np.float32] | None:
        """Make one call, of single tokens or of a part of a prompt; None when it was interrupted."""
        rows = [replace(row, sequences=(stream,)) for span, stream in call for row in span.rows]
        num_missing = self._fillers.count(len(rows), sum(row.wants_logits for row in rows))
        is_prompt = len(rows) > len(call)
        if is_prompt and num_missing and rows[-1].wants_logits:
            rows[-2] = replace(rows[-2], wants_logits=True)  # that completes the pair as well
        fillers = [] if is_prompt else self._beside(call, num_missing)
        # llama.cpp wants streams in ascending order, and a filler may lie below or above.
        evaluated = sorted([*rows, *fillers], key=lambda row: (row.sequences, row.position))
        try:
            logits = self._store.evaluate(evaluated)
        finally:  # also of a call that failed: the next token of that stream belongs there
            for filler in fillers:
                self._store.cut(filler.sequences[0], filler.position)
        if logits is None:
            return None
        for span, _ in call:
            self._placement.grow(self._texts[span.sequences[0]], span.end)
        num_wanted = sum(len(span.numbers) for span, _ in call)
        if len(logits) == num_wanted:
            return logits
        if is_prompt:  # the row before the last one wanted logits only to complete the pair
            return logits[-num_wanted:]
        below = sum(filler.sequences < rows[0].sequences for filler in fillers)
        return logits[below : below + num_wanted]

    def _beside(self, call: Sequence[tuple[Span, int]], number: int) -> list[Row]:
        """Return rows for streams next to those of a call, so many or as there are; they are to be cut off again."""
        token = call[0][0].rows[0].token
        first, last = call[0][1], call[-1][1]
        found: list[Row] = []
        for stream in (*range(last + 1, self._store.num_streams), *range(first - 1, -1, -1)):
            text = self._placement.at[stream]
            position = text.length if text else 0
            is_next = stream in (first - 1, last + 1)
            # A full stream has no room for a filler, and those behind it are no neighbours any more.
            if len(found) == number or not is_next or position == self._store.stream_cells:
                continue
            found.append(Row(token=token, position=position, sequences=(stream,), wants_logits=self._fillers.pairs))
            first, last = min(first, stream), max(last, stream)
        return found

    def _take_back(self, span: Span) -> None:
        """Undo what a span was given."""
        for sequence in span.sequences:
            text = self._texts.get(sequence)
            if text is None or text.users[sequence] < span.end:  # its turn had not come
                continue
            self._placement.undo(text, span.start)
            if span.start:
                text.users[sequence] = span.start
            else:
                self._leave(sequence)

    def _join(self, sequence: int, text: Text, length: int) -> None:
        if self._texts.get(sequence) is not text:
            self._leave(sequence)
        self._texts[sequence] = text
        text.users[sequence] = length

    def _leave(self, sequence: int) -> None:
        text = self._texts.pop(sequence, None)
        if text is None:
            return
        del text.users[sequence]
        if not text.users:
            self._placement.drop(text)


def _spans(rows: Sequence[Row]) -> list[Span]:
    """Return the rows as spans, in their order."""
    spans = []
    number = 0
    for _, group in groupby(rows, key=lambda row: row.sequences):
        part = list(group)
        num_logits = sum(row.wants_logits for row in part)
        spans.append(Span(rows=part, numbers=list(range(number, number + num_logits))))
        number += num_logits
    return spans

"""Which stream of the KV memory holds which sequence.

llama.cpp can divide its KV memory into streams of equal size. A token then pays for the cells of its own stream, and a cell
lies at its token's position whatever else runs. In return, a stream belongs to one sequence, a call takes neighbouring streams,
and a fork is a copy.

This module hides that behind `Memory`: sequences that hold the same prefix share a `Text`, and it is copied when one of them
goes on and another one needs what would be overwritten. A text lies in a stream, or is set aside in the machine's memory until
it goes on. It knows nothing of llama.cpp: what it needs of it comes in as a `Store`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import Fillers

State = Any
"""What a stream held; only the store looks into it."""

STEP = 256
"""llama.cpp rounds the cells of a stream up to a multiple of this."""


def stream_cells(num_cells: int, num_streams: int) -> int:
    """Return how many tokens each stream holds."""
    return -(-num_cells // (num_streams * STEP)) * STEP


class Store(Protocol):
    """A KV memory in streams; the rows of a call name one stream each."""

    @property
    def num_streams(self) -> int:
        """Streams, from 0."""
        ...

    @property
    def stream_cells(self) -> int:
        """Tokens that each stream holds."""
        ...

    def reshape(self, num_streams: int) -> None:
        """Divide the memory into so many streams; they are empty afterwards."""
        ...

    def evaluate(self, rows: Sequence[Row]) -> NDArray[np.float32] | None:
        """Evaluate rows; see `Backend.decode`. The streams of rows must be neighbours, in ascending order."""
        ...

    def cut(self, stream: int, length: int) -> None:
        """Take all positions from `length` on away."""
        ...

    def save(self, stream: int) -> State:
        """Return what the stream holds."""
        ...

    def load(self, state: State, stream: int) -> None:
        """Put into an empty stream what another one held."""
        ...


@dataclass(slots=True, eq=False)
class Text:
    """Tokens that some sequences hold, or the beginning of which they hold."""

    length: int = 0
    users: dict[int, int] = field(default_factory=dict)
    """Sequence -> how many of the tokens it holds."""
    stream: int | None = None
    state: State | None = None
    """What was in its stream, while it is set aside; may go on past `length`."""
    last_call: int = 0

    def is_free(self, sequences: Sequence[int], length: int) -> bool:
        """Say whether nothing but these sequences needs what follows the first `length` tokens."""
        return all(held <= length for sequence, held in self.users.items() if sequence not in sequences)


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
    """A `Memory`, and decode calls on it, over a store of `num_cells` cells in `places` streams, or in fewer and longer ones."""

    def __init__(self, store: Store, *, num_cells: int, places: int, num_vocab: int, fillers: Fillers) -> None:
        self._store = store
        self._num_cells = num_cells
        self._places = places
        self._num_vocab = num_vocab
        self._fillers = fillers
        self._texts: dict[int, Text] = {}
        self._at: list[Text | None] = [None] * store.num_streams
        self._aside: set[Text] = set()
        self._saved: dict[Text, State] = {}
        """What was saved in this call, for several forks of one text."""
        self._logits = np.empty((0, num_vocab), dtype=np.float32)
        self._calls = 0

    @property
    def is_crowded(self) -> bool:
        """Whether the texts that are set aside take more than half of what the streams do."""
        return sum(text.length for text in self._aside) > self._num_cells // 2

    def width(self, length: int) -> int:
        """Return how many sequences can be decoded together if the longest has `length` tokens."""
        num_streams = self._places
        while num_streams > 1 and stream_cells(self._num_cells, num_streams) < length:
            num_streams //= 2
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
                    if numbers == list(range(num_logits)):
                        logits = part
                    elif numbers:
                        logits = self._room(num_logits)
                        logits[numbers] = part
            is_done = True
        finally:
            self._saved.clear()
            if not is_done:
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
        is_wide_enough = len(spans) <= len(self._at) or wanted <= len(self._at)
        if length <= self._store.stream_cells and is_wide_enough:
            return
        for text in self._at:
            if text is not None:
                self._set_aside(text)
        self._store.reshape(wanted)
        self._at = [None] * self._store.num_streams

    def _placed(self, spans: Sequence[Span]) -> Iterator[list[tuple[Span, int]]]:
        """Bring the texts of the spans into streams; yield single tokens together, by stream, and each part of a prompt."""
        texts = {span: self._owned(span) for span in spans}
        wanted = set(texts.values())
        for text in wanted:
            text.last_call = self._calls
        singles = [span for span in spans if len(span.rows) == 1]
        self._gather([texts[span] for span in singles], wanted)
        for span in spans:
            if texts[span].stream is None:
                self._put(texts[span], self._vacated(wanted))
            self._cut(texts[span], span.start)
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
            text = Text(length=start, state=self._snapshot(held[0]))
            self._aside.add(text)
        else:
            text = Text()
        for sequence in sequences:
            self._join(sequence, text, span.end)
        return text

    def _snapshot(self, text: Text) -> State | None:
        if text.stream is None:
            return text.state
        if text not in self._saved:
            self._saved[text] = self._store.save(text.stream)
        return self._saved[text]

    def _gather(self, texts: Sequence[Text], wanted: set[Text]) -> None:
        """Bring texts into neighbouring streams, moving as few as possible."""
        size = len(texts)

        def merit(first: int) -> tuple[int, int]:
            window = self._at[first : first + size]
            return sum(text in texts for text in window if text), window.count(None)

        first = max(range(len(self._at) - size + 1), key=merit)
        window = range(first, first + size)
        outside = [text for text in texts if text.stream not in window]
        holes = [stream for stream in window if self._at[stream] not in texts]
        for stream, text in zip(holes, outside, strict=True):
            other = self._at[stream]
            if other is not None:
                self._set_aside(other)
            self._put(text, stream)
            if other in wanted and None in self._at:
                self._put(other, self._at.index(None))

    def _vacated(self, wanted: set[Text]) -> int:
        """Return an empty stream, if need be that of the text which has not gone on for the longest time."""
        taken = [stream for stream, text in enumerate(self._at) if text in wanted]
        middle = sum(taken) / len(taken) if taken else 0
        empty = [stream for stream, text in enumerate(self._at) if text is None]
        if empty:
            return min(empty, key=lambda stream: abs(stream - middle))
        oldest = min((text for text in self._at if text and text not in wanted), key=lambda text: text.last_call)
        stream = oldest.stream or 0
        self._set_aside(oldest)
        return stream

    def _put(self, text: Text, stream: int) -> None:
        """Bring a text into an empty stream."""
        if text.stream is not None:
            self._set_aside(text)
        if text.state is not None:
            self._store.load(text.state, stream)
            self._store.cut(stream, text.length)
        text.state = None
        text.stream = stream
        self._at[stream] = text
        self._aside.discard(text)

    def _set_aside(self, text: Text) -> None:
        """Empty the stream of a text, and keep what it held if there is anything."""
        if text.stream is None:
            return
        text.state = (self._saved.get(text) or self._store.save(text.stream)) if text.length else None
        self._store.cut(text.stream, 0)
        self._at[text.stream] = None
        text.stream = None
        self._aside.add(text)

    def _cut(self, text: Text, length: int) -> None:
        if text.stream is not None and text.length > length:
            self._store.cut(text.stream, length)
        text.length = length

    def _evaluate(self, call: Sequence[tuple[Span, int]]) -> NDArray[np.float32] | None:
        """Make one call, of single tokens or of a part of a prompt; None when it was interrupted."""
        rows = [replace(row, sequences=(stream,)) for span, stream in call for row in span.rows]
        num_missing = self._fillers.count(len(rows), sum(row.wants_logits for row in rows))
        is_prompt = len(rows) > len(call)
        if is_prompt and num_missing and rows[-1].wants_logits:
            rows[-2] = replace(rows[-2], wants_logits=True)  # that completes the pair as well
        fillers = [] if is_prompt else self._beside(call, num_missing)
        evaluated = sorted([*rows, *fillers], key=lambda row: (row.sequences, row.position))
        logits = self._store.evaluate(evaluated)
        for filler in fillers:
            self._store.cut(filler.sequences[0], filler.position)
        if logits is None:
            return None
        for span, _ in call:
            text = self._texts[span.sequences[0]]
            text.length = span.end
            self._saved.pop(text, None)
        num_wanted = sum(len(span.numbers) for span, _ in call)
        if len(logits) == num_wanted:
            return logits
        if is_prompt:
            return logits[-num_wanted:]
        below = sum(filler.sequences < rows[0].sequences for filler in fillers)
        return logits[below : below + num_wanted]

    def _beside(self, call: Sequence[tuple[Span, int]], number: int) -> list[Row]:
        """Return rows for streams next to those of a call, so many or as there are; they are to be cut off again."""
        token = call[0][0].rows[0].token
        first, last = call[0][1], call[-1][1]
        found: list[Row] = []
        for stream in (*range(last + 1, len(self._at)), *range(first - 1, -1, -1)):
            text = self._at[stream]
            position = text.length if text else 0
            is_next = stream in (first - 1, last + 1)
            if len(found) == number or not is_next or position == self._store.stream_cells:
                continue
            found.append(Row(token=token, position=position, sequences=(stream,), wants_logits=self._fillers.pairs))
            first, last = min(first, stream), max(last, stream)
        return found

    def _take_back(self, span: Span) -> None:
        """Undo what a span was given."""
        for sequence in span.sequences:
            text = self._texts.get(sequence)
            if text is None or text.users[sequence] < span.end:
                continue
            if text.stream is not None:
                self._store.cut(text.stream, span.start)
            text.length = min(text.length, span.start)
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
        if text.users:
            return
        self._aside.discard(text)
        if text.stream is not None:
            self._store.cut(text.stream, 0)
            self._at[text.stream] = None


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

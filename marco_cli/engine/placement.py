"""Which stream of the KV memory holds which text; the others are swapped out to the machine's memory until they go on.

In: the texts that a call goes on with. Out: each of them in a stream, single tokens in neighbouring ones, which is what one
call of llama.cpp takes. A stream is copied through the store: there is no other way from one to another.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from marco_cli.engine.stream_store import State, Store


@dataclass(slots=True, eq=False)
class Text:
    """Tokens that some sequences hold, or the beginning of which they hold."""

    length: int = 0
    users: dict[int, int] = field(default_factory=dict)
    """Sequence -> how many of the tokens it holds."""
    stream: int | None = None
    state: State | None = None
    """What was in its stream, while it is swapped out; may go on past `length`."""
    last_call: int = 0

    def is_free(self, sequences: Sequence[int], length: int) -> bool:
        """Say whether nothing but these sequences needs what follows the first `length` tokens."""
        return all(held <= length for sequence, held in self.users.items() if sequence not in sequences)


class Placement:
    """The texts in the streams of a store, and those swapped out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.at: list[Text | None] = [None] * store.num_streams
        """By stream."""
        self._swapped: set[Text] = set()
        self._saved: dict[Text, State] = {}
        """What was saved in this call, for several forks of one text."""

    @property
    def num_swapped(self) -> int:
        """Tokens of the texts that are swapped out."""
        return sum(text.length for text in self._swapped)

    def reshape(self, num_streams: int) -> None:
        """Divide the memory into so many streams, and swap all texts out."""
        for text in self.at:
            if text is not None:
                self._swap_out(text)
        self._store.reshape(num_streams)
        self.at = [None] * self._store.num_streams

    def fork(self, text: Text, length: int) -> Text:
        """Return a new text with the beginning of another one."""
        new = Text(length=length, state=self._snapshot(text))
        self._swapped.add(new)
        return new

    def gather(self, texts: Sequence[Text], wanted: Collection[Text]) -> None:
        """Bring texts into neighbouring streams, moving as few as possible; those that are `wanted` stay in some stream."""
        size = len(texts)

        def merit(first: int) -> tuple[int, int]:
            window = self.at[first : first + size]
            return sum(text in texts for text in window if text), window.count(None)

        first = max(range(len(self.at) - size + 1), key=merit)  # most of them there already, then most empty streams
        window = range(first, first + size)
        outside = [text for text in texts if text.stream not in window]
        holes = [stream for stream in window if self.at[stream] not in texts]
        for stream, text in zip(holes, outside, strict=True):
            other = self.at[stream]
            if other is not None:
                self._swap_out(other)
            self._swap_in(text, stream)
            if other is not None and other in wanted and None in self.at:
                self._swap_in(other, self.at.index(None))

    def bring(self, text: Text, wanted: Collection[Text]) -> None:
        """Bring a text into some stream, if it is in none; not that of one that is `wanted`."""
        if text.stream is None:
            self._swap_in(text, self._vacated(wanted))

    def cut(self, text: Text, length: int) -> None:
        """Take all tokens of a text from `length` on away."""
        if text.length > length:
            self.undo(text, length)

    def undo(self, text: Text, length: int) -> None:
        """Cut a text whose stream may hold more than its length says: a call that failed may have written there."""
        if text.stream is not None:
            self._store.cut(text.stream, length)
        text.length = min(text.length, length)

    def grow(self, text: Text, length: int) -> None:
        """Note that a text has so many tokens; what was saved of it lacks the last of them."""
        text.length = length
        self._saved.pop(text, None)

    def drop(self, text: Text) -> None:
        """Give up a text that no sequence holds."""
        self._swapped.discard(text)
        if text.stream is not None:
            self._store.cut(text.stream, 0)
            self.at[text.stream] = None

    def end_call(self) -> None:
        """Give up what was saved for forks."""
        self._saved.clear()

    def _snapshot(self, text: Text) -> State | None:
        if text.stream is None:
            return text.state
        if text not in self._saved:
            self._saved[text] = self._store.save(text.stream)
        return self._saved[text]

    def _vacated(self, wanted: Collection[Text]) -> int:
        """Return an empty stream, if need be that of the text which has not gone on for the longest time."""
        taken = [stream for stream, text in enumerate(self.at) if text in wanted]
        middle = sum(taken) / len(taken) if taken else 0
        empty = [stream for stream, text in enumerate(self.at) if text is None]
        if empty:
            return min(empty, key=lambda stream: abs(stream - middle))  # near the others: they may go on together next
        oldest = min((text for text in self.at if text and text not in wanted), key=lambda text: text.last_call)
        stream = oldest.stream or 0
        self._swap_out(oldest)
        return stream

    def _swap_in(self, text: Text, stream: int) -> None:
        """Bring a text into an empty stream."""
        if text.stream is not None:
            self._swap_out(text)
        if text.state is not None:
            self._store.load(text.state, stream)
            self._store.cut(stream, text.length)  # the state is of when it was saved, and may go on further
        text.state = None
        text.stream = stream
        self.at[stream] = text
        self._swapped.discard(text)

    def _swap_out(self, text: Text) -> None:
        """Empty the stream of a text, and keep what it held if there is anything."""
        if text.stream is None:
            return
        text.state = (self._saved.get(text) or self._store.save(text.stream)) if text.length else None
        self._store.cut(text.stream, 0)
        self.at[text.stream] = None
        text.stream = None
        self._swapped.add(text)

"""Whether a text has fallen into a loop: the same words, line or lines again and again, to the letter.

In: a text in pieces. Out: after each piece, whether it repeats itself for so long that it will not stop. Work is the same for
every piece, however long the text. A text that counts on ("1.", "2.", …) is not a loop here; see `failure.is_looping`.
"""

from typing import Final

_WINDOW: Final = 32
"""Bytes that must come again for a repetition to be looked for."""
_LONGEST: Final = 4_096
"""Bytes of the longest cycle that is found."""
_MIN_CYCLES: Final = 6
"""Refrains come less often without anything in between."""
_MIN_BYTES: Final = 2_000
"""About 500 tokens: more than a ruler, a table of equal rows or a list of equal items that a reply means."""
_MIN_DIGITS: Final = 4_000
"""The same for cycles of digits without letters: numbers with many zeros, empty matrices."""


class Repetition:
    """Follows one text."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._start = 0  # bytes before `_text`
        self._cycle = 0
        self._num_repeated = 0
        self._seen: tuple[dict[bytes, int], dict[bytes, int]] = ({}, {})
        """Where each window ended last: of the latest pieces, and of those before them."""

    def feed(self, piece: bytes) -> bool:
        """Take the next piece; return whether the text is in a loop."""
        text = self._text
        if self._cycle and self._agrees(piece):
            self._num_repeated += len(piece)
            text += piece
        else:
            text += piece
            self._cycle = self._distance()
            self._num_repeated = _WINDOW if self._cycle else 0
        self._remember()
        return self._cycle > 0 and self._is_loop()

    def _agrees(self, piece: bytes) -> bool:
        """Say whether a piece goes on with the cycle."""
        text, cycle = self._text, self._cycle
        last = bytes(text[-cycle:])  # one whole cycle: what must come next, if it goes on
        return (last * (len(piece) // cycle + 1)).startswith(piece)

    def _distance(self) -> int:
        """Return how far back the latest window was seen, 0 if it was not, or too far."""
        window = bytes(self._text[-_WINDOW:])
        place = self._seen[0].get(window, self._seen[1].get(window))
        distance = 0 if place is None else self._start + len(self._text) - place
        return distance if distance <= _LONGEST else 0

    def _remember(self) -> None:
        if len(self._text) >= _WINDOW:
            self._seen[0][bytes(self._text[-_WINDOW:])] = self._start + len(self._text)
        # Two generations instead of a queue: what is dropped lies further back than the longest cycle.
        if len(self._seen[0]) >= _LONGEST:
            self._seen = ({}, self._seen[0])
        if len(self._text) > 4 * _LONGEST:
            self._start += len(self._text) - _LONGEST
            del self._text[:-_LONGEST]

    def _is_loop(self) -> bool:
        if self._num_repeated < max(_MIN_BYTES, _MIN_CYCLES * self._cycle):
            return False
        cycle = self._text[-self._cycle :].decode(errors="replace")
        is_digits = any(map(str.isdigit, cycle)) and not any(map(str.isalpha, cycle))
        return not is_digits or self._num_repeated >= _MIN_DIGITS

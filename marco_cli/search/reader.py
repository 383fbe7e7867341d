"""Where a reply stands while it grows, and where things stand in it once it is done.

In: the bytes of a reply, cut anywhere. Out: whether its output has begun, whether it is over, its sections, the tokens that
hold its answer. Tokens are only counted here, never made: text is read, not tokenised.
"""

import codecs
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from marco_cli.answer import Answer
from marco_cli.search.base import Problem
from marco_cli.sections import SectionParser, Sections, Tags
from marco_cli.sections.format import any_mark_in_bytes, longest_mark


class Reader:
    """Follows a reply; linear in its length however it is cut.

    It keeps the one text of the reply that grows: who else looks at it token by token (`steps.Cutter`) reads it here.
    """

    def __init__(self, problem: Problem) -> None:
        self.text = bytearray(problem.prefill.encode())
        """The reply so far, and before it the beginning that the prompt ends with."""
        self._begin = self._own = len(self.text)
        """Where the reply begins, and where what the model wrote begins after what was forced last."""
        self._most_thought_tokens = problem.max_thought_tokens
        self._mark = any_mark_in_bytes(problem.tags)
        self._has_format = bool(problem.tags.marks)
        self._stops = tuple(stop.encode() for stop in problem.stop_texts)
        self._reach = max([longest_mark(problem.tags), *map(len, self._stops)]) - 1
        """How far back a mark or a stop text may begin that ends in the newest bytes."""
        self._parser = SectionParser(problem.tags)
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self.has_marks = False
        """Whether the model has written a mark."""
        self.has_output = self._parser.inside == "output"
        """Whether the output has begun."""
        self.is_over = False
        """Whether the output was closed, or a stop text has come."""
        self._parse(problem.prefill)

    def feed(self, piece: bytes, *, is_forced: bool = False) -> None:
        """Take the next bytes of the reply; tags in forced ones are none of the model's."""
        # A mark may have begun in earlier tokens, but not in forced ones: those are not the model's.
        start = max(self._own, len(self.text) - self._reach)
        self.text += piece
        if is_forced:
            self._own = len(self.text)
        else:
            self.has_marks = self.has_marks or self._mark.search(self.text, start) is not None
            self.is_over = self.is_over or any(self.text.find(stop, start) >= 0 for stop in self._stops)
        self._parse(self._decode(piece))

    @property
    def data(self) -> bytes:
        """The reply so far."""
        return bytes(self.text[self._begin :])

    @property
    def tags(self) -> Tags:
        """The format that the reply turns out to have."""
        return self._parser.tags

    @property
    def has_tags(self) -> bool:
        """Whether the model has written a mark of the problem's format; true of a format without marks."""
        return self.has_marks or not self._has_format

    @property
    def is_thinking(self) -> bool:
        """Whether a thought is open, or was closed and nothing has followed yet."""
        return not self.has_output and not self._parser.is_undecided

    @property
    def is_thought_open(self) -> bool:
        """Whether a thought is open."""
        return self._parser.inside == "thought"

    def has_thought_enough(self, num_tokens: int) -> bool:
        """Say whether a thought is open that has had the tokens that it may have, when the reply has `num_tokens`."""
        most = self._most_thought_tokens
        return most is not None and self.is_thought_open and num_tokens >= most

    def _parse(self, text: str) -> None:
        self._parser.skim(text)
        inside = self._parser.inside
        self.has_output = self.has_output or inside == "output" or self._parser.has_output
        if self.has_output and self._parser.tags.marks and inside is None:
            self.is_over = True


def read_whole(
    problem: Problem, pieces: Sequence[bytes], are_sampled: Sequence[bool]
) -> tuple[Sections, tuple[int, int]]:
    """Split a finished reply into thought and output; count the sampled tokens of both, tags with the thought.

    A stop text and what follows it are not part of either; broken characters become U+FFFD.

    Args:
        problem: the format of the reply.
        pieces: the bytes of each of its tokens.
        are_sampled: whether each of them was sampled.
    """
    whole = b"".join(pieces).decode("utf-8", errors="replace")
    left = min((end for stop in problem.stop_texts if (end := whole.find(stop)) >= 0), default=len(whole))
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    parser = SectionParser(problem.tags)
    parser.skim(problem.prefill)
    thought = output = 0
    for piece, is_sampled in zip(pieces, are_sampled, strict=True):
        text = decode(piece)[:left]  # nothing of a stop text, nor of what follows it
        left -= len(text)
        parser.skim(text)
        # After the output was closed, what follows counts with it: an end token, mostly.
        is_output = parser.inside == "output" or (output > 0 and parser.inside is None)
        output += is_output and is_sampled
        thought += not is_output and is_sampled
    parser.skim(decode(b"", final=True)[:left])
    parser.finish()
    return parser.result, (thought, output) if parser.tags.marks else (0, thought + output)


def answer_rows(pieces: Sequence[bytes], output: str, answer: Answer) -> slice | None:
    """Return which tokens hold the answer.

    Args:
        pieces: the bytes of each token of the reply.
        output: the reply's output.
        answer: what was read from it.

    Returns:
        A range of tokens, or None where the output is not in the reply as it stands (broken characters).
    """
    start = b"".join(pieces).rfind(output.encode())  # the last time: a thought may quote its output
    if start < 0:
        return None
    first, last = (start + len(output[:end].encode()) for end in answer.span)
    ends = list(accumulate(len(piece) for piece in pieces))
    return slice(bisect_right(ends, first), bisect_left(ends, last) + 1)

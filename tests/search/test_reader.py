"""Where a reply stands while it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.search.base import Problem
from marco_cli.search.reader import Reader, read_whole
from marco_cli.sections import MARCO, NONE, THINK, Tags, parse

PIECES = (
    "<Thought>", "</Thought>", "<Output>", "</Output>", "<think>", "</think>", "</THOUGHT>", "STOP", "3 < 4", "a > b", "So", "\n",
    " ", "```", "`", "答", "<", "/", "</Out", "ought>", "T",
)  # fmt: skip


class Everything(frozenset[str]):
    """Holds all there is."""

    def isdisjoint(self, _: object) -> bool:  # noqa: D102 (the one of sets)
        return False


class Eager(Reader):
    """A reader that leaves nothing for later."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._parser._ends = Everything()


def standing(reader: Reader) -> tuple[bool, bool, bool]:
    """Return all that a reader tells."""
    return reader.has_tags, reader.has_output, reader.is_over


@pytest.mark.parametrize("tags", [MARCO, THINK, NONE])
@given(
    pieces=st.lists(st.tuples(st.sampled_from(PIECES), st.booleans()), max_size=25),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    prefill=st.sampled_from(["", "<Thought>\n", "Well"]),
)
def test_what_cannot_change_anything_may_wait(
    tags: Tags, pieces: list[tuple[str, bool]], cuts: list[int], prefill: str
) -> None:
    """After every piece, however it is cut and whatever is forced, it tells what one tells that looks at every byte."""
    problem = Problem(question="?", prompt_ids=(1,), tags=tags, prefill=prefill, stop_texts=("STOP",))
    lazy, eager = Reader(problem), Eager(problem)
    turns = iter(cuts)
    for text, is_forced in pieces:
        data = text.encode()
        while data:
            size = next(turns, 3)
            for reader in (lazy, eager):
                reader.feed(data[:size], is_forced=is_forced and text != "STOP")
            data = data[size:]
            assert standing(lazy) == standing(eager)


@pytest.mark.parametrize("tags", [MARCO, MARCO.free, THINK, NONE])
@given(
    texts=st.lists(st.tuples(st.sampled_from(PIECES), st.booleans()), max_size=25),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=40),
    prefill=st.sampled_from(["", "<Thought>\n", "Well"]),
)
def test_a_finished_reply_is_read_as_one_text(
    tags: Tags, texts: list[tuple[str, bool]], cuts: list[int], prefill: str
) -> None:
    """Token by token, cut anywhere, inside characters too: the sections are those of the whole, and each token is counted once."""
    problem = Problem(question="?", prompt_ids=(1,), tags=tags, prefill=prefill, stop_texts=("STOP",))
    turns = iter(cuts)
    pieces: list[tuple[bytes, bool]] = []
    for text, is_sampled in texts:
        data = text.encode()
        while data:
            size = next(turns, 3)
            pieces.append((data[:size], is_sampled))
            data = data[size:]
    sections, lengths = read_whole(problem, [piece for piece, _ in pieces], [is_sampled for _, is_sampled in pieces])

    whole = b"".join(piece for piece, _ in pieces).decode()
    assert sections == parse(prefill + whole.partition("STOP")[0], tags)
    assert sum(lengths) == sum(is_sampled for _, is_sampled in pieces)
    assert not (lengths[0] and not tags.marks)

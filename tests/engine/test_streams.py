"""Which stream holds which sequence, on a store that keeps the tokens themselves."""

from collections.abc import Sequence

import numpy as np
import pytest
from engine.exact_store import ExactStore
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import Fillers
from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.stream_store import STEP, stream_cells
from marco_cli.engine.streams import Streams
from marco_cli.errors import DecodeError

MAX_NUM_SEQS = 4
CELLS = MAX_NUM_SEQS * STEP
NO_FILLERS = Fillers(pairs=False, blocks=False)


class Bench:
    """Streams, and what each sequence ought to hold."""

    def __init__(self, fillers: Fillers = NO_FILLERS) -> None:
        self.store = ExactStore(MAX_NUM_SEQS, CELLS)
        self.streams = Streams(self.store, num_cells=CELLS, max_num_seqs=MAX_NUM_SEQS, num_vocab=CELLS, fillers=fillers)
        self.expected: dict[int, list[int]] = {}

    def go_on(self, *parts: tuple[Sequence[int], Sequence[int]]) -> bool:
        """Evaluate tokens for sequences that hold the same, all parts in one call; say whether it was not interrupted."""
        rows = [
            Row(
                token=token,
                position=len(self.expected.get(sequences[0], [])) + i,
                sequences=tuple(sequences),
                wants_logits=i == len(tokens) - 1,
            )
            for sequences, tokens in parts
            for i, token in enumerate(tokens)
        ]
        logits = self.streams.decode(rows)
        if logits is None:
            return False
        for (sequences, tokens), found in zip(parts, logits, strict=True):
            held = [*self.expected.get(sequences[0], []), *tokens]
            assert [int(token) for token in found if token >= 0] == held
            for sequence in sequences:
                self.expected[sequence] = list(held)
        return True

    def fork(self, source: int, target: int, length: int) -> None:
        """Let a sequence without tokens hold the beginning of another one."""
        self.streams.copy(source, target, 0, length)
        self.expected[target] = self.expected[source][:length]

    def cut(self, sequence: int, length: int) -> None:
        """Take the end of a sequence away."""
        self.streams.remove(sequence, length, len(self.expected[sequence]))
        del self.expected[sequence][length:]


def test_a_fork_copies_when_it_parts_and_not_before() -> None:
    """Three sequences with one prefix are one text until their tokens differ; then two of them are copied, saved once."""
    bench = Bench()
    bench.go_on(([0], [1, 2, 3]))
    for target in (1, 2):
        bench.fork(0, target, 3)
    bench.go_on(([0, 1, 2], [4]))
    assert bench.store.num_saved == 0

    bench.go_on(([0], [5]), ([1], [6]), ([2], [7]))

    assert bench.store.num_saved == 1
    bench.go_on(([0], [8]), ([1], [8]), ([2], [8]))
    assert bench.store.num_saved == 1


def test_a_text_that_only_idle_prefixes_share_is_gone_on_with_in_place() -> None:
    """Whoever goes on from the end of an idle sequence copies nothing."""
    bench = Bench()
    bench.go_on(([0], [1, 2, 3]))
    bench.fork(0, 1, 3)

    bench.go_on(([1], [4, 5]))

    assert bench.store.num_saved == 0
    bench.go_on(([0], [6]))  # now it parts


def test_prompts_that_share_their_beginning_keep_what_is_behind_it() -> None:
    """Two that were evaluated in one call are joined at their first tokens; each goes on from its own end."""
    bench = Bench()
    bench.go_on(([0], [1, 2, 3]), ([1], [1, 2, 4, 5]))
    bench.streams.remove(1, 0, 2)
    bench.streams.copy(0, 1, 0, 2)

    bench.go_on(([0], [6]), ([1], [7]))


def test_more_sequences_than_streams_take_turns() -> None:
    """What does not fit is swapped out and comes back as it was, in one call too."""
    bench = Bench()
    for sequence in range(MAX_NUM_SEQS + 3):
        bench.go_on(([sequence], [sequence, 1]))

    bench.go_on(*(([sequence], [9]) for sequence in range(MAX_NUM_SEQS + 3)))


def test_a_long_text_gets_longer_streams_and_short_ones_get_theirs_back() -> None:
    """The memory is divided anew when a text outgrows its stream, and when more want to go on than there are streams."""
    bench = Bench()
    bench.go_on(([0], [1, 2]))
    bench.go_on(([1], list(range(STEP + 1))))
    assert (bench.store.num_streams, bench.store.stream_cells) == (MAX_NUM_SEQS // 2, 2 * STEP)

    bench.cut(1, 0)
    bench.go_on(*(([sequence], [5]) for sequence in (0, 2, 3)))
    assert bench.store.num_streams == MAX_NUM_SEQS


def test_a_text_that_went_on_is_saved_anew() -> None:
    """In a call of more sequences than streams, a text may be forked from, go on, and be swapped out, with its last token."""
    bench = Bench()
    bench.go_on(([0], [1, 2, 3]))
    bench.fork(0, 1, 3)
    for _ in range(2):
        bench.go_on(*(([sequence], [5 + sequence]) for sequence in range(MAX_NUM_SEQS + 3)))


def test_an_interrupted_call_leaves_nothing() -> None:
    """Every sequence holds what it held before, those that had to be copied included."""
    bench = Bench()
    bench.go_on(([0], [1, 2, 3]))
    bench.fork(0, 1, 2)
    bench.store.refuses = True

    assert not bench.go_on(([0], [4]), ([1], [5]), ([2], [6]))

    bench.store.refuses = False
    bench.go_on(([0], [4]), ([1], [5]), ([2], [6]))


@pytest.mark.parametrize("fillers", [NO_FILLERS, Fillers(pairs=True, blocks=False)])
def test_a_call_that_fails_leaves_nothing(fillers: Fillers) -> None:
    """Neither of its own rows nor of those beside it: the texts of others go on where they were."""
    bench = Bench(fillers)
    bench.go_on(([0], [1, 2, 3]), ([1], [4, 5]))
    bench.store.fails = True

    for sequence in (0, 1, 2):
        with pytest.raises(DecodeError):
            bench.go_on(([sequence], [7]))

    bench.store.fails = False
    bench.go_on(([0], [8]), ([1], [9]), ([2], [6]))


def test_what_is_swapped_out_is_counted() -> None:
    """Texts that take more than half of what the streams do are too many; giving some up helps."""
    bench = Bench()
    for sequence in range(MAX_NUM_SEQS + 2):
        bench.go_on(([sequence], [sequence] * (STEP - 1)))
    was_crowded = [bench.streams.is_crowded]
    for sequence in range(MAX_NUM_SEQS):
        bench.go_on(([20 + sequence], [sequence] * STEP))
    was_crowded.append(bench.streams.is_crowded)
    for sequence in range(MAX_NUM_SEQS):
        bench.streams.remove(sequence, 0, -1)
    was_crowded.append(bench.streams.is_crowded)

    assert was_crowded == [False, True, False]


@pytest.mark.parametrize("fillers", [Fillers(pairs=True, blocks=False), Fillers(pairs=False, blocks=True)])
def test_rows_that_complete_a_call_leave_nothing(fillers: Fillers) -> None:
    """Fillers stand beside the call, in streams that hold a text or none, and are gone afterwards."""
    bench = Bench(fillers)
    bench.go_on(([0], [1, 2, 3]), ([1], [4, 5]))
    for sequence in (1, 0, 1, 2):
        bench.go_on(([sequence], [7]))
    bench.go_on(([0], [1]), ([2], [4]))
    bench.go_on(([1], [1]), ([3], [4]))


@table([(1, 4), (STEP, 4), (STEP + 1, 2), (2 * STEP, 2), (2 * STEP + 1, 1), (CELLS, 1)])
def test_longer_texts_are_decoded_by_fewer(length: int, width: int) -> None:
    """The streams are halved in number until the longest text fits."""
    assert Bench().streams.width(length) == width
    assert stream_cells(CELLS, width) >= length


@given(data=st.data())
def test_sequences_hold_what_they_were_given(data: st.DataObject) -> None:
    """Through any forks, cuts and calls, a stream holds the tokens of the sequences that a row is for."""
    bench = Bench(data.draw(st.sampled_from([NO_FILLERS, Fillers(pairs=True, blocks=False)])))
    tokens = st.integers(0, 2)
    for _ in range(data.draw(st.integers(1, 12))):
        held = [sequence for sequence, ids in bench.expected.items() if ids]
        deed = data.draw(st.sampled_from(["go on", "fork", "cut"] if held else ["go on"]))
        if deed == "go on":
            chosen = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=6, unique=True))
            bench.go_on(*(([each], data.draw(st.lists(tokens, min_size=1, max_size=3))) for each in chosen))
        elif deed == "fork":
            source, target = data.draw(st.sampled_from(held)), data.draw(st.integers(0, 6))
            if source != target:
                bench.cut(target, 0) if target in bench.expected else None
                bench.fork(source, target, data.draw(st.integers(1, len(bench.expected[source]))))
        else:
            sequence = data.draw(st.sampled_from(held))
            bench.cut(sequence, data.draw(st.integers(0, len(bench.expected[sequence]))))


@given(texts=st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=8), min_size=1, max_size=8))
def test_the_prefix_cache_works_on_streams(texts: list[list[int]]) -> None:
    """Requests that begin alike, side by side, are given the logits of their own tokens."""
    store = ExactStore(MAX_NUM_SEQS, CELLS)
    streams = Streams(store, num_cells=CELLS, max_num_seqs=MAX_NUM_SEQS, num_vocab=CELLS, fillers=NO_FILLERS)
    cache = PrefixCache(streams, num_sequences=10, num_cells=CELLS)
    running: dict[int, list[int]] = {}
    for text in texts:
        opened = cache.open(text[:-1])
        assert opened is not None
        running[opened[0]] = text
    while pending := [s for s in running if cache.length(s) < len(running[s])]:
        rows = [
            Row(token=running[s][cache.length(s)], position=cache.length(s), sequences=(s,), wants_logits=True)
            for s in pending
        ]
        logits = streams.decode(rows)
        assert logits is not None
        for found, sequence, row in zip(logits, pending, rows, strict=True):
            assert np.array_equal(found[: row.position + 1], running[sequence][: row.position + 1])
            cache.extend([sequence], [row.token])
    for sequence in running:
        cache.release(sequence)

import random
from collections.abc import Sequence

import pytest
from engine.exact_memory import ExactMemory
from tables import table

from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.radix_tree import common_length

NUM_SEQUENCES = 6
NUM_CELLS = 24


class Bench:
    """A cache on an exact memory, driven the way the scheduler drives it."""

    def __init__(self, *, num_sequences: int = 8, num_cells: int = 100, num_idle_cells: int | None = None) -> None:
        self.memory = ExactMemory(num_sequences)
        self.cache = PrefixCache(
            self.memory, num_sequences=num_sequences, num_cells=num_cells, num_idle_cells=num_idle_cells
        )

    def evaluate(self, sequences: Sequence[int], tokens: Sequence[int]) -> None:
        """Evaluate tokens for sequences that hold one prefix; room must be there."""
        self.memory.evaluate(sequences, self.cache.length(sequences[0]), tokens)
        self.cache.extend(sequences, tokens)

    def start(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Open a sequence, evaluate what is missing; return it and the length found."""
        opened = self.cache.open(tokens)
        assert opened is not None
        sequence, length = opened
        if length < len(tokens):
            assert self.cache.make_room(len(tokens) - length)
            self.evaluate([sequence], tokens[length:])
        return sequence, length

    def keep(self, tokens: Sequence[int]) -> int:
        """Leave an idle prefix; return its sequence."""
        sequence, _ = self.start(tokens)
        self.cache.release(sequence)
        return sequence

    def held(self, tokens: Sequence[int]) -> bool:
        """Say whether a prefix is in memory, without touching it."""
        return any(self.holds(s, tokens) for s in range(len(self.memory.views)))

    def holds(self, sequence: int, tokens: Sequence[int]) -> bool:
        """Say whether a sequence begins with the tokens."""
        return self.memory.tokens(sequence)[: len(tokens)] == list(tokens)


class Walk:
    """Any use of the cache, beside a model that knows only what each running sequence should hold."""

    def __init__(self) -> None:
        self.bench = Bench(num_sequences=NUM_SEQUENCES, num_cells=NUM_CELLS)
        self.cache, self.memory = self.bench.cache, self.bench.memory
        self.running: dict[int, list[int]] = {}

    def step(self, action: str, tokens: list[int], number: int) -> None:
        """Do something to the running sequence `number` (modulo how many there are)."""
        if action == "make_room":
            assert self.cache.make_room(number) == (self.cache.pinned + number <= NUM_CELLS)
        elif action == "forget":
            self.free_suffixes(tokens)
        elif action == "open":
            self.open(tokens)
        elif self.running:
            sequence = sorted(self.running)[number % len(self.running)]
            {"extend": self.extend, "release": self.release, "keep": self.keep, "discard": self.discard}[action](
                sequence, tokens
            )
        self.check()

    def open(self, tokens: list[int]) -> None:
        """Opening finds the longest prefix in memory, unless an id had to be freed for it."""
        common = [common_length(self.memory.tokens(s), tokens) for s in range(NUM_SEQUENCES)]
        pinned_length = self.cache.pinned_length(tokens)
        assert pinned_length == max([common[s] for s in self.running], default=0)
        assert self.cache.match_length(tokens) == max(common)
        evictions = self.cache.evictions
        opened = self.cache.open(tokens)
        if opened is None:
            assert len(self.running) == NUM_SEQUENCES
            return
        sequence, length = opened
        assert sequence not in self.running
        assert length >= pinned_length
        assert length == max(common) or self.cache.evictions > evictions
        self.running[sequence] = tokens[:length]
        if length < len(tokens):
            self.extend(sequence, tokens[length:])

    def extend(self, leader: int, tokens: list[int]) -> None:
        """All or some that hold the same prefix evaluate tokens together."""
        equal = [s for s in sorted(self.running) if self.cache.end_of(s) is self.cache.end_of(leader)]
        assert equal == [s for s in sorted(self.running) if self.running[s] == self.running[leader]]
        group = [s for s in equal if s >= leader]
        if not self.cache.make_room(len(tokens)):
            assert self.cache.pinned + len(tokens) > NUM_CELLS
            return
        self.bench.evaluate(group, tokens)
        for sequence in group:
            self.running[sequence] = self.running[sequence] + tokens

    def release(self, sequence: int, _tokens: list[int]) -> None:
        """A whole release keeps everything."""
        tokens = self.running.pop(sequence)
        self.cache.release(sequence)
        assert self.bench.held(tokens)

    def keep(self, sequence: int, tokens: list[int]) -> None:
        """A release with a limit keeps the first tokens, and no more than those for this sequence."""
        kept = self.running.pop(sequence)[: len(tokens)]
        self.cache.release(sequence, len(tokens))
        assert self.memory.tokens(sequence) in ([], kept)
        assert self.bench.held(kept)

    def discard(self, sequence: int, _tokens: list[int]) -> None:
        """Nothing of a discarded sequence stays."""
        del self.running[sequence]
        self.cache.discard(sequence)
        assert not self.memory.views[sequence]

    def free_suffixes(self, tokens: list[int]) -> None:
        """What idle sequences alone held beyond forgotten tokens is gone; a prefix of them stays if one was held."""
        was_held = self.bench.held(tokens)
        self.cache.free_suffixes(tokens)
        beyond = [s for s in set(self.cache._ends) - set(self.running) if self.bench.holds(s, tokens)]
        assert all(self.memory.tokens(s) == tokens for s in beyond)
        assert len(beyond) <= 1
        assert not was_held or self.bench.held(tokens[:1])

    def check(self) -> None:
        """Compare the cache with the memory, cell by cell."""
        for sequence, tokens in self.running.items():
            assert self.memory.tokens(sequence) == tokens
            assert self.cache.length(sequence) == len(tokens)
        assert self.cache.cells == len(self.memory.cells()) <= NUM_CELLS
        assert self.cache.pinned == len(self.memory.cells(self.running))
        cell_of: dict[tuple[int, ...], int] = {}
        for sequence, view in enumerate(self.memory.views):
            prefix = tuple(self.memory.tokens(sequence))
            for position, cell in view.items():
                assert cell_of.setdefault(prefix[: position + 1], cell) == cell, "one prefix in two cells"
        free, idle, running = set(self.cache._free), set(self.cache._idle), set(self.running)
        assert sorted([*free, *idle, *running]) == list(range(NUM_SEQUENCES)), "a sequence id was lost"
        assert set(self.cache._ends) == idle | running
        assert all(bool(self.memory.views[sequence]) == (sequence in idle) for sequence in free | idle)


ACTIONS = ("open", "open", "extend", "extend", "release", "keep", "discard", "make_room", "forget")


@pytest.mark.parametrize("seed", range(12))
def test_the_tree_mirrors_the_memory_whatever_is_done(seed: int) -> None:
    """Every sequence sees exactly its tokens, each prefix lies in one cell, and cells, pins and ids are counted right.

    Two tokens, few cells and few ids, so that sharing, cutting and running out all happen in most walks.
    """
    rng = random.Random(seed)
    walk = Walk()

    for _ in range(200):
        walk.step(rng.choice(ACTIONS), rng.choices((0, 1), k=rng.randint(1, 6)), rng.randint(0, 12))


def test_a_shared_prefix_is_stored_once() -> None:
    """Ten sequences with the same 50 tokens take 50 cells and 9 forks."""
    bench = Bench(num_sequences=10)

    for _ in range(10):
        bench.start(range(50))

    assert bench.cache.cells == bench.cache.pinned == 50
    assert bench.cache.forks == 9


def test_a_fork_from_the_middle_leaves_the_source_as_it_was() -> None:
    """A sequence that shares only the first part of another takes cells for its own part alone."""
    bench = Bench()
    first, _ = bench.start([1, 2, 3, 4, 5])

    second, length = bench.start([1, 2, 3, 9])

    assert length == 3
    assert bench.memory.tokens(first) == [1, 2, 3, 4, 5]
    assert bench.memory.tokens(second) == [1, 2, 3, 9]
    assert bench.cache.cells == 6


@table([0, 1, 2, 3, 4, 5, 6, 7, None])
def test_keeping_less_than_the_shared_part_frees_the_right_cells(keep: int | None) -> None:
    """A cut that falls inside a run that others share takes this sequence off it, and only this one.

    Once a cut in front of the last run took the sequence off the whole shared run, but not out of the memory.
    """
    bench = Bench()
    first, _ = bench.start([1, 2, 3, 4, 5])
    second, _ = bench.start([1, 2, 3, 4, 6, 7])

    bench.cache.release(second, keep)

    assert bench.held([1, 2, 3, 4, 6, 7][:keep])
    assert bench.memory.tokens(first) == [1, 2, 3, 4, 5]
    assert bench.cache.cells == len(bench.memory.cells()) == 5 + max(0, min(6 if keep is None else keep, 6) - 4)
    bench.cache.release(first, 0)
    assert bench.cache.cells == len(bench.memory.cells()) == (6 if keep is None else min(keep, 6) if keep > 4 else 0)
    assert all(not bench.memory.views[sequence] for sequence in bench.cache._free)


def test_a_sequence_inside_another_is_freed_when_it_ends() -> None:
    """Its cells are held by the longer one: keeping its id would buy nothing."""
    bench = Bench(num_sequences=2)
    bench.start([1, 2, 3])
    inner, _ = bench.start([1, 2])

    bench.cache.release(inner)

    assert bench.start([1, 2, 4])[0] == inner
    assert bench.cache.evictions == 0


def test_the_least_recently_used_prefix_goes_first() -> None:
    """Room is made in the order of last use, where finding a prefix is a use."""
    bench = Bench(num_cells=12)
    bench.keep([1, 1, 1, 1])
    bench.keep([2, 2, 2, 2])
    bench.keep([3, 3, 3, 3])

    bench.cache.match_length([1, 1])
    bench.keep([4, 4, 4, 4])
    assert [bench.held([i] * 4) for i in (1, 2, 3, 4)] == [True, False, True, True]
    bench.keep([5, 5, 5, 5, 5])

    assert [bench.held([i] * 4) for i in (1, 2, 3, 4, 5)] == [False, False, False, True, True]
    assert bench.cache.evictions == 3


def test_an_id_is_taken_from_an_idle_prefix_when_none_is_free() -> None:
    """Sequence ids run out as cells do: the least recently used idle one is given up, running ones never."""
    bench = Bench(num_sequences=2)
    bench.start([1, 1])
    idle = bench.keep([2, 2])

    assert bench.cache.open([3]) == (idle, 0)
    assert bench.cache.open([4]) is None


def test_eviction_never_touches_what_is_running() -> None:
    """When only running sequences are left, room is refused rather than taken from them."""
    bench = Bench(num_cells=10)
    first, _ = bench.start([1] * 6)
    bench.keep([1, 1, 1, 2, 2])

    assert not bench.cache.make_room(5)
    assert bench.memory.tokens(first) == [1] * 6
    assert bench.cache.make_room(4)


def test_evaluating_what_another_sequence_holds_gives_the_cells_back() -> None:
    """Two that evaluate the same continuation separately end up on the same cells, also for part of it."""
    bench = Bench()
    first, _ = bench.start([1, 2])
    second, _ = bench.start([1, 2])
    bench.evaluate([first], [3, 4, 5])

    bench.evaluate([second], [3, 4, 6])

    assert bench.memory.tokens(second) == [1, 2, 3, 4, 6]
    assert bench.cache.cells == len(bench.memory.cells()) == 6


def test_everything_but_one_prefix_is_given_up() -> None:
    """What the ids begin with stays, what else idle sequences hold goes, what runs is untouched."""
    bench = Bench()
    bench.keep((1, 2, 3, 4))
    bench.keep((1, 2, 5))
    bench.keep((6, 7))
    bench.cache.reset((1, 2, 3, 9))

    assert bench.cache.cells == 3
    assert bench.held((1, 2, 3))
    assert not bench.held((1, 2, 3, 4))

    running, _ = bench.start((1, 2, 8))
    bench.cache.reset((4,))
    assert bench.cache.cells == 3
    assert bench.cache.length(running) == 3


def test_idle_prefixes_keep_no_more_cells_than_they_may() -> None:
    """What nobody runs on is given up, oldest first, down to the limit; what somebody runs on is never counted."""
    bench = Bench(num_idle_cells=10)
    bench.keep((1, 2, 3, 4))
    bench.keep((5, 6, 7, 8))
    running, _ = bench.start((9, 10, 11, 12, 13, 14))
    bench.cache.trim()

    assert bench.cache.cells == 14, "eight idle cells and six pinned ones are within the limit"

    bench.keep((15, 16, 17))
    bench.cache.trim()

    assert not bench.held((1,))
    assert bench.held((5, 6, 7, 8))
    assert bench.held((15, 16, 17))
    assert bench.cache.length(running) == 6


def test_the_last_prefix_stays_however_long_it_is() -> None:
    """A conversation longer than idle prefixes may be is still there for its next turn."""
    bench = Bench(num_idle_cells=3)
    bench.keep((5, 6))
    bench.keep((1, 2, 3, 4, 5, 6))
    bench.cache.trim()

    assert bench.held((1, 2, 3, 4, 5, 6))
    assert not bench.held((5,))


def test_what_came_of_a_forgotten_prompt_gives_its_cells_back() -> None:
    """Of rows with one system prompt the last one keeps it: it is evaluated once, however many rows there are."""
    bench = Bench()
    for row in range(5):
        prompt = (1, 2, 3, 10 + row)
        running, found = bench.start(prompt)
        bench.evaluate([running], (20, 21))
        bench.cache.release(running)
        bench.keep((*prompt, 22))
        bench.cache.free_suffixes(prompt)

        assert found == (3 if row else 0)
        assert bench.cache.cells == 4

    bench.cache.free_suffixes((9, 9))

    assert bench.cache.cells == 4

"""The tree: exact paths, exact sums, work proportional to depth."""

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marco_cli.engine.base import Tokens
from marco_cli.jsonl import encode
from marco_cli.search.outlook import Outlook
from marco_cli.search.pending import Pending
from marco_cli.search.tree import Node, Step, Tree
from marco_cli.search.tree_json import from_plain, to_plain

if TYPE_CHECKING:
    from _typeshed import TraceFunction


def step(*ids: int, is_terminal: bool = False) -> Step:
    """Return a step of forced tokens whose text are the low bytes of the ids."""
    return Step(tokens=Tokens.forced(ids), data=bytes(token % 256 for token in ids), is_terminal=is_terminal)


def test_a_path_gives_back_the_exact_token_ids() -> None:
    """What the engine continues is the prompt and the steps, id by id, across step borders."""
    tree = Tree((1, 2))
    end = tree.graft(tree.root, [step(3, 4), step(5), step(6, 7)])

    assert tree.token_ids(end) == (1, 2, 3, 4, 5, 6, 7)
    assert tree.data(end) == bytes((3, 4, 5, 6, 7))
    assert [node.id for node in tree.path(end)] == [0, 1, 2, 3]
    assert end.num_tokens == 5


def test_equal_siblings_are_one_node() -> None:
    """A step with the same ids leads to the same child; the same ids elsewhere do not."""
    tree = Tree((1,))
    first = tree.add(tree.root, step(3))

    assert tree.add(tree.root, step(3)) is first
    assert tree.add(first, step(3)) is not first
    assert len(tree) == 3


def test_the_same_path_has_the_same_key_in_every_tree() -> None:
    """Seeds are derived from keys, so texts do not depend on the order in which a tree was grown."""
    one, other = Tree((1,)), Tree((1,))
    other.add(other.root, step(9))

    assert one.graft(one.root, [step(3), step(4)]).key == other.graft(other.root, [step(3), step(4)]).key


@given(values=st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), max_size=40))
def test_sums_are_the_backed_up_values(values: list[tuple[int, float]]) -> None:
    """W of a node is the sum of the values backed up through it, N their number, and N(parent) ≥ Σ N(children)."""
    tree = Tree((1,))
    ends = [tree.graft(tree.root, [step(end % 3), step(end % 5), step(end)]) for end in range(10)]
    for end, value in values:
        tree.back_up(ends[end], value)

    for node in tree.nodes:
        through = [value for end, value in values if node in tree.path(ends[end])]
        assert node.visits == len(through)
        assert node.value_sum == pytest.approx(sum(through))
        assert node.visits >= sum(child.visits for child in node.children)


def test_values_outside_the_unit_interval_are_refused() -> None:
    """A reward that is not a value in [0, 1] is a bug and does not enter the statistics."""
    tree = Tree((1,))

    with pytest.raises(ValueError, match=r"1\.5"):
        tree.back_up(tree.root, 1.5)
    assert tree.root.visits == 0


def test_normalised_values_span_the_range_seen() -> None:
    """The lowest mean seen is 0, the highest 1; without a range everything is in the middle."""
    tree = Tree((1,))
    low, high = tree.add(tree.root, step(3)), tree.add(tree.root, step(4))
    assert tree.normalise(0.7) == 0.5
    tree.back_up(low, 0.90)
    tree.back_up(high, 0.94)

    assert [tree.normalise(node.value) for node in (low, tree.root, high)] == pytest.approx([0, 0.5, 1])


def test_a_new_child_opens_a_closed_node_again() -> None:
    """A node knows which of its children may still yield something, also after it was closed too early."""
    tree = Tree((1,))
    inner = tree.add(tree.root, step(2))
    tree.add(inner, step(3, is_terminal=True))
    assert (tree.root.open_children, inner.open_children) == ([inner], [])
    inner.is_closed = tree.root.is_closed = True
    assert tree.root.open_children == []
    new = tree.add(inner, step(4))

    assert (tree.root.open_children, inner.open_children) == ([inner], [new])
    assert (tree.root.is_closed, inner.is_closed) == (False, False)


def test_plain_form_comes_back_as_it_went() -> None:
    """A tree written to JSON and read again has the same structure, statistics, bytes and keys."""
    tree = Tree((1, 2))
    end = tree.graft(tree.root, [step(0xE4, 0xBD), step(0xA0, is_terminal=True)])  # 你, cut inside the character
    tree.back_up(end, 0.25)
    end.candidate_id = 0
    again = from_plain(to_plain(tree, with_scores=True))

    assert encode(to_plain(again, with_scores=True)) == encode(to_plain(tree, with_scores=True))
    assert again.data(again[2]) == "你".encode()
    assert again[2].key == end.key


def simulate(tree: Tree, draw: random.Random, depth: int, pending: Pending) -> Node:
    """Do to the tree what a simulation does: walk, count as pending, branch off, graft, back up, close."""
    node = tree.root
    for _ in range(draw.randrange(depth - 1)):
        if not node.children:
            break
        node = node.children[draw.randrange(len(node.children))]
        if node.is_closed:
            break
    pending.begin(node)
    if not node.is_terminal:
        steps = [step(draw.randrange(1 << 30)) for _ in range(depth - node.depth)]
        node = tree.graft(node, [*steps, step(draw.randrange(1 << 30), is_terminal=True)])
    tree.back_up(node, draw.random())
    return node


@pytest.mark.parametrize("depth", [12])
def test_a_simulation_costs_the_same_at_ten_thousand_as_at_a_hundred(depth: int) -> None:
    """Work per simulation in the tree code, in instructions of Python, depends on depth alone, not on the size of the tree."""
    draw = random.Random(1)
    tree, pending = Tree((1,)), Pending()
    early = instructions(lambda: [simulate(tree, draw, depth, pending) for _ in range(100)])
    for _ in range(9_800):
        simulate(tree, draw, depth, pending)
    late = instructions(lambda: [simulate(tree, draw, depth, pending) for _ in range(100)])

    assert late <= 1.3 * early


def instructions(work: Callable[[], object]) -> int:
    """Return how many instructions of the interpreter a piece of work takes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> "TraceFunction":
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_a_node_takes_less_than_four_kilobytes() -> None:
    """Memory of a node besides its tokens' scores stays small, so that 10 000 simulations fit everywhere."""
    tree = Tree((1,))
    draw = random.Random(2)
    for _ in range(50):
        simulate(tree, draw, 12, Pending())

    seen: set[int] = set()

    def size(thing: object) -> int:
        if id(thing) in seen or isinstance(thing, type | Tree):
            return 0
        seen.add(id(thing))
        own = sys.getsizeof(thing)
        if isinstance(thing, dict):
            return own + sum(size(key) + size(value) for key, value in thing.items())
        if isinstance(thing, list | tuple):
            return own + sum(size(entry) for entry in thing)
        slots = [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
        return own + sum(size(slot) for slot in slots)

    assert size(tree.nodes) / len(tree) < 4096


def test_a_step_that_is_cut_inside_a_number_blames_nobody() -> None:
    """Only lines that are ended are worked out: a mini-step ends wherever its tokens do."""
    tree, outlook = Tree((1,)), Outlook()
    half = tree.add(tree.root, step_of(b"a\n17*6=10"))
    right = tree.add(half, step_of(b"2\n"))
    wrong = tree.add(half, step_of(b"3\n"))

    assert outlook.is_sound(half)
    assert outlook.is_sound(right)
    assert not outlook.is_sound(wrong)
    assert not outlook.is_sound(tree.add(wrong, step_of(b"1+1=2\n"))), "what follows a slip rests on it"


def test_a_step_is_read_with_the_line_before_it() -> None:
    """A sum may go on in the next line, and a formula behind a supposition claims nothing."""
    tree, outlook = Tree((1,)), Outlook()
    sum_ = tree.add(tree.root, step_of(b"5 x 3\n"))
    supposed = tree.add(tree.root, step_of(b"If\n"))

    assert outlook.is_sound(tree.add(sum_, step_of(b"= 15\n")))
    assert not outlook.is_sound(tree.add(sum_, step_of(b"= 16\n")))
    assert outlook.is_sound(tree.add(supposed, step_of(b"\\[ 2+3=6 \\]\n")))


def test_a_line_that_was_cut_by_force_blames_nobody() -> None:
    """What is fed after a thought that was closed inside a number does not go on with that number."""
    tree, outlook = Tree((1,)), Outlook()
    cut = tree.add(tree.root, step_of(b"a\n12*12=14"))
    closed = tree.add(cut, Step(tokens=Tokens.forced(tuple(b"\n</Thought>\n")), data=b"\n</Thought>\n"))
    ended = tree.add(cut, step_of(b"\n</Thought>"))

    assert outlook.is_sound(closed)
    assert not outlook.is_sound(ended), "the model itself ended the line there"


def step_of(data: bytes) -> Step:
    """Return a step of one sampled token a byte."""
    tokens = replace(Tokens.forced(tuple(data)), is_sampled=np.ones(len(data), dtype=np.bool_))
    return Step(tokens=tokens, data=data)

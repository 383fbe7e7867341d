from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table
from view.story import Story

from marco_cli.view.crop import crop
from marco_cli.view.snapshot import NodeSnapshot, Recorder, Snapshot


@cache
def snapshot_of(simulations: int, seed: int = 0) -> Snapshot:
    """Return the picture of a story after so many simulations."""
    recorder = Recorder()
    for event in Story(simulations=simulations, seed=seed).events():
        recorder.fold(event)
    return recorder.snapshot()


def wide(num_children: int) -> Snapshot:
    """Return a root with leaves, the later the more visits."""
    children = tuple(
        NodeSnapshot(id=number, parent=0, label=f"step {number}", visits=number, value=0.5)
        for number in range(1, num_children + 1)
    )
    root = NodeSnapshot(id=0, parent=None, label="?", visits=99, children=tuple(child.id for child in children))
    return Snapshot(question="?", strategy="mcts", nodes=(root, *children), best_path=(0, 1))


def chain(length: int) -> Snapshot:
    """Return a best path of so many steps, without branches."""
    nodes = tuple(
        NodeSnapshot(
            id=number,
            parent=number - 1 if number else None,
            label=f"step {number} ",
            visits=1,
            children=(number + 1,) if number < length else (),
            answer="42" if number == length else None,
        )
        for number in range(length + 1)
    )
    return Snapshot(question="?", strategy="mcts", nodes=nodes, best_path=tuple(range(length + 1)))


@settings(max_examples=40)
@given(simulations=st.sampled_from((0, 1, 2, 7, 20, 40)), seed=st.integers(0, 2), max_rows=st.integers(0, 60))
def test_rows_fit_and_begin_with_the_root(simulations: int, seed: int, max_rows: int) -> None:
    """There are never more rows than asked for, the question comes first, and no node is shown twice."""
    rows = crop(snapshot_of(simulations, seed), max_rows)

    assert len(rows) <= max_rows
    nodes = [row.node.id for row in rows if row.node is not None]
    assert nodes[:1] == [0][: len(rows)]
    assert len(set(nodes)) == len(nodes)
    assert all((row.node is None) == (row.num_hidden > 0) for row in rows)


def test_all_of_a_small_tree_is_shown() -> None:
    """With room to spare nothing is left out: every answer of every reply stands there."""
    snapshot = snapshot_of(12)
    rows = crop(snapshot, 500)

    assert not any(row.num_hidden for row in rows)
    assert sum(row.answer is not None for row in rows) == sum(node.answer is not None for node in snapshot.nodes)


def test_the_best_path_comes_first() -> None:
    """When it fits, every step of it that has words is shown, however many visits other branches have.

    A step that begins as a sibling does is shown from where they part.
    """
    snapshot = snapshot_of(60)
    rows = crop(snapshot, 30)
    shown = " ".join(row.label for row in rows if row.is_best)

    for node_id in snapshot.best_path:
        assert snapshot.nodes[node_id].label.strip()[-3:] in shown


def branched(*labels: str) -> Snapshot:
    """Return a root with these children, the first of them the best."""
    children = tuple(
        NodeSnapshot(id=number, parent=0, label=label, visits=1, value=0.5) for number, label in enumerate(labels, 1)
    )
    root = NodeSnapshot(id=0, parent=None, label="?", visits=9, children=tuple(child.id for child in children))
    return Snapshot(question="?", strategy="mcts", nodes=(root, *children), best_path=(0, 1))


@table(
    [
        (("So the answer is 72.", "So the answer is 96."), ["72.", "96."]),
        (("First I add 48 and 24", "First I add 48 and 26", "Half of 48"), ["24", "26", "Half of 48"]),
        (("We have 48 = 48", "We take 48"), ["We have 48 = 48", "We take 48"]),
        (("the same words again", "the same words again"), ["the same words again"] * 2),
        (("四月她一共卖了四十八个发夹", "四月她一共卖了四十八本书籍"), ["个发夹", "本书籍"]),
        (("First I add 48 and 24", "First I add 48 and 24 and more"), ["First I add 48 and 24", "and more"]),
    ]
)
def test_siblings_are_shown_from_where_they_part(labels: tuple[str, ...], expected: list[str]) -> None:
    """A beginning that siblings share tells nothing; a short one stays, and so does a text that has nothing else."""
    assert [row.label for row in crop(branched(*labels), 10)[1:]] == expected


def test_long_best_paths_leave_half_of_the_rows_to_others() -> None:
    """On a small screen steps of the best path share rows; none of them is lost."""
    path = chain(40)
    other = NodeSnapshot(id=41, parent=0, label="another way", visits=1)
    root = NodeSnapshot(id=0, parent=None, label="?", visits=2, children=(1, 41))
    rows = crop(
        Snapshot(question="?", strategy="mcts", nodes=(root, *path.nodes[1:], other), best_path=path.best_path), 20
    )

    assert 5 <= sum(row.is_best for row in rows) <= 11
    assert all(f"step {number}" in " ".join(row.label for row in rows) for number in range(1, 41))
    assert rows[-1].label == "another way"


def test_of_many_children_the_most_visited_are_shown_and_the_rest_counted() -> None:
    """The best path and the top children by visits take the rows, in the order in which they came to be."""
    rows = crop(wide(20), 8)

    assert [row.node.id for row in rows if row.node is not None] == [0, 1, 16, 17, 18, 19, 20]
    assert rows[-1].num_hidden == 14
    assert rows[1].guides == ("branch",)
    assert rows[-1].guides == ("last",)


def test_a_single_hidden_child_is_shown_instead_of_counted() -> None:
    """A row that says "1 more" could as well be that one."""
    assert [row.num_hidden for row in crop(wide(7), 8)] == [0] * 8


@table(
    [
        (31, [f"step {number}" for number in range(31)]),
        (7, ["step 0", "step 1", "step 2", "", "step 28", "step 29", "step 30"]),
        (4, ["step 0", "step 1", "", "step 30"]),
        (2, ["step 0", "step 30"]),
        (1, ["step 0"]),
        (0, []),
    ]
)
def test_a_long_path_loses_its_middle(max_rows: int, expected: list[str]) -> None:
    """How it begins and how it ends is told, and how many steps are left out in between."""
    rows = crop(chain(30), max_rows)

    assert [row.label for row in rows] == expected
    assert sum(row.num_hidden for row in rows) == (
        31 - sum(row.node is not None for row in rows) if max_rows > 2 else 0
    )


def test_thirty_steps_are_indented_once() -> None:
    """Only branches indent: a chain of steps reads downwards."""
    assert {len(row.guides) for row in crop(chain(30), 40)[1:]} == {1}


def test_steps_of_tags_alone_take_no_row() -> None:
    """A step without words belongs to its neighbour, and the answer at its end is not lost."""
    labels = ("?", "", "Let me add.", "", "", "So 42.", "")
    nodes = tuple(
        NodeSnapshot(
            id=number,
            parent=number - 1 if number else None,
            label=label,
            visits=1,
            children=(number + 1,) if number + 1 < len(labels) else (),
            answer="42" if number + 1 == len(labels) else None,
        )
        for number, label in enumerate(labels)
    )
    snapshot = Snapshot(question="?", strategy="mcts", nodes=nodes, best_path=tuple(range(len(labels))))

    assert [(row.label, row.answer) for row in crop(snapshot, 20)] == [
        ("?", None),
        ("Let me add.", None),
        ("So 42.", "42"),
    ]


def test_a_chain_off_the_best_path_is_one_row() -> None:
    """Its words are joined and its answer stands behind them."""
    snapshot = chain(5)
    rows = crop(Snapshot(question="?", strategy="mcts", nodes=snapshot.nodes), 20)

    assert [(row.label, row.answer) for row in rows] == [("step 0", None), ("step 1 step 2 step 3 step 4 step 5", "42")]


def test_mini_steps_are_joined_as_they_were_written() -> None:
    """A step of 32 tokens may end inside a word or a number: no space is put where the reply has none."""
    labels = ("?", "so 48 + 2", "4 = 7", "2. ", " The answer")
    nodes = tuple(
        NodeSnapshot(
            id=number,
            parent=number - 1 if number else None,
            label=label,
            visits=1,
            children=(number + 1,) if number + 1 < len(labels) else (),
        )
        for number, label in enumerate(labels)
    )

    rows = crop(Snapshot(question="?", strategy="mcts", nodes=nodes), 20)
    assert rows[1].label == "so 48 + 24 = 72. The answer"

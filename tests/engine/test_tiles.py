"""Which rows are evaluated in one call."""

from hypothesis import given
from hypothesis import strategies as st
from tables import table

from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import block_fillers
from marco_cli.engine.tiles import TILE, Call, divide

HALF_A_BILLION = 494e6 / (2 * 24 * 896)
"""`row_cost` of a Qwen2-0.5B."""


def rows_of(*runs: tuple[int, int]) -> list[Row]:
    """Return rows of sequences 0, 1, …: so many rows, after so many cells."""
    return [
        Row(token=0, position=start + i, sequences=(sequence,), wants_logits=i == count - 1)
        for sequence, (count, start) in enumerate(runs)
        for i in range(count)
    ]


def shape(calls: tuple[Call, ...]) -> list[tuple[int, int]]:
    """Return rows and fillers of each call."""
    return [(len(call.rows), call.num_fillers) for call in calls]


@table(
    [
        ([(1, 4000)], [(1, 0)]),
        ([(1, 300)] * 32, [(32, 0)]),
        ([(52, 100)], [(52, 0)]),
        ([(52, 1400)], [(52, 12)]),
        ([(30, 4000)], [(30, 34)]),
        ([(10, 4000)], [(10, 0)]),
        ([(128, 4000)], [(128, 0)]),
        ([(1, 300)] * 31 + [(100, 0)], [(100, 0), (31, 0)]),
        ([(1, 300)] * 31 + [(60, 2000)], [(60, 4), (31, 0)]),
        ([(1, 20), (64, 0)], [(65, 0)]),
        ([(1, 300)] * 100, [(50, 0), (50, 0)]),
    ]
)
def test_a_tile_is_used_where_it_pays(runs: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    """Prompts in whole tiles once they see many cells; many sequences apart from them, and in calls below a tile."""
    assert shape(divide(rows_of(*runs), HALF_A_BILLION)) == expected


@given(
    runs=st.lists(st.tuples(st.integers(1, 150), st.integers(0, 5000)), min_size=1, max_size=80),
    row_cost=st.floats(0, 1e6),
)
def test_every_row_is_in_one_call(runs: list[tuple[int, int]], row_cost: float) -> None:
    """Whatever pays, each row is evaluated once, each sequence's rows in their order, and fillers complete one tile."""
    rows = rows_of(*runs)
    calls = divide(rows, row_cost)

    assert sorted(number for call in calls for number in call.rows) == list(range(len(rows)))
    assert all(list(call.rows) == sorted(call.rows) for call in calls)
    assert all(len(call.rows) + call.num_fillers == TILE for call in calls if call.num_fillers)
    assert all(calls)


@table([(1, 0), (13, 0), (14, 2), (15, 1), (16, 0), (17, 0), (31, 1), (64, 0)])
def test_blocks_are_completed_where_it_pays(num_rows: int, fillers: int) -> None:
    """A row or two more are cheaper than the rest of a block in fours and ones."""
    assert block_fillers(num_rows) == fillers

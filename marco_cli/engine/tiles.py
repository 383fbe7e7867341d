"""Which rows llama.cpp evaluates in one call, where a CPU computes attention by flash attention.

A call of fewer than `TILE` rows pays for the cells that each row sees, row by row. From `TILE` rows on, llama.cpp works in
tiles of 64 rows by 64 cells (`ggml_compute_forward_flash_attn_ext_tiled`): a cell is five times cheaper there, but every
row of a tile pays for all cells that any of its rows sees. So the rows of a prompt belong together, filled up to a whole
tile when they see many cells; and single tokens of many sequences belong apart from them, in calls below a tile.

In: rows, and how dear the weights are beside a cell. Out: calls. What comes out of a row is the same but for its last
bits. The figures are from benchmarks/README.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from marco_cli.engine.backend import Row

TILE = 64
"""Rows from which llama.cpp works in tiles (`GGML_FA_TILE_Q`)."""

ROW_BY_ROW = 10.0
TILED = 2.2
"""How much longer an operation of attention takes than one of the weights (random 0.5B Q8_0, AVX2, one thread)."""

FEWEST = 4
"""Rows below which a call takes no less time: the weights are read all the same."""

MARGIN = 0.9
"""What another way may cost, as a share of one plain call: costs are estimates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is evaluated together."""

    rows: tuple[int, ...]
    """Numbers of the rows, ascending."""
    num_fillers: int = 0
    """Rows without meaning that complete a tile."""


def row_cost(num_parameters: int, attention_width: int) -> float:
    """Return the operations of the weights on a row, 2 P, in those of attention on a cell, 4 x `attention_width`."""
    return num_parameters / (2 * attention_width)


def divide(rows: Sequence[Row], row_cost: float) -> tuple[Call, ...]:
    """Return the calls that evaluate the rows at the least cost, by estimate; each row is in one of them."""
    plain = Call(rows=tuple(range(len(rows))))
    narrow, wide = _by_run(rows)
    if len(rows) < TILE and not wide:  # by far the most calls: single tokens of a few sequences
        return (plain,)
    parts = [part for part in (wide, *_below_a_tile(narrow)) if part]
    ways = [tuple(_filled(rows, part, row_cost) for part in way) for way in ([plain.rows], parts)]
    cost, best = min(
        ((sum(_cost(rows, call, row_cost) for call in way), way) for way in ways), key=lambda each: each[0]
    )
    return best if cost < MARGIN * _cost(rows, plain, row_cost) else (plain,)


def _by_run(rows: Sequence[Row]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows for which a tile of their own would not pay, and those of longer runs of one sequence."""
    narrow: list[int] = []
    wide: list[int] = []
    for _, run in groupby(range(len(rows)), key=lambda number: rows[number].sequences):
        numbers = list(run)
        (wide if ROW_BY_ROW * len(numbers) > TILED * TILE else narrow).extend(numbers)
    return tuple(narrow), tuple(wide)


def _below_a_tile(numbers: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return as few equal parts as are each below a tile."""
    num_parts = -(-len(numbers) // (TILE - 1))
    return [numbers[len(numbers) * i // num_parts : len(numbers) * (i + 1) // num_parts] for i in range(num_parts)]


def _filled(rows: Sequence[Row], numbers: tuple[int, ...], row_cost: float) -> Call:
    """Return a call of the rows, with fillers if they pay."""
    calls = [Call(rows=numbers)]
    if len(numbers) < TILE:
        calls.append(Call(rows=numbers, num_fillers=TILE - len(numbers)))
    return min(calls, key=lambda call: _cost(rows, call, row_cost))


def _cost(rows: Sequence[Row], call: Call, row_cost: float) -> float:
    """Return what a call costs, in operations of the weights on as much as one row's attention on a cell."""
    num_rows = len(call.rows) + call.num_fillers
    weights = row_cost * max(num_rows, FEWEST)
    if num_rows < TILE:
        return weights + ROW_BY_ROW * sum(rows[number].position + 1 for number in call.rows)
    # Fillers come last and see next to nothing: a tile of them alone costs the weights.
    tiles = (call.rows[start : start + TILE] for start in range(0, len(call.rows), TILE))
    return weights + TILED * TILE * sum(_cells(rows, tile) for tile in tiles)


def _cells(rows: Sequence[Row], numbers: Sequence[int]) -> int:
    """Return the cells that any of the rows sees, as if no two sequences shared any."""
    seen: dict[tuple[int, ...], int] = {}
    for number in numbers:
        row = rows[number]
        seen[row.sequences] = max(seen.get(row.sequences, 0), row.position + 1)
    return sum(seen.values())

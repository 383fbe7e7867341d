"""Rows without meaning that complete a call: they make it faster, or its arithmetic the same as that of other calls."""

from dataclasses import dataclass

from marco_cli.engine.tiles import TILE

BLOCK = 16
"""Rows that weights in four bits are multiplied with at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fillers:
    """How many rows a call lacks."""

    pairs: bool
    """Whether one row of these weights goes through another kernel than several; see `defaults.UNQUANTISED`."""
    blocks: bool
    """Whether `BLOCK` rows are multiplied at once; see `defaults.BLOCKED`."""

    @property
    def most(self) -> int:
        """How many rows a call lacks at most."""
        return 2 if self.blocks else int(self.pairs)

    def count(self, num_rows: int, num_logits: int) -> int:
        """Return how many rows to add to a call; where `pairs` holds, one of them wants logits."""
        if self.pairs and (num_rows == 1 or num_logits == 1):
            return 1
        return block_fillers(num_rows) if self.blocks else 0


def block_fillers(num_rows: int) -> int:
    """Return how many rows to add so that four-bit weights meet whole blocks: up to two, or none.

    What a block lacks is done in fours and ones. 14 and 15 rows took 8 and 17 % longer than 16, 31 took 11 % longer than 32
    (random 1.5B Q4_0, AVX2), and less than 14 took less. A call below a tile stays below it.
    """
    lacking = -num_rows % BLOCK
    return 0 if lacking > 2 or num_rows < TILE <= num_rows + lacking else lacking

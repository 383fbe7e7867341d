"""Runs the programs that replies answer with; see `search.program`."""

import math
from decimal import Decimal
from typing import Final

from marco_cli.check.limits import Limits
from marco_cli.check.monty import Monty

LIMITS: Final = Limits(seconds=2.0, memory=64 << 20)
_CALL: Final = "print('\\n\\n', solution(), sep='')"
_DIGITS: Final = 12
"""Of a result: what binary floating point adds behind them is noise."""


class Calculator:
    """An `Interpreter` without files, network or other programs.

    Raises:
        ConfigError: it is not installed.
    """

    def __init__(self) -> None:
        self._monty = Monty(LIMITS, what="a reply that answers with a program")

    async def returned(self, code: str) -> str | None:
        """Return the number that `solution()` returns, in decimal notation; None if it fails or returns no number."""
        printed: list[str] = []
        failure = await self._monty.failure((code, _CALL), on_print=lambda _stream, text: printed.append(text))
        return None if failure is not None else _number("".join(printed).rpartition("\n\n")[2])

    async def close(self) -> None:
        """End the interpreter's processes."""
        await self._monty.close()


def _number(text: str) -> str | None:
    """Return a printed number as people write it, None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    whole = text.strip()
    return whole if whole.lstrip("-").isdecimal() else f"{Decimal(f'{value:.{_DIGITS}g}'):f}"

"""Texts that fell into a loop: a model that says the same words over and over until it is cut.

In: the text of an output. Out: yes or no. Takes time in proportion to the length of the text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_TAIL: Final = 36
"""Words at the end of a text that a loop fills."""
_ROUNDS: Final = 3
"""Times that the same words follow one another in a loop."""
_LONGEST: Final = 120
"""Words of a round at most."""
_LINES: Final = 8
"""Lines from which on a text can be a loop of lines."""


@lru_cache(maxsize=1024)
def is_looping(output: str) -> bool:
    """Say whether a text ends by saying the same words over and over, or says mostly lines that it has said before."""
    words = _WORD.findall(output.casefold())
    longest = min(len(words) // _ROUNDS, _LONGEST)
    return any(_repeats(words, period) for period in range(1, longest + 1)) or _repeats_lines(output)


def _repeats(words: Sequence[str], period: int) -> bool:
    """Say whether the last words are one run of `period` words, again and again."""
    width = max(_ROUNDS * period, _TAIL)
    tail = words[-width:]
    return len(tail) == width and all(one == other for one, other in zip(tail, tail[period:], strict=False))


def _repeats_lines(output: str) -> bool:
    lines = [" ".join(_WORD.findall(line.casefold())) for line in output.splitlines()]
    lines = [line for line in lines if line]
    return len(lines) >= _LINES and 2 * len(set(lines)) <= len(lines)


_WORD: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")
"""Numbers are none: the items of a loop may be counted."""

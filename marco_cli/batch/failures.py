"""Why rows have no answer: equal reasons are one group, with its rows.

In: a reason and the line of each such row. Out: a text a group, largest first. Reasons that differ in their numbers and in
what they quote (`the prompt has 912 tokens`) are equal. Memory grows with the number of groups, of which the first
`MOST_GROUPS` are kept apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_GROUPS: Final = 8
_MOST_LINES: Final = 5
_VARIABLE: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


class Reason(NamedTuple):
    """Why a row has no answer, and what helps."""

    message: str
    hint: str | None = None


@dataclass(slots=True)
class _Group:
    first: Reason
    lines: list[int] = field(default_factory=list)
    num_rows: int = 0


class Failures:
    """Groups of rows without an answer."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def add(self, reason: Reason, line: int) -> None:
        """Count a row of the input, by its line from 1."""
        key = _VARIABLE.sub("#", reason.message)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = ""
        group = self._groups.setdefault(key, _Group(reason if key else Reason("other reasons")))
        group.num_rows += 1
        if len(group.lines) < _MOST_LINES:
            group.lines.append(line)

    def texts(self) -> Iterator[tuple[str, str | None]]:
        """Yield what to say of each group, and its hint: `2 rows failed: not JSON (lines 4 and 9)`."""
        for group in sorted(self._groups.values(), key=lambda group: -group.num_rows):
            rows = f"{group.num_rows} row{'s' * (group.num_rows != 1)}"
            yield f"{rows} failed: {group.first.message} ({_places(group)})", group.first.hint


def _places(group: _Group) -> str:
    more = group.num_rows - len(group.lines)
    named = [str(line) for line in group.lines] + ([f"{more} more"] if more else [])
    word = "lines" if len(named) > 1 else "line"
    return f"{word} {named[0]}" if len(named) == 1 else f"{word} {', '.join(named[:-1])} and {named[-1]}"

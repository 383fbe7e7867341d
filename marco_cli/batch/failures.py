"""Why rows have no answer: equal reasons are one group, with its rows.

In: a reason and the place of each such row, a line or an id. Out: a text a group, largest first. Reasons that differ in their numbers and in
what they quote (`the prompt has 912 tokens`) are equal. Memory grows with the number of groups, of which the first
`MOST_GROUPS` are kept apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_GROUPS: Final = 8
_MOST_PLACES: Final = 5
_LONGEST_PLACE: Final = 40
_VARIABLE: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


class Reason(NamedTuple):
    """Why a row has no answer, and what helps."""

    message: str
    hint: str | None = None


@dataclass(slots=True)
class _Group:
    first: Reason
    places: list[str] = field(default_factory=list)
    num_rows: int = 0


class Failures:
    """Groups of rows without an answer."""

    def __init__(self, *, noun: str = "line") -> None:
        """Begin with none; `noun` is what a place is."""
        self._noun = noun
        self._groups: dict[str, _Group] = {}

    def add(self, reason: Reason, place: int | str) -> None:
        """Count a row: by its line from 1, or its id."""
        key = _VARIABLE.sub("#", reason.message)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = ""
        group = self._groups.setdefault(key, _Group(reason if key else Reason("other reasons")))
        group.num_rows += 1
        if len(group.places) < _MOST_PLACES:
            group.places.append(str(place)[:_LONGEST_PLACE])

    def texts(self) -> Iterator[tuple[str, str | None]]:
        """Yield what to say of each group, and its hint: `2 rows failed: not JSON (lines 4 and 9)`."""
        for group in sorted(self._groups.values(), key=lambda group: -group.num_rows):
            rows = f"{group.num_rows} row{'s' * (group.num_rows != 1)}"
            yield f"{rows} failed: {group.first.message} ({self._places(group)})", group.first.hint

    def _places(self, group: _Group) -> str:
        more = group.num_rows - len(group.places)
        named = group.places + ([f"{more} more"] if more else [])
        word = self._noun + "s" * (len(named) > 1)
        return f"{word} {named[0]}" if len(named) == 1 else f"{word} {', '.join(named[:-1])} and {named[-1]}"

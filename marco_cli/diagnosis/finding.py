"""What a check found."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "broken"]
Figure = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the diagnosis."""

    name: str
    status: Status
    """`warn`: it works, but not as well as it could; `broken`: something that was asked for cannot work."""
    what: str
    fix: str | None = None
    """What to type or do; None only when there is nothing to repair."""
    figures: tuple[tuple[str, Figure], ...] = ()
    """What was measured or read, by name, for machines."""


def ok(name: str, what: str, **figures: Figure) -> Finding:
    """Say that all is well."""
    return Finding(name=name, status="ok", what=what, figures=tuple(figures.items()))


def warn(name: str, what: str, *, fix: str, **figures: Figure) -> Finding:
    """Say that something could be better."""
    return Finding(name=name, status="warn", what=what, fix=fix, figures=tuple(figures.items()))


def broken(name: str, what: str, *, fix: str, **figures: Figure) -> Finding:
    """Say that something cannot work."""
    return Finding(name=name, status="broken", what=what, fix=fix, figures=tuple(figures.items()))

"""How much a check may use."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends a check that goes on for too long or takes too much."""

    seconds: float = 10.0
    """From its start to its end."""
    cpu_seconds: int = 10
    """Of each process."""
    memory: int = 1 << 30
    """Bytes: the address space of each process, and what all of them hold together."""
    file_size: int = 16 << 20
    """Bytes of a file that is written."""
    processes: int = 64
    """At once."""
    output: int = 64 << 10
    """Bytes of stdout."""

    def plain(self) -> dict[str, float]:
        """Return the limits for JSON."""
        return asdict(self)

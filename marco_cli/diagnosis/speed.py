"""How fast this machine decodes models of several sizes, and which ones are pleasant on it.

A chain is decoded token by token, and for each token every weight comes from memory once and is multiplied with. So llama.cpp
takes a time that grows with the number of weights: it is measured (`throughput`), and all sizes follow from it. What a long
context costs is left out. How well this agrees with real files is in benchmarks/README.md.
"""

from typing import Final

from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Finding, ok, warn
from marco_cli.errors import EngineError
from marco_cli.models import catalog, memory

_NARROW: Final = 2.0
"""How many times longer a weight of Qwen2.5 0.5B takes. K-quants come in blocks of 256, and its width of 896 is not a multiple: its
files hold Q5_0 and Q8_0, for which llama.cpp is slower."""

SIZES: Final = {"0.5B": _NARROW * 0.49e9, "1.5B": 1.54e9, "3B": 3.09e9, "7B": 7.07e9, "14B": 14.0e9}
"""Weights that a token is multiplied with: those of Qwen2.5, by the non-embedding parameters of its cards and its output."""

PLEASANT: Final = 8.0
"""Tokens a second, with which a thought of 400 tokens takes less than a minute."""
PATIENT: Final = 3.0
_BUSY: Final = 1.5
"""How many times slower the median step may be than the fastest on an idle machine."""
_MOST_NAMED: Final = 3
_MEMORY_FIX: Final = "close other programs, and run it again"
_TEMPORARY_FIX: Final = "set TMPDIR to a directory with 300 MB of room"


def speed(case: Case) -> Finding:
    """Say how many tokens a second models of several sizes make here, by the weights a second that were measured."""
    try:
        measured = case.throughput
    except OSError as error:
        return warn("speed", f"not measured: {error.strerror or error}", fix=_TEMPORARY_FIX)
    except EngineError as error:
        return warn("speed", f"not measured: {error.message}", fix=error.hint or _MEMORY_FIX)
    speeds = {name: measured.fastest / weights for name, weights in SIZES.items()}
    said = ", ".join(f"{name} {figure(each)}" for name, each in speeds.items())
    slowdown = measured.fastest / measured.median
    busy = f"; {slowdown:.1f} times slower now, since the machine is busy" if slowdown >= _BUSY else ""
    figures = {f"tokens_{name}": each for name, each in speeds.items()}
    return ok(
        "speed",
        f"tokens/s to expect of a Q4_K_M model: {said}{busy}",
        weights_per_second=measured.fastest,
        slowdown=slowdown,
        **figures,
    )


def recommended(case: Case) -> Finding:
    """Name the largest models of the catalogue that are pleasant here, by the measured speed and the memory."""
    try:
        rate, room = case.throughput.fastest, memory.total()
    except (OSError, EngineError):
        return warn("models to try", "unknown, because the speed was not measured", fix="repair speed first")
    speeds = [(entry, rate / (1e9 * entry.parameters)) for entry in catalog.entries() if entry.parameters]
    fitting = [
        (entry, each) for entry, each in speeds if entry.size is None or room is None or memory.fits(entry.size, room)
    ]
    best = sorted((pair for pair in fitting if pair[1] >= PLEASANT), key=lambda pair: pair[1])[:_MOST_NAMED]
    slower = sorted((pair for pair in fitting if PATIENT <= pair[1] < PLEASANT), key=lambda pair: -pair[1])[
        :_MOST_NAMED
    ]
    if not best and not slower:
        smallest = min(speeds, key=lambda pair: pair[0].parameters or 0)[0]
        return ok("models to try", f"none is pleasant here; the quickest is {smallest.name}", pleasant="", patient="")
    parts = [f"pleasant: {_named(best)}"] if best else []
    parts += [f"with patience: {_named(slower)}"] if slower else []
    first = (best or slower)[0][0].name
    return ok(
        "models to try",
        f"{'; '.join(parts)}; marco models pull {first}",
        pleasant=" ".join(entry.name for entry, _ in best),
        patient=" ".join(entry.name for entry, _ in slower),
    )


def figure(value: float) -> str:
    """Write a speed with two figures."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _named(pairs: list[tuple[catalog.Entry, float]]) -> str:
    return ", ".join(f"{entry.name} ({figure(each)}/s)" for entry, each in pairs)

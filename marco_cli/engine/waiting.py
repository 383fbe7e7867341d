"""How long the threads of a computation spin at a barrier before they sleep: shortly.

llama.cpp's threads meet some hundred times a token. A thread that spins for milliseconds holds a core that the thread it
waits for may need, as soon as anything else runs on the machine; one that sleeps at once pays for waking up each time.
The figures are in benchmarks/README.md, "A busy machine".

The runtimes read this from the environment when they start, so it is set when `marco_cli.engine` is imported, before any of
its modules imports llama.cpp. Where llama.cpp is built without OpenMP, its own threads spin until they meet, and nothing
can be set.
"""

from collections.abc import MutableMapping

GOMP_SPINS = "1000"
"""Turns of libgomp's loop, some 10 microseconds; its default is 300 000, 3 ms."""

KMP_MILLISECONDS = "1"
"""How long libomp spins before it sleeps, the shortest that every version understands; llama.cpp would set 200."""


def set_short_spins(environment: MutableMapping[str, str]) -> None:
    """Set how long threads spin, for each OpenMP runtime to which the user has not said how its threads wait."""
    for name, value, others in (
        ("GOMP_SPINCOUNT", GOMP_SPINS, ("OMP_WAIT_POLICY",)),
        ("KMP_BLOCKTIME", KMP_MILLISECONDS, ("OMP_WAIT_POLICY", "KMP_LIBRARY")),
    ):
        if not any(said in environment for said in (name, *others)):
            environment[name] = value

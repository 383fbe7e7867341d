"""How many weights a second llama.cpp multiplies with on this machine, when it decodes one token after the other.

In: a function that loads a model file. Out: a `Throughput`, from some steps of a sample model: by the fastest step, which is what the
machine can do, and by the median one, which other programs slow down.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from marco_cli.diagnosis.sample_model import NUM_VOCAB, write_sample
from marco_cli.engine.backend import Model, Row
from marco_cli.errors import EngineError

_STEPS: Final = 14
_WARM_UP: Final = 2
_LEAST: Final = _WARM_UP + 3
_SECONDS: Final = 2.0
"""That the steps may take together, unless there are fewer than `_LEAST` of them."""


class Throughput(NamedTuple):
    """Weights a second."""

    fastest: float
    median: float


def measure_throughput(
    open_model: Callable[[Path], Model], clock: Callable[[], float] = time.perf_counter, *, directory: str | None = None
) -> Throughput:
    """Write the sample to a temporary directory, decode some tokens with it, and take it away again.

    Raises:
        OSError: there is no room for the sample.
        EngineError: llama.cpp cannot load it.
    """
    with tempfile.TemporaryDirectory(prefix="marco-speed-", dir=directory) as folder:
        path = Path(folder) / "sample.gguf"
        num_weights = write_sample(path)
        times = _steps(open_model(path), clock)
    return Throughput(fastest=num_weights / min(times), median=num_weights / statistics.median(times))


def _steps(model: Model, clock: Callable[[], float]) -> list[float]:
    """Return the seconds of each step after the warm-up, and close the model."""
    try:
        times: list[float] = []
        began = clock()
        while len(times) < _LEAST or (len(times) < _STEPS and clock() - began < _SECONDS):
            position = len(times)
            row = Row(token=position % NUM_VOCAB, position=position, sequences=(0,), wants_logits=True)
            step_began = clock()
            if model.decode([row]) is None:
                raise EngineError("the measurement was interrupted")
            times.append(clock() - step_began)
    finally:
        model.close()
    return times[_WARM_UP:]

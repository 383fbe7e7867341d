from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from marco_cli.diagnosis import speed, throughput
from marco_cli.diagnosis.case import Case, Terminal
from marco_cli.diagnosis.sample_model import NUM_VOCAB, Shape, write_sample
from marco_cli.diagnosis.throughput import Throughput, measure_throughput
from marco_cli.engine.backend import Row
from marco_cli.errors import EngineError
from marco_cli.models import catalog, gguf_header, memory

SMALL = Shape(layers=2, width=256, feed_forward=512, heads=4, kv_heads=2)
NUM_SMALL = NUM_VOCAB * 256 + 2 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 512 * 256)


class Clock:
    """Seconds that pass when a model computes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Slow:
    """A model whose steps take the times that it is given."""

    def __init__(self, clock: Clock, times: list[float]) -> None:
        self._clock = clock
        self._times = times
        self.is_closed = False
        self.num_steps = 0

    def decode(self, rows: list[Row]) -> NDArray[np.float32] | None:
        """Take the next time; the last one again and again, none when it is negative."""
        taken = self._times[min(self.num_steps, len(self._times) - 1)]
        self.num_steps += 1
        self._clock.now += taken
        return None if taken < 0 else np.zeros((len(rows), 1), np.float32)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write small samples."""
    monkeypatch.setattr(throughput, "write_sample", lambda path: write_sample(path, SMALL))


def test_the_sample_is_a_model_file_of_the_stated_size(tmp_path: Path) -> None:
    """The header reads as that of any model; the weights that a token meets are counted without the norms."""
    num_weights = write_sample(tmp_path / "sample.gguf", SMALL)
    header = gguf_header.read(tmp_path / "sample.gguf")

    assert num_weights == NUM_SMALL
    assert header.parameters == NUM_SMALL + 5 * 256
    assert (header.architecture, header.num_layers, header.vocab_size) == ("llama", 2, NUM_VOCAB)


@pytest.mark.weights
def test_llama_cpp_computes_with_the_sample(tmp_path: Path) -> None:
    """Random blocks of each type make finite logits."""
    from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions

    write_sample(tmp_path / "sample.gguf", SMALL)
    model = LlamaModel(tmp_path / "sample.gguf", LlamaOptions(cells=64, threads=1))
    try:
        logits = model.decode([Row(token=7, position=0, sequences=(0,), wants_logits=True)])
        assert logits is not None
        assert logits.shape == (1, NUM_VOCAB)
        assert np.isfinite(logits).all()
        assert np.ptp(logits) > 0
    finally:
        model.close()


def test_throughput_is_of_the_steps_after_the_warm_up(tmp_path: Path) -> None:
    """Slow first steps do not count; the fastest and the median step are told apart; nothing is left behind."""
    clock = Clock()
    model = Slow(clock, [9.0, 9.0, 0.1, 0.2, 0.4, 0.4, 0.4])
    found = measure_throughput(lambda _: model, clock, directory=str(tmp_path))  # type: ignore[arg-type,return-value]

    assert found.fastest == pytest.approx(NUM_SMALL / 0.1)
    assert found.median == pytest.approx(NUM_SMALL / 0.2)
    assert model.is_closed
    assert list(tmp_path.iterdir()) == []


def test_a_slow_machine_is_not_kept_waiting(tmp_path: Path) -> None:
    """Steps of a second each: five of them, no more."""
    clock = Clock()
    model = Slow(clock, [1.0])
    measure_throughput(lambda _: model, clock, directory=str(tmp_path))  # type: ignore[arg-type,return-value]

    assert model.num_steps == 5


def test_an_interrupted_measurement_is_an_error(tmp_path: Path) -> None:
    """The model is closed and the file taken away all the same."""
    clock = Clock()
    model = Slow(clock, [0.1, -1.0])
    with pytest.raises(EngineError, match="interrupted"):
        measure_throughput(lambda _: model, clock, directory=str(tmp_path))  # type: ignore[arg-type,return-value]

    assert model.is_closed
    assert list(tmp_path.iterdir()) == []


def case(fastest: float, median: float | None = None) -> Case:
    """Return an installation whose machine is so fast."""
    screen = Terminal(stdout_is_tty=True, stderr_is_tty=True, is_coloured=True, encoding="utf-8", columns=80)
    made = Case(flags={}, environ={}, config=None, terminal=screen)
    made.__dict__["throughput"] = Throughput(fastest=fastest, median=median or fastest)
    return made


def test_speeds_are_for_sizes_from_half_a_billion_to_fourteen() -> None:
    """The more weights, the slower; two figures each; a busy machine is called one."""
    found = speed.speed(case(30e9))

    assert found.status == "ok"
    assert found.what == "tokens/s to expect of a Q4_K_M model: 0.5B 31, 1.5B 19, 3B 9.7, 7B 4.2, 14B 2.1"
    assert dict(found.figures)["tokens_7B"] == pytest.approx(30e9 / 7.07e9)
    assert speed.speed(case(30e9, 10e9)).what.endswith("; 3.0 times slower now, since the machine is busy")


@pytest.mark.parametrize(
    ("error", "what"),
    [(OSError(28, "No space left on device"), "No space left on device"), (EngineError("no memory"), "no memory")],
)
def test_a_measurement_that_fails_is_told_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, error: Exception, what: str
) -> None:
    """A full disk or memory makes no installation broken; what follows from the speed is unknown then."""

    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(throughput, "write_sample", fail)
    screen = Terminal(stdout_is_tty=True, stderr_is_tty=True, is_coloured=True, encoding="utf-8", columns=80)
    made = Case(flags={}, environ={}, config=None, terminal=screen)
    found = speed.speed(made)

    assert (found.status, found.what) == ("warn", f"not measured: {what}")
    assert found.fix
    assert speed.recommended(made).status == "warn"


@pytest.mark.parametrize(
    ("fastest", "gigabytes", "begins"),
    [
        (
            15e9,
            16,
            "pleasant: deepseek-r1-qwen-1.5b (8.3/s), qwen3-1.7b (8.8/s), qwen3-0.6b (25/s); with patience: smollm3-3b",
        ),
        (1000e9, 64, "pleasant: qwq (30/s), deepseek-r1-qwen-14b (68/s), deepseek-r1-qwen3-8b (122/s)"),
        (1000e9, 6, "pleasant: qwen3-4b-thinking (250/s), phi-4-mini-reasoning"),
        (2.4e9, 16, "with patience: qwen3-0.6b (4.0/s)"),
        (0.1e9, 16, "none is pleasant here; the quickest is qwen3-0.6b"),
    ],
)
def test_models_are_recommended_by_speed_and_memory(
    monkeypatch: pytest.MonkeyPatch, fastest: float, gigabytes: int, begins: str
) -> None:
    """The largest pleasant ones that fit come first; slower ones are offered with a word of warning."""
    monkeypatch.setattr(memory, "total", lambda: gigabytes << 30)
    found = speed.recommended(case(fastest))

    assert found.what.startswith(begins)
    assert found.status == "ok"


def test_what_is_recommended_can_be_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names a model of the catalogue."""
    monkeypatch.setattr(memory, "total", lambda: 16 << 30)
    what = speed.recommended(case(30e9)).what
    name = what.rpartition("marco models pull ")[2]

    assert name in {entry.name for entry in catalog.entries()}

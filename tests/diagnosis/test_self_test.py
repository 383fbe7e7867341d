from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from engine.exact_model import ExactModel
from numpy.typing import NDArray

from marco_cli.diagnosis.model import judge
from marco_cli.diagnosis.self_test import PROMPT, STEPS, WIDTH, Measurement, measure
from marco_cli.engine.backend import Row
from marco_cli.errors import EngineError

TEXT = tuple(b"A train leaves at noon. ")


class Leaky(ExactModel):
    """A model whose forks compute something else than what they were forked from."""

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """See `Backend.decode`."""
        return super().decode(rows) + np.float32(0.001 * rows[-1].sequences[0])


class Interrupted(ExactModel):
    """A model that is interrupted at once."""

    def decode(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """See `Backend.decode`."""
        return None  # type: ignore[return-value]  # what a real one returns then


@pytest.mark.parametrize("max_rows", [512, 50, 8])
def test_a_good_model_forks_without_a_difference_and_is_left_empty(max_rows: int) -> None:
    """Whatever a decode call takes, the comparison is exact and no cell stays in use."""
    model = ExactModel(max_rows=max_rows, num_cells=512)

    measured = measure(model, TEXT)

    assert measured.fork_difference == 0
    assert not model.memory.num_views


def test_the_forked_token_is_evaluated_on_a_copy_alone() -> None:
    """The fork is a fork: its sequence gets one row, the 128 before it are never evaluated for it again."""
    model = ExactModel()

    measure(model, TEXT)

    singles = [rows for rows in model.calls[:4] if len(rows) == 1]
    assert [(rows[0].position, rows[0].sequences) for rows in singles] == [(PROMPT, (1,)), (PROMPT, (2,))]
    assert [len(rows) for rows in model.calls[:4]] == [PROMPT, PROMPT, 1, 1]


def test_a_model_whose_forks_differ_is_found_out() -> None:
    """A difference beyond the tolerance is what the self-test exists for."""
    measured = measure(Leaky(), TEXT)

    assert measured.fork_difference == pytest.approx(0.001, rel=0.01)
    assert judge(measured).status == "broken"


def test_speeds_are_tokens_by_seconds() -> None:
    """With a clock that advances a second a look, each figure is the number of its tokens."""
    ticks = count()

    measured = measure(ExactModel(), TEXT, clock=lambda: float(next(ticks)))

    assert (measured.prefill_1, measured.prefill_8) == (PROMPT, PROMPT)
    assert (measured.decode_1, measured.decode_8) == (STEPS, STEPS * WIDTH)


@pytest.mark.parametrize(("model", "ids"), [(ExactModel(), ()), (Interrupted(), TEXT)])
def test_nothing_is_measured_without_text_or_on_an_interruption(model: ExactModel, ids: tuple[int, ...]) -> None:
    """It says so instead of giving figures that mean nothing."""
    with pytest.raises(EngineError):
        measure(model, ids)


@pytest.mark.parametrize(
    ("difference", "speed", "status"),
    [(0.0, 9.0, "ok"), (1e-4, 9.0, "ok"), (2e-4, 9.0, "broken"), (0.0, 0.5, "warn"), (float("nan"), 9.0, "broken")],
)
def test_a_measurement_is_judged(difference: float, speed: float, status: str) -> None:
    """Wrong logits are broken, a crawl is a warning, both with a fix; the figures are all there."""
    finding = judge(
        Measurement(fork_difference=difference, prefill_1=speed, prefill_8=speed, decode_1=speed, decode_8=speed)
    )

    assert finding.status == status
    assert (finding.fix is None) == (status == "ok")
    assert [name for name, _ in finding.figures] == [*Measurement.__slots__]


@pytest.mark.weights
def test_llama_cpp_forks_without_a_difference(tiny_gguf: Path) -> None:
    """The promise that the search rests on, on the real backend."""
    from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions

    model = LlamaModel(tiny_gguf, LlamaOptions(cells=512, threads=1))
    try:
        measured = measure(model, model.tokenize("A train leaves at noon. ", special=False))
    finally:
        model.close()

    assert measured.fork_difference <= 1e-4
    assert min(measured.prefill_1, measured.prefill_8, measured.decode_1, measured.decode_8) > 0

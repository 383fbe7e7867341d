"""Layers on a GPU: run with MARCO_TEST_GPU_LAYERS=-1 where llama.cpp is built for one; see benchmarks/gpu.sh."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from conftest import CLOSE, GPU_LAYERS

from marco_cli.engine import defaults, llama_library
from marco_cli.engine.backend import Row
from marco_cli.engine.base import GREEDY, Completion, Engine, Request
from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions, open_engine

pytestmark = [pytest.mark.weights, pytest.mark.skipif(not GPU_LAYERS, reason="MARCO_TEST_GPU_LAYERS is not set")]


def test_all_layers_go_to_the_gpu_when_nothing_is_asked_for(tiny_gguf: Path) -> None:
    """The default is every layer, and the model's card says so."""
    model = LlamaModel(tiny_gguf, LlamaOptions(cells=512))
    settings = dict(model.info.settings)
    model.close()

    assert settings["gpu layers"] == "all"
    assert settings["batch"] == str(min(defaults.GPU_BATCH, 512))


def test_the_gpu_computes_what_the_processor_does(tiny_gguf: Path) -> None:
    """Logits of a prompt are the same with the layers here or there, but for rounding."""
    rows = [Row(token=65 + i, position=i, sequences=(0,), wants_logits=i == 39) for i in range(40)]
    logits = []
    for layers in (0, -1):
        model = LlamaModel(tiny_gguf, LlamaOptions(cells=512, threads=1, gpu_layers=layers))
        found = model.decode(rows)
        assert found is not None
        logits.append(found[0].copy())
        model.close()

    assert np.abs(logits[0] - logits[1]).max() <= CLOSE


def test_the_context_fits_the_memory_of_the_gpu(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys and values of all cells take no more than their share of what is free on the GPU, even when that is little."""
    free = llama_library.free_gpu_memory()
    assert free is not None
    assert free > 0
    monkeypatch.setattr(llama_library, "free_gpu_memory", lambda: 1_000_000)
    small = LlamaModel(tiny_gguf, LlamaOptions())
    cells = small.num_cells
    small.close()
    monkeypatch.undo()
    large = LlamaModel(tiny_gguf, LlamaOptions())

    assert cells < large.num_cells <= defaults.MAX_CELLS
    large.close()


def test_a_reply_is_generated_and_memory_given_back(tiny_gguf: Path) -> None:
    """Opening, generating and closing 20 times leaves the GPU as free as it was after the first."""
    left = []
    for _ in range(20):
        engine = open_engine(tiny_gguf, LlamaOptions(cells=2048))
        completion = asyncio.run(_generate(engine))
        assert completion.usage.decoded == 16
        left.append(llama_library.free_gpu_memory() or 0)

    assert left[0] - left[-1] < 64 * 1024**2


async def _generate(engine: Engine) -> Completion:
    completion = await engine.generate(Request(prompt_ids=(65, 66, 67), sampling=GREEDY, max_tokens=16))
    await engine.close()
    return completion

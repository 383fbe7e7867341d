import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import gguf
import numpy as np
import pytest
from conftest import CLOSE, GPU_LAYERS, load_script
from loop import finished
from numpy.typing import NDArray
from small_gguf import write_random

from marco_cli.engine import defaults, llama_library, tiles
from marco_cli.engine.backend import Row
from marco_cli.engine.base import Request, SamplingParams
from marco_cli.engine.llama_weights import Weights
from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions, open_engine
from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.streams import Streams
from marco_cli.errors import ConfigError, DecodeError, EngineError

pytestmark = pytest.mark.weights

OPTIONS = LlamaOptions(cells=2048, threads=1, gpu_layers=GPU_LAYERS)
WINDOW = 8
Logits = NDArray[np.float32]


@pytest.fixture(scope="module")
def windowed_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model most of whose layers see no further back than `WINDOW` positions."""
    return write_random(tmp_path_factory.mktemp("models") / "windowed.gguf", "cohere2", window=WINDOW)


@pytest.fixture(scope="module", params=["tiny_gguf", "windowed_gguf"])
def opened(request: pytest.FixtureRequest) -> Iterator[LlamaModel]:
    """Open a tiny model once for all: one whose layers see everything, and one with sliding windows."""
    model = LlamaModel(request.getfixturevalue(request.param), OPTIONS)
    yield model
    model.close()


@pytest.fixture
def model(opened: LlamaModel) -> LlamaModel:
    """Return the tiny model with an empty memory."""
    for sequence in range(opened.num_sequences):
        opened.remove(sequence, 0, -1)
    return opened


def some_tokens(seed: int, length: int) -> list[int]:
    """Return random bytes as tokens."""
    return Random(seed).choices(range(256), k=length)


def evaluate(model: LlamaModel, sequence: int, tokens: list[int], start: int = 0) -> Logits:
    """Evaluate tokens from a position on and return the logits after the last."""
    last = len(tokens) - 1
    for chunk in range(0, len(tokens), model.max_rows):
        rows = [
            Row(token=token, position=start + i, sequences=(sequence,), wants_logits=i == last)
            for i, token in enumerate(tokens[chunk : chunk + model.max_rows], chunk)
        ]
        logits = model.decode(rows)
    assert logits is not None
    copied: Logits = logits[0].copy()  # the array is llama.cpp's own and changes with the next call
    return copied


@pytest.mark.parametrize("fork_at", [1, 57, 90, 99])
def test_a_fork_has_the_logits_of_a_fresh_evaluation(model: LlamaModel, fork_at: int) -> None:
    """A sequence forked whole or in the middle goes on as if it had been evaluated from the start (≤ `CLOSE`)."""
    stem, rest = some_tokens(1, 100), some_tokens(2, 30)
    evaluate(model, 0, stem)

    model.copy(0, 1, 0, fork_at)
    forked = evaluate(model, 1, rest, start=fork_at)

    fresh = evaluate(model, 2, stem[:fork_at] + rest)
    assert np.abs(forked - fresh).max() <= CLOSE
    assert np.abs(forked - evaluate(model, 3, rest)).max() > 0.1, "the prefix must matter for this to prove anything"


def test_forks_stay_right_with_32_interleaved_requests_and_evictions(model: LlamaModel) -> None:
    """After cells were freed and taken again in every order, 32 forks decoded side by side equal fresh ones (≤ `CLOSE`)."""
    cache = PrefixCache(model, num_sequences=model.num_sequences, num_cells=model.num_cells)
    rng = Random(5)
    stems = [some_tokens(i, 60) for i in range(4)]
    texts = [rng.choice(stems)[: rng.randint(20, 60)] + some_tokens(100 + i, 40) for i in range(32)]
    for i in range(60):  # leave holes: prefixes come, are cut and go
        ids = rng.choice(stems)[: rng.randint(1, 60)] + some_tokens(200 + i, 50)
        opened = cache.open(ids[:-1])
        assert opened is not None
        sequence, length = opened
        assert cache.make_room(len(ids) - length)
        evaluate(model, sequence, ids[length:], start=length)
        cache.extend([sequence], ids[length:])
        cache.release(sequence, rng.choice([None, rng.randint(0, 80)]))

    running: dict[int, list[int]] = {}
    for text in texts:
        opened = cache.open(text)
        assert opened is not None
        running[opened[0]] = text
    last: dict[int, Logits] = {}
    while pending := [s for s in running if cache.length(s) < len(running[s])]:
        assert cache.make_room(len(pending))
        rows = [
            Row(token=running[s][cache.length(s)], position=cache.length(s), sequences=(s,), wants_logits=True)
            for s in pending
        ]
        logits = model.decode(rows)
        assert logits is not None
        for i, (s, row) in enumerate(zip(pending, rows, strict=True)):
            cache.extend([s], [row.token])
            last[s] = logits[i].copy()

    assert cache.evictions > 0
    fresh = LlamaModel(Path(model.info.path or ""), OPTIONS)
    for sequence, text in running.items():
        assert np.abs(last[sequence] - evaluate(fresh, 0, text)).max() <= CLOSE
        fresh.remove(0, 0, -1)
    fresh.close()


@pytest.mark.parametrize("fork_at", [3, 20, 35])
def test_a_window_loses_nothing_that_a_fork_goes_on_from(windowed_gguf: Path, fork_at: int) -> None:
    """What lies behind the window of a chain stays where it is while others come and go, for a branch begins back there.

    Once llama.cpp gave such cells to the next chain, and what was forked there was computed from less than it had seen.
    """
    model = LlamaModel(windowed_gguf, OPTIONS)
    stem = some_tokens(1, 60)
    evaluate(model, 1, some_tokens(2, WINDOW))
    evaluate(model, 0, stem)
    model.remove(1, 0, -1)  # llama.cpp looks for cells from here on
    evaluate(model, 1, some_tokens(3, 40))

    model.copy(0, 2, 0, fork_at)
    forked = evaluate(model, 2, [7], start=fork_at)

    assert np.abs(forked - evaluate(model, 3, [*stem[:fork_at], 7])).max() <= CLOSE
    model.close()


def test_a_text_that_outgrows_its_stream_goes_on_in_a_longer_one(tiny_gguf: Path) -> None:
    """The memory is divided anew under way: every sequence goes on as if it had been evaluated from the start."""
    model = LlamaModel(tiny_gguf, LlamaOptions(cells=1024, max_num_seqs=4, threads=1, gpu_layers=GPU_LAYERS))
    texts = [some_tokens(sequence, 60) for sequence in range(4)]
    for sequence, text in enumerate(texts):
        evaluate(model, sequence, text)
    texts[0] += some_tokens(7, 300)
    evaluate(model, 0, texts[0][60:], start=60)

    rows = [
        Row(token=9, position=len(text), sequences=(sequence,), wants_logits=True)
        for sequence, text in enumerate(texts)
    ]
    found = model.decode(rows)
    assert found is not None
    together = found.copy()

    for row, text in zip(together, texts, strict=True):
        assert np.abs(row - evaluate(model, 9, [*text, 9])).max() <= CLOSE
        model.remove(9, 0, -1)
    model.close()


def test_the_smallest_context_opens_with_fewer_places(windowed_gguf: Path) -> None:
    """Where nobody asks for so many requests at once, there are as many as there are sequences for."""
    engine = open_engine(windowed_gguf, LlamaOptions(cells=16, threads=1))

    assert 0 < engine.max_num_seqs < defaults.MAX_NUM_SEQS
    finished(engine.close())


def test_one_row_serves_several_sequences(model: LlamaModel) -> None:
    """A token evaluated once for three sequences is in the memory of all three, and they go their own ways afterwards."""
    stem = some_tokens(1, 20)
    evaluate(model, 0, stem)
    for sequence in (1, 2):
        model.copy(0, sequence, 0, 20)

    model.decode([Row(token=65, position=20, sequences=(0, 1, 2), wants_logits=True)])
    apart = model.decode([Row(token=66 + s, position=21, sequences=(s,), wants_logits=True) for s in (0, 1, 2)])

    assert apart is not None
    together = apart.copy()
    for s in (0, 1, 2):
        assert np.abs(together[s] - evaluate(model, 10 + s, [*stem, 65, 66 + s])).max() <= CLOSE


@pytest.mark.parametrize("length", [20, 300])
@pytest.mark.parametrize("type_name", ["f16", "q8_0"])
def test_a_token_alone_equals_the_same_token_in_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_name: str, length: int
) -> None:
    """How many others are decoded in a call changes no bit of the logits, so a request's tokens do not depend on them.

    Neither for a small model nor for one that counts as large, on two threads. One row of F16 weights goes through another
    kernel than several; with flash attention, threads share the cells of one row above 256 of them.
    """
    monkeypatch.setattr(defaults, "SMALL_MODEL", 0)
    random_gguf = load_script("random_gguf")
    path = tmp_path / f"{type_name}.gguf"
    random_gguf.write(path, random_gguf.SHAPES["tiny"], type_name, scale=0.2)
    model = LlamaModel(path, LlamaOptions(cells=4096, threads=2, gpu_layers=GPU_LAYERS))
    for seed in range(4):
        stem = some_tokens(seed, length)
        evaluate(model, 0, stem[:-1])
        alone = evaluate(model, 0, stem[-1:], start=length - 1)
        for width in (1, 2, 5):
            for sequence in range(1, width + 1):
                model.copy(0, sequence, 0, length - 1)
            rows = [
                Row(token=stem[-1], position=length - 1, sequences=(s,), wants_logits=True) for s in range(1, width + 1)
            ]
            logits = model.decode(rows)
            assert logits is not None
            assert np.array_equal(logits, np.stack([alone] * width))
            for sequence in range(1, width + 1):
                model.remove(sequence, 0, -1)
        model.remove(0, 0, -1)
    model.close()


@pytest.fixture
def tiled(windowed_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LlamaModel]:
    """Open a model with windows as a large one on a CPU, and as one whose weights cost nothing beside the attention."""
    monkeypatch.setattr(defaults, "SMALL_MODEL", 0)
    monkeypatch.setattr(tiles, "row_cost", lambda *_: 0.0)
    model = LlamaModel(windowed_gguf, OPTIONS)
    yield model
    model.close()


def prompt_and_singles(stem: list[int], *, last: int = 52) -> list[Row]:
    """Return a token for each of three sequences, and between them a prompt of 62 for a fourth."""
    tokens = enumerate((50, 51, last))
    singles = [Row(token=token, position=len(stem), sequences=(s,), wants_logits=True) for s, token in tokens]
    prompt = [Row(token=i, position=i, sequences=(3,), wants_logits=i == 61) for i in range(62)]
    return [*singles[:2], *prompt, singles[2]]


def test_rows_that_are_evaluated_apart_come_back_in_their_order(tiled: LlamaModel) -> None:
    """Where a call is divided and filled up, each row has the logits of its own tokens, and no filler stays."""
    stem = some_tokens(1, 40)
    for sequence in range(3):
        evaluate(tiled, sequence, stem)
    rows = prompt_and_singles(stem)
    assert len(tiles.divide(rows, 0.0)) == 2

    logits = tiled.decode(rows)
    assert logits is not None
    found = logits.copy()
    evaluate(tiled, 9, some_tokens(2, tiled.num_cells - 3 * 41 - 62))  # there is room for all that is left

    texts = [[*stem, 50], [*stem, 51], list(range(62)), [*stem, 52]]
    tiled.remove(9, 0, -1)
    for row, text in zip(found, texts, strict=True):
        assert np.abs(row - evaluate(tiled, 9, text)).max() <= 1e-2
        tiled.remove(9, 0, -1)


def test_rows_that_complete_a_block_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen rows of four-bit weights have the logits that each has alone, tick after tick."""
    monkeypatch.setattr(defaults, "SMALL_MODEL", 0)
    random_gguf = load_script("random_gguf")
    path = tmp_path / "q4_0.gguf"
    random_gguf.write(path, random_gguf.SHAPES["tiny"], "q4_0", scale=0.2)
    model = LlamaModel(path, OPTIONS)
    texts = [some_tokens(seed, 4) for seed in range(15)]
    for step in range(4):
        rows = [Row(token=t[step], position=step, sequences=(s,), wants_logits=True) for s, t in enumerate(texts)]
        logits = model.decode(rows)
        assert logits is not None
        together = logits.copy()
    for row, text in zip(together, texts, strict=True):
        assert np.abs(row - evaluate(model, 20, text)).max() <= 1e-2
        model.remove(20, 0, -1)
    model.close()


def test_of_a_batch_that_is_refused_in_part_nothing_stays(tiled: LlamaModel) -> None:
    """When one of its calls is refused, what the others evaluated is taken back."""
    stem = some_tokens(1, 40)
    for sequence in range(3):
        evaluate(tiled, sequence, stem)

    with pytest.raises(DecodeError, match="refused a batch of 3 tokens"):  # after the prompt
        tiled.decode(prompt_and_singles(stem, last=10**6))

    again = tiled.decode(prompt_and_singles(stem))
    assert again is not None
    assert np.isfinite(again).all()


def test_a_chunk_without_logits_gives_none(model: LlamaModel) -> None:
    """The first part of a long prompt brings no logits, also in the very first call."""
    logits = model.decode([Row(token=1, position=i, sequences=(0,), wants_logits=False) for i in range(5)])

    assert logits is not None
    assert logits.shape == (0, model.info.num_vocab)


def test_a_refused_batch_leaves_nothing_behind(model: LlamaModel) -> None:
    """When llama.cpp refuses a batch, the error says so and the sequences are as they were."""
    stem = some_tokens(1, 10)
    evaluate(model, 0, stem)

    with pytest.raises(DecodeError, match=r"refused a batch of 2 tokens \(status -1\)"):
        model.decode(
            [
                Row(token=5, position=10, sequences=(0,), wants_logits=True),
                Row(token=10**6, position=11, sequences=(0,), wants_logits=True),
            ]
        )

    assert np.abs(evaluate(model, 0, [7], start=10) - evaluate(model, 1, [*stem, 7])).max() <= CLOSE


def test_the_memory_holds_as_many_tokens_as_it_says(model: LlamaModel) -> None:
    """The last cell can be used, also by a row alone, and one more is an error, not a crash."""
    assert model.num_cells == 2048
    evaluate(model, 0, some_tokens(1, model.num_cells - 1))
    evaluate(model, 0, [5], start=model.num_cells - 1)

    with pytest.raises(DecodeError, match="status 1"):
        evaluate(model, 0, some_tokens(2, 500), start=model.num_cells)  # llama.cpp rounds up to 256 cells, no further


def test_a_long_prompt_can_be_interrupted(tiny_gguf: Path) -> None:
    """An interrupt from another thread ends the call early, and nothing of it stays in the memory."""
    model = LlamaModel(tiny_gguf, LlamaOptions(cells=4096, threads=1, batch=4000))
    prompt = some_tokens(1, 3900)
    rows = [Row(token=t, position=i, sequences=(0,), wants_logits=i == 3899) for i, t in enumerate(prompt)]
    done = threading.Event()

    def interrupt_until_done() -> None:
        while not done.wait(0.002):
            model.interrupt()

    thread = threading.Thread(target=interrupt_until_done)
    thread.start()
    outcome = model.decode(rows)
    done.set()
    thread.join()

    assert outcome is None
    small = prompt[:50]
    assert np.abs(evaluate(model, 0, small) - evaluate(model, 1, small)).max() <= CLOSE
    model.close()


def test_an_interrupt_between_calls_does_not_stop_the_next(model: LlamaModel) -> None:
    """A cancel that comes too late must not hit somebody else's request."""
    model.interrupt()

    assert model.decode([Row(token=1, position=0, sequences=(0,), wants_logits=True)]) is not None


def rewrite(source: Path, target: Path, *, without: str) -> None:
    """Copy a GGUF file without one of its keys."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "qwen2")
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in {without, "general.architecture"}:
            continue
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(field.name, field.contents())
        else:
            writer.add_key_value(field.name, field.contents(), field.types[0])
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_model_without_a_chat_template_loads_and_has_none(tiny_gguf: Path, tmp_path: Path) -> None:
    """Whether a template is needed is the caller's business; the engine says that there is none."""
    path = tmp_path / "bare.gguf"
    rewrite(tiny_gguf, path, without="tokenizer.chat_template")

    model = LlamaModel(path, OPTIONS)

    assert model.info.chat_template is None
    model.close()


def truncated(source: Path, target: Path) -> None:
    """Write the first half of a model."""
    target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])


def cut_in_the_header(source: Path, target: Path) -> None:
    """Write the first kilobyte of a model."""
    target.write_bytes(source.read_bytes()[:1000])


def no_gguf(_source: Path, target: Path) -> None:
    """Write something else."""
    target.write_text("<html>404</html>" * 100)


def empty(_source: Path, target: Path) -> None:
    """Write nothing."""
    target.touch()


def without_vocabulary(source: Path, target: Path) -> None:
    """Write a model that lacks its tokens."""
    rewrite(source, target, without="tokenizer.ggml.tokens")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncated, "not within the file bounds|corrupted or incomplete"),
        (cut_in_the_header, "failed to read"),
        (no_gguf, "magic"),
        (empty, "failed|magic"),
        (without_vocabulary, "tokenizer|vocab"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_clear_error(
    tiny_gguf: Path, tmp_path: Path, damage: Callable[[Path, Path], None], reason: str
) -> None:
    """The message is one line with llama.cpp's own reason, the hint names the next command."""
    path = tmp_path / "model.gguf"
    damage(tiny_gguf, path)

    with pytest.raises(EngineError, match=reason) as caught:
        open_engine(path, OPTIONS)

    assert caught.value.message.startswith("llama.cpp cannot load model.gguf: ")
    assert "\n" not in caught.value.message
    assert "marco models" in (caught.value.hint or "")


def test_a_missing_file_is_an_error_too(tmp_path: Path) -> None:
    """The engine does not crash on a path that is not there."""
    with pytest.raises(EngineError, match=r"cannot load absent\.gguf"):
        open_engine(tmp_path / "absent.gguf", OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_num_seqs": 1000}, "--parallel 1000 is more than"),
        ({"cells": 3}, "ctx is 3"),
        ({"threads": 0}, "threads is 0"),
        ({"gpu_layers": -2}, "gpu_layers is -2"),
        ({"batch": 1}, "batch is 1"),
    ],
)
def test_impossible_options_are_refused(tiny_gguf: Path, options: dict[str, int], message: str) -> None:
    """A size that cannot work is a configuration error with the name of its flag."""
    with pytest.raises(ConfigError, match=message):
        open_engine(tiny_gguf, LlamaOptions(**options))


def test_a_model_that_reads_a_text_as_a_whole_is_refused(tmp_path: Path) -> None:
    """A diffusion model, as one that makes embeddings, has no KV memory: what it decoded would be nonsense."""
    path = write_random(tmp_path / "diffusion.gguf", "llada")

    with pytest.raises(EngineError, match=r"diffusion\.gguf is not a text generator"):
        open_engine(path, OPTIONS)


@pytest.mark.parametrize(("gpu_layers", "is_named"), [(0, False), (-1, True), (20, True)])
def test_what_cannot_be_loaded_onto_a_gpu_may_be_too_large_for_it(
    tmp_path: Path, gpu_layers: int, is_named: bool
) -> None:
    """With layers on a GPU the hint names the flag that keeps some off it; without, the file is what is left."""
    with pytest.raises(EngineError) as caught:
        Weights(tmp_path / "large.gguf", gpu_layers=gpu_layers)

    assert ("--gpu-layers" in (caught.value.hint or "")) == is_named
    assert "marco models verify" in (caught.value.hint or "")


def test_layers_for_a_gpu_that_is_not_there_change_nothing(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where llama.cpp has no GPU, `--gpu-layers all` is what `--gpu-layers 0` is, and said to be that."""
    monkeypatch.setattr(llama_library, "can_offload", lambda: False)

    wanted, plain = (LlamaModel(tiny_gguf, LlamaOptions(gpu_layers=layers, threads=1)) for layers in (-1, 0))

    assert wanted.info.settings == plain.info.settings
    assert dict(wanted.info.settings)["gpu layers"] == "0"
    assert isinstance(wanted.memory, Streams)
    wanted.close()
    plain.close()


@pytest.mark.parametrize(("gpu_layers", "share"), [(-1, 1), (0, 0), (1, 0), (2, 0.5), (3, 1), (99, 1)])
def test_the_output_is_the_first_that_goes_to_a_gpu(tiny_gguf: Path, gpu_layers: int, share: float) -> None:
    """Of two layers and the output, llama.cpp puts the output on the GPU first, then the layers from the last one on."""
    weights = Weights(tiny_gguf, gpu_layers=gpu_layers)

    assert weights.gpu_share == share
    weights.close()


def test_more_cells_than_the_model_was_trained_on_are_for_several_requests(tiny_gguf: Path) -> None:
    """The memory is as large as asked for, one request as long as the model can read."""
    engine = open_engine(tiny_gguf, LlamaOptions(cells=8192, threads=1))

    assert dict(engine.info.settings)["context"] == "8192 cells"
    assert engine.context_size == 4096
    finished(engine.close())


def test_loading_writes_nothing_and_leaves_stdout_and_stderr_alone(tiny_gguf: Path) -> None:
    """llama.cpp's chatter goes to the ring buffer; descriptors 1 and 2 are the same files afterwards."""
    script = f"""
import asyncio, os
before = [os.fstat(fd)[:2] for fd in (1, 2)]
from pathlib import Path
from marco_cli.engine.base import Request
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
engine = open_engine(Path({str(tiny_gguf)!r}), LlamaOptions(cells=256, threads=1))
asyncio.run(engine.generate(Request(prompt_ids=(1, 2), max_tokens=2)))
asyncio.run(engine.close())
assert [os.fstat(fd)[:2] for fd in (1, 2)] == before
os.write(1, b"out")
os.write(2, b"err")
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=dict(os.environ))

    assert (done.stdout, done.stderr) == (b"out", b"err")


def resident_kilobytes() -> int:
    """Return the memory that this process holds."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    pytest.skip("this system does not say how much memory a process holds")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_opening_and_closing_200_times_does_not_grow(tiny_gguf: Path) -> None:
    """Everything that llama.cpp allocated is freed: after warming up, 200 cycles with a completion add under 3 MB."""

    async def cycle() -> None:
        engine = open_engine(tiny_gguf, LlamaOptions(cells=512, threads=1))
        await engine.generate(Request(prompt_ids=(1, 2, 3), max_tokens=3))
        await engine.close()

    async def cycles(count: int) -> int:
        for _ in range(count):
            await cycle()
        gc.collect()
        return resident_kilobytes()

    async def main() -> int:
        warm = await cycles(40)
        return await cycles(200) - warm

    assert finished(main()) < 3_000


def test_a_small_model_runs_on_one_thread(tiny_gguf: Path) -> None:
    """Below the threshold one thread is the default; above it the physical cores; a flag overrides both."""
    default = LlamaModel(tiny_gguf, LlamaOptions(cells=256))
    asked = LlamaModel(tiny_gguf, LlamaOptions(cells=256, threads=2))

    assert (default.num_threads, asked.num_threads) == (1, 2)
    assert dict(default.info.settings)["threads"] == "1"
    assert defaults.num_threads(defaults.SMALL_MODEL) >= 1
    default.close()
    asked.close()


def test_the_context_follows_the_model_and_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default as many cells as all requests at once could use, fewer on a small machine, never so few that nothing fits."""
    for memory, cell_bytes, expected in (
        (None, 1000, 16 * 512),
        (10**12, 1000, 16 * 512),
        (10**7, 1000, 4000),
        (10**6, 10**6, 512),
    ):
        monkeypatch.setattr(defaults, "available_memory", lambda memory=memory: memory)
        assert defaults.num_cells(512, cell_bytes) == expected
    assert defaults.num_cells(10**6, 1) <= defaults.MAX_CELLS


@pytest.mark.parametrize(
    ("gpu_share", "gpu_memory", "expected"),
    [
        (1.0, 4 * 10**9, 3200),
        (1.0, 10**12, 16_384),
        (0.5, 2 * 10**9, 3200),
        (0.5, 10**12, 12_800),
        (0.0, 10**6, 6400),
        (1.0, None, 6400),
    ],
)
def test_cells_fit_where_their_layers_lie(
    monkeypatch: pytest.MonkeyPatch, gpu_share: float, gpu_memory: int | None, expected: int
) -> None:
    """The keys and values of layers on a GPU take its memory, those of the others the machine's, and both must do."""
    monkeypatch.setattr(defaults, "available_memory", lambda: 8 * 10**9)

    assert defaults.num_cells(4096, 500_000, gpu_share=gpu_share, gpu_memory=gpu_memory) == expected


def test_bundled_model_samples_the_same_alone_and_in_company(nano_gguf: Path) -> None:
    """On real weights in F16 a request's tokens are its own, whatever else is decoded with it."""
    engine = open_engine(nano_gguf, LlamaOptions(cells=2048, threads=1))
    prompt = engine.tokenize("<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n<|im_start|>assistant\n", special=True)
    requests = [
        Request(prompt_ids=prompt, max_tokens=40, seed=seed, sampling=SamplingParams(temperature=0.9))
        for seed in range(6)
    ]

    async def main() -> tuple[list[list[int]], list[list[int]]]:
        together = await asyncio.gather(*(engine.generate(request) for request in requests))
        alone = [await engine.generate(request) for request in requests]
        await engine.close()
        return [c.tokens.ids.tolist() for c in together], [c.tokens.ids.tolist() for c in alone]

    together, alone = finished(main())

    assert together == alone

"""Heads: hidden states of llama.cpp, read by layers of our own; and the files that hold them."""

import asyncio
import io
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import pytest
from conftest import CLOSE, GPU_LAYERS
from gguf.constants import GGUFValueType
from numpy.typing import NDArray
from small_gguf import rewrite, texts, write_random

from marco_cli.assessors import examiner
from marco_cli.engine.base import HEAD_PROBES, Engine, Request
from marco_cli.engine.head import Head, Layer, head_path, read_head, write_head
from marco_cli.engine.llama_weights import Weights
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.errors import ConfigError, EngineError
from marco_cli.reward.process.model import ProcessModel

WIDTH = 64
OPTIONS = LlamaOptions(cells=2048, threads=1, gpu_layers=GPU_LAYERS)
QUESTION = "What is 2 + 2?"
STEPS = ("2 + 2 = 4.", "Twice 4\nis 9.", "The answer is 9.")
Floats = NDArray[np.float32]


def random_head(*sizes: int, seed: int = 0) -> Head:
    """Return a head of random layers between these sizes."""
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> Floats:
        return rng.standard_normal(shape, dtype=np.float32) / np.float32(8)

    return Head(layers=tuple(Layer(weight=some(b, a), bias=some(b)) for a, b in itertools.pairwise(sizes)))


HEADS = {"qwen-math-prm": random_head(WIDTH, WIDTH, 2), "skywork": random_head(WIDTH, 1)}


@pytest.fixture(scope="module")
def marked_gguf(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny model with the mark of Qwen2.5-Math-PRM among its control tokens."""
    target = tmp_path_factory.mktemp("models") / "marked.gguf"
    fields = gguf.GGUFReader(tiny_gguf).fields
    pieces, kinds = (list(fields[f"tokenizer.ggml.{key}"].contents()) for key in ("tokens", "token_type"))
    at = pieces.index("filler0")
    pieces[at], kinds[at] = "<extra_0>", int(gguf.TokenType.CONTROL)
    changes = {
        "tokenizer.ggml.tokens": texts(pieces),
        "tokenizer.ggml.token_type": (kinds, GGUFValueType.ARRAY, GGUFValueType.INT32),
    }
    return rewrite(tiny_gguf, target, changes)


def hidden_state(path: Path, ids: Sequence[int]) -> Floats:
    """Return the hidden state [h] at the last of some tokens, from one plain call of llama.cpp."""
    weights = Weights(path, gpu_layers=GPU_LAYERS)
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 512
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.embeddings, params.pooling_type = True, llama_cpp.LLAMA_POOLING_TYPE_NONE
    context = llama_cpp.llama_init_from_model(weights.pointer, params)
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for at, token in enumerate(ids):
        batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.seq_id[at][0], batch.logits[at] = token, at, 1, 0, 1
    assert llama_cpp.llama_decode(context, batch) == 0
    found = np.array(llama_cpp.llama_get_embeddings_ith(context, -1)[:WIDTH], dtype=np.float32)
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    weights.close()
    return found


def shown(engine: Engine, form: str, count: int) -> tuple[int, ...]:
    """Return the ids of the model card for the first steps, put together by hand."""
    if form == "skywork":
        lines = [line for step in STEPS[:count] for line in step.split("\n")]
        begin = engine.tokenize(engine.info.bos_text, special=True)
        return (*begin, *engine.tokenize(f"{QUESTION}\n"), *(t for line in lines for t in engine.tokenize(f"{line}\n")))
    system = "Please reason step by step, and put your final answer within \\boxed{}."
    said = "".join(f"{step}<extra_0>" for step in STEPS[:count])
    dialogue = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    )
    return engine.tokenize(dialogue + said, special=True)


def reference(head: Head, hidden: Floats) -> float:
    """Return P(good) as the model cards compute it."""
    values = hidden.astype(np.float64)
    for layer in head.layers[:-1]:
        values = np.maximum(layer.weight.astype(np.float64) @ values + layer.bias, 0)
    values = head.layers[-1].weight.astype(np.float64) @ values + head.layers[-1].bias
    if len(values) == 1:
        return float(1 / (1 + np.exp(-values[0])))
    return float(np.exp(values[1]) / np.exp(values).sum())


@pytest.mark.weights
@pytest.mark.parametrize("form", HEADS)
def test_a_score_is_that_of_the_card_on_llamacpps_own_hidden_states(marked_gguf: Path, form: str) -> None:
    """Whether steps are asked about one after the other or all together, and each costs its own tokens."""
    head = HEADS[form]

    async def work() -> tuple[list[list[float]], list[float], int]:
        engine = open_engine(marked_gguf, OPTIONS, head=head)
        model = ProcessModel(examiner(engine), form=form)
        ids = [shown(engine, form, count) for count in range(1, len(STEPS) + 1)]
        beginnings = [STEPS[:count] for count in range(1, len(STEPS) + 1)]
        one_by_one = [await model.score(QUESTION, steps) for steps in beginnings]
        num_new = engine.usage.prefilled - len(ids[-1])
        await engine.reset_cache(())
        together = await asyncio.gather(*(model.score(QUESTION, steps) for steps in beginnings))
        await engine.close()
        found = [[score.value for score in scores if score is not None] for scores in (one_by_one, together)]
        return found, [reference(head, hidden_state(marked_gguf, each)) for each in ids], num_new

    found, expected, num_new = asyncio.run(work())

    assert num_new <= len(STEPS)
    assert len({round(value, 3) for value in expected}) == len(STEPS), "the reference tells the steps apart"
    for scores in found:
        assert scores == pytest.approx(expected, abs=CLOSE)


@pytest.mark.weights
def test_a_head_of_another_model_is_refused(tiny_gguf: Path) -> None:
    """One line, before anything is computed."""
    with pytest.raises(EngineError, match="reads hidden states of 32 numbers, and the model has 64"):
        open_engine(tiny_gguf, OPTIONS, head=random_head(32, 2))


@pytest.mark.weights
def test_a_vocabulary_without_the_mark_is_told(tiny_gguf: Path) -> None:
    """Instead of a verdict about some other token."""

    async def work() -> None:
        engine = open_engine(tiny_gguf, OPTIONS, head=HEADS["qwen-math-prm"])
        try:
            await ProcessModel(examiner(engine), form="qwen-math-prm").score(QUESTION, STEPS)
        finally:
            await engine.close()

    with pytest.raises(ConfigError, match="has no token '<extra_0>'"):
        asyncio.run(work())


@pytest.fixture(params=["streams", "one memory"])
def shaped_gguf(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a model of each kind of KV memory: sliding windows share one."""
    if request.param == "one memory":
        return write_random(tmp_path / "windowed.gguf", "cohere2", window=8)
    path: Path = request.getfixturevalue("tiny_gguf")
    return path


@pytest.mark.weights
def test_long_prompts_and_many_forks_change_no_verdict(shaped_gguf: Path) -> None:
    """A prompt of several calls, and verdicts on branches of it side by side, are those of each prompt alone."""
    stem, head = [7 * at % 256 for at in range(300)], HEADS["skywork"]
    prompts = [(*stem, *range(branch, branch + 5 * branch + 1)) for branch in range(6)]

    async def work(*, is_alone: bool) -> list[float]:
        engine = open_engine(shaped_gguf, OPTIONS, head=head)
        odds = []
        requests = [Request(prompt_ids=ids, max_tokens=0, probe_ids=HEAD_PROBES) for ids in prompts]
        if is_alone:
            done = []
            for request in requests:
                await engine.reset_cache(())
                done.append(await engine.generate(request))
        else:
            done = await asyncio.gather(*map(engine.generate, requests))
        for completion in done:
            good, bad = completion.probe_logprobs
            odds.append(good - bad)
        await engine.close()
        return odds

    alone = asyncio.run(work(is_alone=True))

    assert len({round(value, 3) for value in alone}) == len(prompts), "the verdicts are told apart"
    assert asyncio.run(work(is_alone=False)) == pytest.approx(alone, abs=CLOSE)


@pytest.mark.parametrize("form", HEADS)
def test_a_head_is_the_same_after_writing_and_reading(form: str, tmp_path: Path) -> None:
    """To the bit, beside the model."""
    path = head_path(tmp_path / "prm.Q4_K_M.gguf")
    write_head(HEADS[form], path)
    hidden = np.random.default_rng(1).standard_normal((3, WIDTH), dtype=np.float32)

    assert path.name == "prm.Q4_K_M.head.npz"
    np.testing.assert_array_equal(read_head(path).logits(hidden), HEADS[form].logits(hidden))


def archive(**arrays: object) -> bytes:
    """Return what numpy writes of arrays."""
    data = io.BytesIO()
    np.savez(data, **arrays)  # type: ignore[arg-type]
    return data.getvalue()


def lying() -> bytes:
    """Return an archive whose array says that it has more values than the file has bytes."""
    data, entry = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(entry, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50, 4)})
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("weight_0.npy", entry.getvalue() + bytes(16))
        file.writestr("bias_0.npy", entry.getvalue())
    return data.getvalue()


def layers(*pairs: tuple[object, object]) -> bytes:
    """Return an archive of weights and biases."""
    return archive(
        **{
            f"{kind}_{at}": value
            for at, pair in enumerate(pairs)
            for kind, value in zip(("weight", "bias"), pair, strict=True)
        }
    )


def ones(*shape: int) -> Floats:
    """Return 32-bit ones."""
    return np.ones(shape, dtype=np.float32)


HEADERS = (
    "", "{", "(((", "[" * 3000, "-" * 5000 + "1", "'", '"""', "\\", "  x\n y", "\xff", "{'descr': '<f4'}", "None",
    *(
        f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"
        for kind, shape in (
            ("'<f4'", "(-1, -8)"), ("'<f4'", "(True, 8)"), ("'<f4'", "(2.0, 4)"), ("'<f4'", "(2, 4"), ("'<f4'", "8"), ("'zz'", "(2, 4)"),
            ("'|O'", "(2, 4)"), ("[('a', '<f4')]", "(2, 4)"), ("('<f4', (2,))", "(2, 2)"), ("'<f4'", "(10**9,)"), ("3", "(2, 4)"),
        )
    ),
)  # fmt: skip


def told(header: str) -> bytes:
    """Return a head file whose first array has such a header before its 32 bytes."""
    data = header.encode("latin-1")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as entries:
        entries.writestr("weight_0.npy", b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + bytes(32))
        entries.writestr("bias_0.npy", b"")
    return file.getvalue()


GOOD = layers((ones(2, 4), ones(2)))
DAMAGED = {
    "nothing": b"",
    "another file": b"GGUF" * 100,
    "half of it": GOOD[: len(GOOD) // 2],
    "a flipped byte": GOOD[:150] + bytes([GOOD[150] ^ 255]) + GOOD[151:],
    "no arrays": archive(),
    "other names": archive(weights=ones(2, 4)),
    "a name without measure": archive(**{"w" * 5000: ones(1)}),
    "no bias": archive(weight_0=ones(2, 4)),
    "a layer too many": layers(*[(ones(2, 2), ones(2))] * 3),
    "layers that do not fit": layers((ones(3, 4), ones(3)), (ones(2, 4), ones(2))),
    "three labels": layers((ones(3, 4), ones(3))),
    "no label": layers((ones(0, 4), ones(0))),
    "a number for a matrix": layers((np.float32(1), np.float32(1))),
    "a bias that is too long": layers((ones(2, 4), ones(3))),
    "64-bit floats": layers((np.ones((2, 4)), np.ones(2))),
    "a pickle": layers((np.array([{}], dtype=object), ones(2))),
    "by columns": layers((np.asfortranarray(np.arange(8, dtype=np.float32).reshape(2, 4)), ones(2))),
    "not a number": layers((np.full((2, 4), np.nan, dtype=np.float32), ones(2))),
    "sizes that are not there": lying(),
    **{f"the header {header[:60]}": told(header) for header in HEADERS},
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_head_is_one_line(what: str, tmp_path: Path) -> None:
    """With the remedy; nothing is allocated that is not there, and no code is run."""
    path = tmp_path / "m.head.npz"
    path.write_bytes(DAMAGED[what])

    with pytest.raises(EngineError, match=r"m\.head\.npz is not a usable head: .") as caught:
        read_head(path)

    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300
    assert "marco models head" in (caught.value.hint or "")


def test_a_head_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Not a trace of the stack."""
    with pytest.raises(EngineError, match="No such file"):
        read_head(tmp_path / "m.head.npz")

"""How much the engine costs on top of llama.cpp: tokens per second at several batch widths, side by side in one run.

    python benchmarks/engine_speed.py --dir ~/.cache/marco-benchmarks
    python benchmarks/engine_speed.py --dir DIR --shape tiny --tokens 32 --repeats 1     # a few seconds
    python benchmarks/engine_speed.py --dir DIR --context 32 400 1000 4000 --json speed.jsonl  # long contexts; resumable

Up to six ways to decode the same number of tokens from prompts of the same length, on a random-weight GGUF that is written
on first use:

    bare         llama_decode in a loop over the C API: no sampling, no scores, the same tokens every time
    greedy       the engine at temperature 0, with log-probabilities, top five, confidence and entropy of every token
    sampled      the engine at temperature 0.8, top-k 40, with the same scores
    high-level   Llama.create_completion(logprobs=5), one request after another (it has no batch)
    llama.cpp    llama-batched-bench, with --batched-bench PATH: llama.cpp's own program with its own defaults

Only decoding is timed: the engine finds the prompts in its prefix cache, the bare loop has evaluated them before. The
ways take turns within a repeat; figures are medians over the repeats, ratios the medians of those within each repeat, so
that a machine that is slower for a while is slower for both. The table is printed, and the JSON written, after each repeat. `inside` is the share of the engine's wall time that is spent in llama_decode. `prefill` reads one
prompt of 512 tokens, by the engine and by llama-batched-bench.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TypeVar

import context_speed  # type: ignore[import-not-found]  # beside this script
import llama_cpp as llama
import numpy as np
import random_gguf  # type: ignore[import-not-found]  # beside this script

from marco_cli.engine.base import GREEDY, Request, SamplingParams
from marco_cli.engine.hardware import physical_cores
from marco_cli.engine.llamacpp import LlamaOptions, open_engine

WARM = SamplingParams(temperature=0.8, top_k=40)
LONG_PROMPT = 512
BATCH = 256
WAYS = ("bare", "greedy", "sampled", "high-level", "prefill", "llama.cpp")

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured."""

    path: Path
    threads: int
    num_tokens: int
    """Decoded by each request."""
    cells: int
    batched_bench: str | None
    """The program, where there is one."""
    prompt: int = 64
    """Tokens in front of what is decoded."""
    flash: bool | None = None
    """Whether the bare loop uses flash attention; None is what the engine does."""
    ways: tuple[str, ...] = WAYS
    """What is measured."""
    gpu_layers: int = 0
    """-1 = all."""

    def prompts(self, width: int) -> list[tuple[int, ...]]:
        """Return a prompt of its own for each request, made of bytes."""
        return [tuple(Random(i).choices(range(256), k=self.prompt)) for i in range(width)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: medians over the repeats."""

    way: str
    width: int
    tokens_per_second: float
    least: float
    most: float
    """Of the tokens per second of single repeats."""
    relative_to_bare: float | None
    relative_to_llama: float | None
    inside: float | None
    """Share of the wall time in llama_decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement."""

    tokens_per_second: float
    inside: float | None = None


def alone(measure: Callable[..., S], *arguments: object) -> S:
    """Measure in a process of its own.

    As soon as more than one thread of a process has called llama.cpp, OpenMP (libgomp) counts more helpers than cores and
    lets them sleep at barriers: whatever is measured second would be a third slower.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, *arguments).result()


@contextmanager
def bare_context(setting: Setting, width: int) -> Iterator[object]:
    """Open model and context over the C API, as the engine sets them up."""
    silent = llama.llama_log_callback(lambda _level, _text, _data: None)
    llama.llama_log_set(silent, None)
    llama.llama_backend_init()
    model_params = llama.llama_model_default_params()
    model_params.n_gpu_layers = setting.gpu_layers
    model = llama.llama_model_load_from_file(str(setting.path).encode(), model_params)
    params = llama.llama_context_default_params()
    params.n_ctx = setting.cells
    params.n_batch = params.n_ubatch = BATCH
    params.n_seq_max = width
    params.n_threads = params.n_threads_batch = setting.threads
    params.kv_unified = setting.gpu_layers != 0
    params.n_ctx = setting.cells if params.kv_unified else width * -(-setting.cells // (width * 256)) * 256
    params.no_perf = True
    if setting.flash is False or (setting.flash is None and not params.kv_unified):
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    elif setting.flash:
        params.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
    context = llama.llama_init_from_model(model, params)
    try:
        yield context
    finally:
        llama.llama_free(context)
        llama.llama_model_free(model)


def decode_rows(
    context: object, batch: llama.llama_batch, rows: Sequence[tuple[int, int, int]], *, logits: bool
) -> None:
    """Evaluate (token, position, sequence) rows."""
    batch.n_tokens = len(rows)
    for i, (token, position, sequence) in enumerate(rows):
        batch.token[i] = token
        batch.pos[i] = position  # type: ignore[call-overload]  # declared as an array of arrays
        batch.logits[i] = logits
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
    status = llama.llama_decode(context, batch)
    if status:
        raise SystemExit(f"llama_decode: status {status}")


def measure_bare(setting: Setting, width: int) -> Sample:
    """Time a loop that does nothing but decode."""
    with bare_context(setting, width) as context:
        batch = llama.llama_batch_init(BATCH, 0, 1)
        for sequence, prompt in enumerate(setting.prompts(width)):
            rows = [(t, i, sequence) for i, t in enumerate(prompt)]
            for start in range(0, len(rows), BATCH):
                decode_rows(context, batch, rows[start : start + BATCH], logits=False)
        started = time.perf_counter()
        for step in range(setting.num_tokens):
            decode_rows(context, batch, [(65 + s % 26, setting.prompt + step, s) for s in range(width)], logits=True)
            llama.llama_get_logits(context)
        seconds = time.perf_counter() - started
        llama.llama_batch_free(batch)
    return Sample(tokens_per_second=width * setting.num_tokens / seconds)


def measure_engine(setting: Setting, width: int, sampling: SamplingParams) -> Sample:
    """Time the engine on prompts that are in its prefix cache."""

    async def main() -> Sample:
        options = LlamaOptions(
            cells=setting.cells, max_num_seqs=width, threads=setting.threads, gpu_layers=setting.gpu_layers
        )
        engine = open_engine(setting.path, options)
        prompts = setting.prompts(width)
        await asyncio.gather(*(engine.generate(Request(prompt_ids=p, max_tokens=0)) for p in prompts))
        requests = [
            Request(prompt_ids=p, max_tokens=setting.num_tokens, sampling=sampling, seed=i)
            for i, p in enumerate(prompts)
        ]
        before, started = engine.usage, time.perf_counter()
        await asyncio.gather(*(engine.generate(request) for request in requests))
        seconds = time.perf_counter() - started
        used = engine.usage - before
        await engine.close()
        return Sample(tokens_per_second=used.decoded / seconds, inside=used.model_seconds / seconds)

    return asyncio.run(main())


def measure_high_level(setting: Setting) -> Sample:
    """Time llama-cpp-python's own completion with log-probabilities, one request."""
    num_tokens = min(setting.num_tokens, 24)  # a tenth as fast or less: more would only cost time
    model = llama.Llama(
        str(setting.path),
        n_ctx=256,
        n_threads=setting.threads,
        n_threads_batch=setting.threads,
        logits_all=True,
        verbose=False,
    )
    prompt = list(setting.prompts(1)[0])
    model.create_completion(prompt, max_tokens=1, logprobs=5, temperature=0.8, top_k=40)
    started = time.perf_counter()
    result = model.create_completion(prompt, max_tokens=num_tokens, logprobs=5, temperature=0.8, top_k=40, seed=1)
    seconds = time.perf_counter() - started
    if not isinstance(result, dict):
        raise SystemExit("create_completion streamed without being asked")
    count = result["usage"]["completion_tokens"]
    model.close()
    return Sample(tokens_per_second=count / seconds)


def measure_prefill(setting: Setting) -> Sample:
    """Time the engine on one long prompt that it has never seen."""

    async def main() -> Sample:
        options = LlamaOptions(cells=setting.cells, threads=setting.threads, gpu_layers=setting.gpu_layers)
        engine = open_engine(setting.path, options)
        await engine.generate(Request(prompt_ids=(1, 2, 3), max_tokens=1))
        prompt = tuple(Random(99).choices(range(256), k=LONG_PROMPT))
        before, started = engine.usage, time.perf_counter()
        await engine.generate(Request(prompt_ids=prompt, max_tokens=0))
        seconds = time.perf_counter() - started
        used = engine.usage - before
        await engine.close()
        return Sample(tokens_per_second=LONG_PROMPT / seconds, inside=used.model_seconds / seconds)

    return asyncio.run(main())


def run_batched_bench(setting: Setting, *, prompt: int, tokens: int, width: int) -> tuple[Sample, Sample]:
    """Let llama.cpp's own program measure itself; return its prefill and its decoding."""
    command = [
        str(setting.batched_bench),
        "-m",
        str(setting.path),
        "-c",
        str(setting.cells),
        "-t",
        str(setting.threads),
    ]
    shape = ["-npp", str(prompt), "-ntg", str(tokens), "-npl", str(width), "--output-format", "jsonl"]
    done = subprocess.run([*command, *shape], capture_output=True, text=True, check=True)
    row = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return Sample(tokens_per_second=row["speed_pp"]), Sample(tokens_per_second=row["speed_tg"])


Samples = dict[tuple[str, int], list[Sample]]


def measure(setting: Setting, widths: Sequence[int], repeats: int) -> Iterator[list[Figure]]:
    """Take turns, and yield the medians so far after each repeat."""
    samples: Samples = defaultdict(list)
    for repeat in range(repeats):
        for width in widths:
            print(f"repeat {repeat + 1}/{repeats}, {width} at once …", flush=True)
            if "bare" in setting.ways:
                samples["bare", width].append(alone(measure_bare, setting, width))
            if "greedy" in setting.ways:
                samples["greedy", width].append(alone(measure_engine, setting, width, GREEDY))
            if "sampled" in setting.ways:
                samples["sampled", width].append(alone(measure_engine, setting, width, WARM))
            if setting.batched_bench and "llama.cpp" in setting.ways:
                _, decoding = run_batched_bench(setting, prompt=setting.prompt, tokens=setting.num_tokens, width=width)
                samples["llama.cpp", width].append(decoding)
        if "prefill" in setting.ways:
            samples["prefill", 1].append(alone(measure_prefill, setting))
            if setting.batched_bench:
                reading, _ = run_batched_bench(setting, prompt=LONG_PROMPT, tokens=1, width=1)
                samples["llama.cpp prefill", 1].append(reading)
        if "high-level" in setting.ways:
            samples["high-level", 1].append(alone(measure_high_level, setting))
        yield figures_of(samples)


def figures_of(samples: Samples) -> list[Figure]:
    """Return the medians."""
    figures = []
    for (way, width), taken in samples.items():
        rates = [sample.tokens_per_second for sample in taken]
        is_prefill = "prefill" in way
        insides = [sample.inside for sample in taken if sample.inside is not None]
        figures.append(
            Figure(
                way=way,
                width=width,
                tokens_per_second=statistics.median(rates),
                least=min(rates),
                most=max(rates),
                relative_to_bare=None if is_prefill else median_ratio(taken, samples.get(("bare", width))),
                relative_to_llama=median_ratio(
                    taken, samples.get(("llama.cpp prefill" if is_prefill else "llama.cpp", width))
                ),
                inside=statistics.median(insides) if insides else None,
            )
        )
    return figures


def median_ratio(taken: Sequence[Sample], others: Sequence[Sample] | None) -> float | None:
    """Return the median of the ratios within each repeat."""
    if others is None:
        return None
    return statistics.median(
        one.tokens_per_second / other.tokens_per_second for one, other in zip(taken, others, strict=True)
    )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| way | at once | tokens/s | least | most | of bare | of llama.cpp | inside llama_decode |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for f in sorted(figures, key=lambda f: (f.way, f.width)):
        rates = " | ".join(f"{rate:.1f}" for rate in (f.tokens_per_second, f.least, f.most))
        shares = (f.relative_to_bare, f.relative_to_llama, f.inside)
        cells = " | ".join("" if share is None else f"{share:.1%}" for share in shares)
        lines.append(f"| {f.way} | {f.width} | {rates} | {cells} |")
    return "\n".join(lines)


def machine(threads: int) -> dict[str, object]:
    """Return what the figures depend on."""
    cpu = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "physical_cores": physical_cores(),
        "threads": threads,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llama_cpp_python": llama.__version__,
    }


def main() -> None:
    """Read the command line, measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the generated model is kept")
    parser.add_argument("--shape", choices=random_gguf.SHAPES, default="0.5B")
    parser.add_argument("--type", choices=random_gguf.TYPES, default="q8_0")
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 4, 8, 16, 32])
    parser.add_argument("--tokens", type=int, default=64, help="decoded by each request")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--prompt", type=int, default=64, help="tokens in front of what is decoded")
    parser.add_argument("--context", type=int, nargs="+", help="compare llama.cpp's four ways after so many tokens")
    parser.add_argument("--gpu-layers", type=int, default=0, help="in the bare loop and the engine; -1 = all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="measure these alone")
    parser.add_argument(
        "--flash", choices=("on", "off"), help="flash attention in the bare loop; default: as the engine"
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF instead of a generated one")
    parser.add_argument("--batched-bench", metavar="PATH", help="llama.cpp's llama-batched-bench, to compare with")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    arguments.dir.mkdir(parents=True, exist_ok=True)
    path = arguments.model or arguments.dir / f"random-{arguments.shape}-{arguments.type}.gguf"
    if not path.exists():
        print(f"writing {path} …", flush=True)
        random_gguf.write(path, random_gguf.SHAPES[arguments.shape], arguments.type)
    setting = Setting(
        path=path,
        threads=arguments.threads,
        num_tokens=arguments.tokens,
        cells=max(1024, max(arguments.widths) * (arguments.prompt + arguments.tokens)),
        batched_bench=arguments.batched_bench,
        prompt=arguments.prompt,
        flash=None if arguments.flash is None else arguments.flash == "on",
        ways=tuple(arguments.ways),
        gpu_layers=arguments.gpu_layers,
    )
    if arguments.context:
        long = context_speed.Setting(
            path=path,
            threads=arguments.threads,
            num_tokens=arguments.tokens,
            widths=tuple(arguments.widths),
            contexts=tuple(arguments.context),
            repeats=arguments.repeats,
        )
        context_speed.run(long, arguments.json or arguments.dir / "context-speed.jsonl", alone)
        return
    facts = machine(arguments.threads)
    for repeats, figures in enumerate(measure(setting, arguments.widths, arguments.repeats), 1):
        print(f"\n{path.name}, {repeats} repeats, {facts}\n\n{table(figures)}\n", flush=True)
        if arguments.json:
            report = {
                "model": path.name,
                "tokens": arguments.tokens,
                "prompt": arguments.prompt,
                "gpu_layers": arguments.gpu_layers,
                "repeats": repeats,
                "machine": facts,
                "figures": [asdict(figure) for figure in figures],
            }
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""How fast rows go through `marco batch`, beside what llama.cpp can do and what a loop over rows does, in one run.

    python benchmarks/batch_throughput.py --dir ~/.cache/marco-benchmarks                  # 256 rows of marco-nano
    python benchmarks/batch_throughput.py --dir DIR --shape 0.5B --rows 32 --max-tokens 64  # random weights
    python benchmarks/batch_throughput.py --dir DIR --widths 1 4 16 64                      # `batch` alone, by --parallel
    python benchmarks/batch_throughput.py --dir DIR --rows 8 --parallel 4 --repeats 1       # a few seconds

Four ways to the same answers, which take turns within a repeat:

    bare          llama_decode over the C API: as many prompt tokens, then as many tokens at the same width; nothing else
    batch         what `marco batch --effort none` does: rows to searches to rows that are synced to the disk
    one by one    the same with `--parallel 1`
    high-level    a loop over Llama.create_chat_completion

Figures are medians; tokens are those decoded, and `of bare` compares the time for the same tokens, prompts included.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import engine_speed  # type: ignore[import-not-found]  # beside this script
import llama_cpp as llama
import random_gguf  # type: ignore[import-not-found]  # beside this script

from marco_cli.batch.answering import Answerer, RowSettings
from marco_cli.batch.journal import open_journal
from marco_cli.batch.record import read_entry
from marco_cli.batch.rows import BatchRow
from marco_cli.batch.runner import run_rows
from marco_cli.batch.tally import Tally
from marco_cli.config.layers import resolve
from marco_cli.config.settings import Settings
from marco_cli.engine.base import Usage
from marco_cli.engine.hardware import physical_cores
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.models import LocatedModel, locate
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

NANO = "marco-nano"
ROUNDS = 8
"""Most measurements of the bare loop: replies of marco-nano are short, so that one alone would scatter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured."""

    model: LocatedModel
    settings: Settings
    questions: tuple[str, ...]
    parallel: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One way, once."""

    tokens: int
    prompt_tokens: int
    seconds: float
    width: float


def questions(count: int) -> tuple[str, ...]:
    """Return additions and multiplications, the same in every run."""
    source = random.Random(1)
    pairs = [(source.randrange(10, 100), source.randrange(2, 100)) for _ in range(count)]
    return tuple(f"What is {a} + {b}?" if a % 2 else f"What is {a} * {b % 10 + 1}?" for a, b in pairs)


def measure_batch(case: Case, parallel: int) -> Sample:
    """Send all rows through a run."""
    rows = [
        BatchRow(id=n, line=n, question=question, input_hash=f"{n:064x}")
        for n, question in enumerate(case.questions, 1)
    ]
    settings = RowSettings(case.settings, lambda _: case.settings)
    engine = open_engine(
        case.model.path, LlamaOptions(max_num_seqs=max(16, parallel), threads=case.threads, gpu_layers=0), name="model"
    )
    solver = Solver(engine=engine, plan=search_plan(settings.base), model=case.model)
    answerer = Answerer(solver, settings, is_alone=parallel == 1)
    tally = Tally(total=len(rows))

    async def main() -> tuple[float, Usage]:
        await answerer.answer(rows[0])  # what is loaded on first use
        before, started = engine.usage, time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "out.jsonl"
            with open_journal(path, mode="create", configuration={}, facts={}, read_entry=read_entry) as journal:
                await run_rows(rows, answerer=answerer, write=journal.append, tally=tally, parallel=parallel)
        seconds = time.perf_counter() - started
        used = engine.usage - before
        await engine.close()
        return seconds, used

    seconds, used = asyncio.run(main())
    if tally.statuses["error"]:
        raise SystemExit(f"{tally.statuses['error']} rows failed")
    return Sample(tokens=used.decoded, prompt_tokens=used.prefilled, seconds=seconds, width=used.mean_batch_width)


def measure_bare(case: Case, like: Sample) -> Sample:
    """Decode as many tokens at the same width, in replies as long, and evaluate as many prompt tokens, 128 at a time."""
    width = max(1, round(like.width))
    setting = engine_speed.Setting(
        path=case.model.path,
        threads=case.threads,
        num_tokens=max(8, like.tokens // len(case.questions)),
        cells=max(2048, width * 512),
        batched_bench=None,
    )
    rounds = max(1, min(ROUNDS, like.tokens // (width * setting.num_tokens)))
    decoding = statistics.harmonic_mean(
        [engine_speed.measure_bare(setting, width).tokens_per_second for _ in range(rounds)]
    )
    with engine_speed.bare_context(setting, width) as context:
        batch = llama.llama_batch_init(256, 0, 1)
        begun, chunks = time.perf_counter(), 8
        for chunk in range(chunks):
            rows = [(65 + i % 26, 128 * chunk + i, 0) for i in range(128)]
            engine_speed.decode_rows(context, batch, rows, logits=False)
        llama.llama_synchronize(context)
        reading = chunks * 128 / (time.perf_counter() - begun)
        llama.llama_batch_free(batch)
    seconds = like.tokens / decoding + like.prompt_tokens / reading
    return Sample(tokens=like.tokens, prompt_tokens=like.prompt_tokens, seconds=seconds, width=width)


def measure_high_level(case: Case) -> Sample:
    """Ask llama-cpp-python's own chat completion, one question after the other."""
    model = llama.Llama(
        str(case.model.path), n_ctx=1024, n_threads=case.threads, n_threads_batch=case.threads, verbose=False
    )
    tokens = prompt_tokens = 0
    started = time.perf_counter()
    for question in case.questions:
        reply = model.create_chat_completion(
            [{"role": "user", "content": question}], max_tokens=case.settings.max_tokens, temperature=0
        )
        if not isinstance(reply, dict):
            raise SystemExit("create_chat_completion streamed without being asked")
        tokens += reply["usage"]["completion_tokens"]
        prompt_tokens += reply["usage"]["prompt_tokens"]
    seconds = time.perf_counter() - started
    model.close()
    return Sample(tokens=tokens, prompt_tokens=prompt_tokens, seconds=seconds, width=1)


def measure(case: Case, repeats: int) -> dict[str, list[Sample]]:
    """Take turns, each in a process of its own."""
    samples: dict[str, list[Sample]] = {"bare": [], "batch": [], "one by one": [], "high-level": []}
    for repeat in range(repeats):
        print(f"repeat {repeat + 1}/{repeats} …", flush=True)
        batch = engine_speed.alone(measure_batch, case, case.parallel)
        samples["batch"].append(batch)
        samples["bare"].append(engine_speed.alone(measure_bare, case, batch))
        samples["one by one"].append(engine_speed.alone(measure_batch, case, 1))
        samples["high-level"].append(engine_speed.alone(measure_high_level, case))
    return samples


def measure_widths(case: Case, widths: Sequence[int], repeats: int) -> dict[str, list[Sample]]:
    """Measure `batch` at several numbers of rows at once."""
    samples: dict[str, list[Sample]] = {f"--parallel {width}": [] for width in widths}
    for repeat in range(repeats):
        print(f"repeat {repeat + 1}/{repeats} …", flush=True)
        for width, taken in zip(widths, samples.values(), strict=True):
            taken.append(engine_speed.alone(measure_batch, case, width))
    return samples


def table(samples: dict[str, list[Sample]], num_rows: int) -> str:
    """Return the medians as a Markdown table."""
    lines = ["| way | tokens | rows/s | tokens/s | of bare | at once | spread |", "|---|--:|--:|--:|--:|--:|--:|"]
    for way, taken in samples.items():
        rates = [sample.tokens / sample.seconds for sample in taken]
        rate = statistics.median(rates)
        shares = [bare.seconds / sample.seconds for bare, sample in zip(samples.get("bare", ()), taken, strict=False)]
        share = f"{statistics.median(shares):.0%}" if way in ("bare", "batch") else ""
        spread = (max(rates) - min(rates)) / rate
        seconds = statistics.median(sample.seconds for sample in taken)
        lines.append(
            f"| {way} | {taken[0].tokens} | {num_rows / seconds:.2f} | {rate:.0f} | {share} | {taken[0].width:.1f} "
            f"| {spread:.0%} |"
        )
    return "\n".join(lines)


def read_case(arguments: argparse.Namespace) -> Case:
    """Find or write the model."""
    if arguments.shape == NANO:
        settings = resolve(flags={"model": NANO, "preset": NANO, "effort": "none"}, env={}).settings
        return Case(
            model=locate(NANO),
            settings=settings,
            questions=questions(arguments.rows or 256),
            parallel=arguments.parallel,
            threads=arguments.threads or 1,
        )
    path = arguments.dir / f"random-{arguments.shape}-q8_0.gguf"
    if not path.exists():
        print(f"writing {path} …", flush=True)
        random_gguf.write(path, random_gguf.SHAPES[arguments.shape], "q8_0")
    flags = {"preset": "generic", "effort": "none", "chat_template": "chatml", "max_tokens": str(arguments.max_tokens)}
    return Case(
        model=locate(str(path)),
        settings=resolve(flags=flags, env={}).settings,
        questions=questions(arguments.rows or 32),
        parallel=arguments.parallel,
        threads=arguments.threads or physical_cores(),
    )


def main(given: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where a generated model is kept")
    parser.add_argument("--shape", choices=(NANO, *random_gguf.SHAPES), default=NANO)
    parser.add_argument("--rows", type=int, help="default: 256 of marco-nano, 32 of others")
    parser.add_argument("--parallel", type=int, default=16)
    parser.add_argument("--widths", type=int, nargs="+", help="measure `batch` alone, with as many rows at once")
    parser.add_argument(
        "--max-tokens", type=int, default=64, help="of a reply of a random model, which ends by itself never"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args(given)
    arguments.dir.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    case = read_case(arguments)
    widths, repeats = arguments.widths, arguments.repeats
    samples = measure_widths(case, widths, repeats) if widths else measure(case, repeats)
    facts = engine_speed.machine(case.threads)
    print(f"\n{case.model.name}, {len(case.questions)} rows, {facts}\n\n{table(samples, len(case.questions))}")
    if arguments.json:
        figures = {
            way: [
                {"tokens": s.tokens, "prompt": s.prompt_tokens, "seconds": s.seconds, "width": s.width} for s in taken
            ]
            for way, taken in samples.items()
        }
        arguments.json.write_text(json.dumps({"machine": facts, "figures": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

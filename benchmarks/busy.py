"""What the engine does on a machine that is busy with something else: tokens per second, ours beside the library's default.

    python benchmarks/busy.py --model ~/qwen2.5-0.5b-q4_k_m.gguf --json busy.json
    python benchmarks/busy.py --dir ~/.cache/marco-benchmarks --repeats 1 --seconds 1        # a random model of that size

Two ways to wait, each measured in processes of its own, one after the other within a repeat:

    default     as the OpenMP library does by itself: 3 ms of spinning at each barrier, and a thread for each core
    ours        short spins, and fewer threads where others want the cores: what `marco` does

in four surroundings, at 1 and 16 sequences:

    alone       nothing else is started
    loops       beside one busy loop for each core
    compiler    beside one C compiler for each core
    second      beside a process that does the same; the figure is that of both together

Figures are medians over the repeats, ratios the medians of those within each repeat, so that a machine that is slower for a
while is slower for both. `of default` compares with the default in the same surroundings, `of idle` with the default alone.
`a core second` are the tokens for a second of processor time. The default can be so slow that a measurement sees no second
tick: its figure is 0 then, and nothing is compared with it.

The JSON is written after each measurement; started again with the same file, the script goes on where it stopped.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path

import random_gguf  # type: ignore[import-not-found]  # beside this script

from marco_cli.engine.base import Engine, Request, SamplingParams
from marco_cli.engine.hardware import physical_cores
from marco_cli.engine.llamacpp import LlamaOptions, open_engine

WAYS = ("default", "ours")
SURROUNDINGS = ("alone", "loops", "compiler", "second")
WIDTHS = (1, 16)
DEFAULTS = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""What libgomp takes, and what llama.cpp sets for libomp, when nothing is said."""
CELLS = 4096
TICKS = 8
PATIENCE = 6
WARM = SamplingParams(temperature=0.8, top_k=40)
LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(1_000_000): pass"
"""Ends with the process that started it, however that ends."""
COMPILER = "import os, subprocess, sys\nparent = os.getppid()\nwhile os.getppid() == parent: subprocess.run([*sys.argv[1:], '-O2', '-w', '-c', '-o', '/dev/null'], check=True)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement; of two processes, both together."""

    repeat: int
    way: str
    surrounding: str
    width: int
    tokens_per_second: float
    tokens_per_core_second: float


async def work(path: Path, seconds: float, threads: int | None) -> None:
    """Decode for so long at each width, whenever a line is read; print tokens, their seconds and core seconds."""
    engine = open_engine(path, LlamaOptions(cells=CELLS, max_num_seqs=max(WIDTHS), gpu_layers=0, threads=threads))
    prompt = tuple(range(1000, 1064))
    await engine.generate(Request(prompt_ids=prompt, max_tokens=0))
    for width in WIDTHS:
        print("ready", flush=True)
        sys.stdin.readline()
        print(*await decode(engine, prompt, width, seconds), flush=True)
    await engine.close()


async def decode(engine: Engine, prompt: tuple[int, ...], width: int, seconds: float) -> tuple[int, float, float]:
    """Return the tokens after the first tick, the seconds that they took, and those of the processor.

    Goes on for up to `PATIENCE` times as long where it takes so long to see a few ticks.
    """
    stamps: list[tuple[float, float]] = []
    enough = asyncio.Event()
    is_over = False

    def note(_token: object, _piece: bytes) -> None:
        stamps.append((time.perf_counter(), time.process_time()))
        if len(stamps) >= TICKS * width:
            enough.set()

    async def write(seed: int) -> None:
        while not is_over:  # a reply may be short
            request = Request(prompt_ids=prompt, max_tokens=CELLS // width - 128, sampling=WARM, seed=seed)
            await engine.generate(request, note)
            seed += width

    tasks = [asyncio.create_task(write(seed)) for seed in range(width)]
    await asyncio.sleep(seconds)
    with suppress(TimeoutError):
        await asyncio.wait_for(enough.wait(), (PATIENCE - 1) * seconds)
    is_over = True
    engine.cancel()
    await asyncio.gather(*tasks)
    if len(stamps) <= width:
        return 0, 1.0, 1.0
    (first, core_first), (last, core_last) = stamps[width - 1], stamps[-1]
    return len(stamps) - width, last - first, core_last - core_first


def measure(path: Path, way: str, surrounding: str, seconds: float) -> list[tuple[float, float]]:
    """Return tokens a second and a core second at each width, in processes of their own."""
    with started(surrounding):
        workers = [worker(path, way, seconds) for _ in range(2 if surrounding == "second" else 1)]
        figures = []
        for _ in WIDTHS:
            for process in workers:
                tell(process, "ready")
            for process in workers:
                print("go", file=process.stdin, flush=True)
            parts = [[float(word) for word in tell(process).split()] for process in workers]
            rate = sum(tokens / wall for tokens, wall, _ in parts)
            figures.append((rate, sum(part[0] for part in parts) / sum(part[2] for part in parts)))
        for process in workers:
            process.communicate()
    return figures


def worker(path: Path, way: str, seconds: float) -> subprocess.Popen[str]:
    """Start a process that works."""
    environment = {name: value for name, value in os.environ.items() if name not in {*DEFAULTS, "OMP_WAIT_POLICY"}}
    if way == "default":
        environment |= DEFAULTS
    command = [sys.executable, __file__, "--work", "--model", str(path), "--seconds", str(seconds)]
    if way == "default":
        command += ["--threads", str(physical_cores())]  # a number that is named stays
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def tell(process: subprocess.Popen[str], expected: str | None = None) -> str:
    """Return the next line that a worker prints."""
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line or (expected is not None and line != expected):
        raise SystemExit(f"a worker ended with status {process.wait()}")
    return line


@contextmanager
def started(surrounding: str) -> Iterator[None]:
    """Keep the machine busy."""
    count = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.c"
        compiler = shutil.which("cc") or shutil.which("gcc")
        commands = {
            "loops": [sys.executable, "-c", LOOP],
            "compiler": [sys.executable, "-c", COMPILER, str(compiler), str(source)],
        }
        source.write_text(c_source(), encoding="ascii")
        others = [
            # In this session: Linux shares the cores out by session first, and a session of its own would be a user of its own.
            subprocess.Popen(commands[surrounding], process_group=0)
            for _ in range(count if surrounding in commands else 0)
        ]
        try:
            yield
        finally:
            for other in others:
                os.killpg(other.pid, 9)
                other.wait()


def c_source() -> str:
    """Return a program that takes a compiler about a second."""
    return "\n".join(
        f"double f{i}(double *a, int n) {{ double s = {i}; for (int j = 0; j < n; j++) "
        f"{{ a[j] = a[j] * s + {i}.5; s += a[j] / (j + {i + 1}); if (s > {i}e3) s = s * 0.5 - a[j]; }} return s; }}"
        for i in range(400)
    )


def table(samples: Sequence[Sample]) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| surroundings | at once | way | tokens/s | of default | of idle | a core second |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    found = {(s.repeat, s.surrounding, s.width, s.way): s for s in samples}
    repeats = sorted({s.repeat for s in samples})
    for surrounding, width, way in product(SURROUNDINGS, WIDTHS, WAYS):
        mine = [found[key] for r in repeats if (key := (r, surrounding, width, way)) in found]
        if not mine:
            continue

        def ratio(base: Callable[[Sample], tuple[int, str, int, str]], mine: Sequence[Sample] = mine) -> str:
            pairs = [(s.tokens_per_second, found[base(s)].tokens_per_second) for s in mine if base(s) in found]
            ratios = [rate / other for rate, other in pairs if other]
            return f"{statistics.median(ratios):.2f}" if ratios else ""

        of_default = ratio(lambda s: (s.repeat, s.surrounding, s.width, "default"))
        of_idle = ratio(lambda s: (s.repeat, "alone", s.width, "default"))
        rate = statistics.median(s.tokens_per_second for s in mine)
        core_rate = statistics.median(s.tokens_per_core_second for s in mine)
        lines.append(f"| {surrounding} | {width} | {way} | {rate:.1f} | {of_default} | {of_idle} | {core_rate:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file")
    parser.add_argument("--dir", type=Path, help="where a random model is kept that is taken instead")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--surroundings", nargs="+", choices=SURROUNDINGS, default=SURROUNDINGS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--json", type=Path, help="write the measurements here, and go on from those in it")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.model is None and arguments.dir is None:
        parser.error("--model or --dir is needed")
    if arguments.work:
        asyncio.run(work(arguments.model, arguments.seconds, arguments.threads))
        return
    path = arguments.model or random_model(arguments.dir)
    samples = read(arguments.json)
    done = {(s.repeat, s.surrounding, s.way) for s in samples}
    for repeat, surrounding, way in product(range(arguments.repeats), arguments.surroundings, arguments.ways):
        if (repeat, surrounding, way) in done:
            continue
        print(f"repeat {repeat + 1}/{arguments.repeats}: {surrounding}, {way} …", flush=True)
        for width, (rate, core_rate) in zip(WIDTHS, measure(path, way, surrounding, arguments.seconds), strict=True):
            samples.append(
                Sample(
                    repeat=repeat,
                    way=way,
                    surrounding=surrounding,
                    width=width,
                    tokens_per_second=rate,
                    tokens_per_core_second=core_rate,
                )
            )
        if arguments.json:
            report = {
                "model": path.name,
                "seconds": arguments.seconds,
                "machine": machine(),
                "samples": [asdict(sample) for sample in samples],
            }
            arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\n{path.name}, {arguments.repeats} repeats, {machine()}\n\n{table(samples)}")


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "physical_cores": physical_cores(),
        "load_average": os.getloadavg()[0],
        "llama_cpp_python": version("llama-cpp-python"),
    }


def random_model(folder: Path) -> Path:
    """Return a generated model of half a billion parameters in four bits."""
    path = folder / "random-0.5B-q4_0.gguf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        print(f"writing {path} …", flush=True)
        random_gguf.write(path, random_gguf.SHAPES["0.5B"], "q4_0")
    return path


def read(path: Path | None) -> list[Sample]:
    """Return the measurements of an earlier start."""
    if path is None or not path.exists():
        return []
    return [Sample(**sample) for sample in json.loads(path.read_text(encoding="utf-8"))["samples"]]


if __name__ == "__main__":
    main()

"""How a search grows: what a simulation, a node, a tick and a KV cell cost when there are many of them.

    python benchmarks/growth.py --json growth.json                                   # simulations, nodes, KV memory
    python benchmarks/growth.py --dir ~/.cache/marco-benchmarks --shapes tiny 0.5B   # ticks on random weights as well

Simulations: one search for each number of them, with a model that is a script (`ScriptedEngine`) and speaks in lines with
four ways on from each, so that no two replies need be the same. Counted is processor time: `search_us` of the thread that
selects, cuts, backs up and rewards, a simulation; `search_marginal_us` between this number of simulations and the one
before; `engine_us_per_token` of all other threads, nearly all of it the script. A simulation in a large tree leaves it
later and samples fewer tokens (`tokens_per_simulation`). `evaluated` is rows that went through the model, `cells` the most
KV cells in use, both over the tokens that differ. `--heard` adds a listener to the events, as `marco ask` has one.

Nodes: bytes that a finished search keeps alive (tracemalloc), arrays of tokens and scores apart from the rest.

Ticks: B requests decoded at once on random weights; time in `llama_decode`, around it, and between the ticks.
"""

import argparse
import asyncio
import gc
import json
import statistics
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random

import numpy as np
import random_gguf  # type: ignore[import-not-found]  # beside this script
from engine_speed import alone  # type: ignore[import-not-found]  # beside this script
from numpy.typing import NDArray

from marco_cli.engine.backend import Row
from marco_cli.engine.base import Request, SamplingParams, Usage
from marco_cli.engine.batched import BatchedEngine
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.events import EventListener
from marco_cli.search.solve import search
from marco_cli.sections import MARCO

LINES = 12
PROMPT = b"assistant\n<Thought>"
WARM = SamplingParams(temperature=0.8, top_k=40)
TICK_PROMPT = 64
CELLS = 262_144
NUMPY_DOMAIN = 389_047
"""Under which numpy reports its arrays to tracemalloc (`np.lib.tracemalloc_domain`)."""


def chain_script(text: str) -> Mapping[str, float]:
    """Offer four lines after each line, with weights that depend on all lines before, and an answer after the last."""
    reply = text.removeprefix(PROMPT.decode())
    body, _, line = reply.rpartition("\n")
    number = reply.count("\n")
    digest = blake2b(body.encode(), digest_size=4).digest()
    if number >= LINES:
        spoken = "\n".join(reply.split("\n")[LINES:])
        closing = f"</Thought>\n<Output>\n{digest[0] % 8}\n</Output>{END}"
        return {closing[len(spoken) :]: 1.0} if number == LINES else {}
    weights = [1 + value / 128 for value in digest]
    ways = {f"{number} go {way}\n": weight for way, weight in zip("abcd", weights, strict=True)}
    return {way[len(line) :]: weight for way, weight in ways.items() if way.startswith(line)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one search cost."""

    simulations: int
    nodes: int
    decoded: int
    evaluated: int
    """Rows that went through the model."""
    unique: int
    """Tokens that differ, prompt included."""
    most_cells: int
    """Of the KV memory, in use at once."""
    search_us: float
    """Processor time of the search's own thread, microseconds."""
    engine_us: float
    """Processor time of the other threads."""


def config_of(simulations: int) -> SearchConfig:
    """Return a search that goes on to its last simulation, four at once."""
    return SearchConfig(strategy="mcts", simulations=simulations, certainty=1, parallel=4, step="line")


def run_search(config: SearchConfig, *, on_event: EventListener | None = None) -> tuple[SearchResult, Cost]:
    """Search on the script; return the result and its cost."""

    async def main() -> tuple[SearchResult, Cost]:
        engine = scripted_engine(chain_script, num_cells=CELLS)
        cells = _watch_cells(engine)
        problem = Problem(prompt_ids=tuple(PROMPT), tags=MARCO, prefill="<Thought>", max_tokens=200)
        gc.collect()
        own, whole = time.thread_time(), time.process_time()
        result = await search(problem, SearchContext(engine=engine, on_event=on_event), config)
        own, whole = time.thread_time() - own, time.process_time() - whole
        await engine.close()
        cost = Cost(
            simulations=result.num_simulations,
            nodes=0 if result.tree is None else len(result.tree),
            decoded=result.usage.decoded,
            evaluated=result.usage.evaluated,
            unique=unique_tokens(result),
            most_cells=max(cells),
            search_us=own * 1e6,
            engine_us=(whole - own) * 1e6,
        )
        return result, cost

    return asyncio.run(main())


def _watch_cells(engine: BatchedEngine) -> list[int]:
    """Return a list that grows by the cells in use after each decode call."""
    cells: list[int] = []
    cache, decode = engine._scheduler.cache, engine._model.decode  # noqa: SLF001 (only a benchmark asks how full it was)

    def watched(rows: Sequence[Row]) -> NDArray[np.float32] | None:
        cells.append(cache.cells + len(rows))
        return decode(rows)

    engine._model.decode = watched  # type: ignore[method-assign]  # noqa: SLF001
    return cells


def unique_tokens(result: SearchResult) -> int:
    """Return the tokens that differ: of the prompt, and of the steps of the tree."""
    return len(PROMPT) + (0 if result.tree is None else sum(len(node.step.tokens) for node in result.tree.nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One line of the table of simulations: microseconds of processor time, rows and cells for each token that differs."""

    simulations: int
    nodes: int
    tokens_per_simulation: float
    search_us: float
    """A simulation, on average."""
    search_marginal_us: float
    """A simulation, between this line and the one before."""
    engine_us_per_token: float
    evaluated: float
    cells: float


def measure_growth(counts: Sequence[int], *, heard: bool) -> list[Growth]:
    """Search with each number of simulations; short searches several times, the least counts."""
    run_search(config_of(8), on_event=_ignore)
    lines: list[Growth] = []
    before = (0, 0.0)
    for count in counts:
        repeats = max(1, min(5, 512 // count))
        costs = [run_search(config_of(count), on_event=_ignore if heard else None)[1] for _ in range(repeats)]
        cost = min(costs, key=lambda each: each.search_us)
        lines.append(
            Growth(
                simulations=cost.simulations,
                nodes=cost.nodes,
                tokens_per_simulation=cost.decoded / cost.simulations,
                search_us=cost.search_us / cost.simulations,
                search_marginal_us=(cost.search_us - before[1]) / max(1, cost.simulations - before[0]),
                engine_us_per_token=min(each.engine_us for each in costs) / cost.decoded,
                evaluated=cost.evaluated / cost.unique,
                cells=cost.most_cells / cost.unique,
            )
        )
        before = (cost.simulations, cost.search_us)
        print(lines[-1], flush=True)
    return lines


def _ignore(_event: object) -> None:
    """Listen, and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a finished search keeps alive, bytes for each node."""

    nodes: int
    candidates: int
    arrays: float
    """Of the tokens and their scores: numpy's own memory."""
    objects: float
    """All the rest: nodes, steps, texts, replies, the heads of the arrays."""


def measure_memory(simulations: int) -> Memory:
    """Count with tracemalloc what the result holds."""
    run_search(config_of(8))
    gc.collect()
    tracemalloc.start()
    result, cost = run_search(config_of(simulations))
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    arrays = snapshot.filter_traces([tracemalloc.DomainFilter(inclusive=True, domain=NUMPY_DOMAIN)])
    objects = snapshot.filter_traces([tracemalloc.DomainFilter(inclusive=True, domain=0)])
    return Memory(
        nodes=cost.nodes,
        candidates=len(result.candidates),
        arrays=sum(trace.size for trace in arrays.traces) / cost.nodes,
        objects=sum(trace.size for trace in objects.traces) / cost.nodes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick of B requests costs, milliseconds."""

    shape: str
    width: int
    model_ms: float
    other_ms: float
    loop_ms: float
    """Between the ticks: the event loop, and the way to the engine's thread and back."""
    least_ms: float
    most_ms: float
    """The whole tick, of the repeats."""


def decode(path: Path, width: int, tokens: int, threads: int | None) -> tuple[Usage, float]:
    """Decode `width` requests at once, on prompts that are in the cache; return the work and its seconds."""

    async def main() -> tuple[Usage, float]:
        options = LlamaOptions(
            cells=max(1024, width * (TICK_PROMPT + tokens)), max_num_seqs=width, threads=threads, gpu_layers=0
        )
        engine = open_engine(path, options)
        prompts = [tuple(Random(i).choices(range(256), k=TICK_PROMPT)) for i in range(width)]
        await asyncio.gather(*(engine.generate(Request(prompt_ids=p, max_tokens=0)) for p in prompts))
        requests = [Request(prompt_ids=p, max_tokens=tokens, sampling=WARM, seed=i) for i, p in enumerate(prompts)]
        before, started = engine.usage, time.perf_counter()
        await asyncio.gather(*(engine.generate(request) for request in requests))
        seconds = time.perf_counter() - started
        used = engine.usage - before
        await engine.close()
        return used, seconds

    return asyncio.run(main())


def measure_ticks(
    path: Path, shape: str, widths: Sequence[int], *, tokens: int, repeats: int, threads: int | None
) -> list[Tick]:
    """Measure ticks of several widths, each time in a process of its own."""
    ticks = []
    for width in widths:
        taken = [alone(decode, path, width, tokens, threads) for _ in range(repeats)]
        each = [seconds / usage.ticks * 1e3 for usage, seconds in taken]
        model = statistics.median(usage.model_seconds / usage.ticks * 1e3 for usage, _ in taken)
        other = statistics.median(usage.other_seconds / usage.ticks * 1e3 for usage, _ in taken)
        ticks.append(
            Tick(
                shape=shape,
                width=width,
                model_ms=model,
                other_ms=other,
                loop_ms=max(0.0, statistics.median(each) - model - other),
                least_ms=min(each),
                most_ms=max(each),
            )
        )
        print(ticks[-1], flush=True)
    return ticks


def table(rows: Sequence[Growth] | Sequence[Memory] | Sequence[Tick]) -> str:
    """Return lines of one kind as a Markdown table."""
    if not rows:
        return ""
    documents = [asdict(row) for row in rows]
    names = list(documents[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "--:|" * len(names)]
    for document in documents:
        cells = (f"{value:.3g}" if isinstance(value, float) and value < 100 else f"{value:.0f}"
                 if isinstance(value, float) else str(value) for value in document.values())  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print the tables and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[8, 64, 256, 1024, 2048, 4096], help="of simulations")
    parser.add_argument("--heard", action="store_true", help="with somebody who listens to the events")
    parser.add_argument("--memory", type=int, nargs="*", default=[64, 1024], metavar="SIMULATIONS")
    parser.add_argument("--dir", type=Path, help="where generated models are kept; without it no ticks are measured")
    parser.add_argument("--shapes", choices=random_gguf.SHAPES, nargs="*", default=["tiny", "0.5B"])
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, help="of the ticks; by default the engine's own choice")
    parser.add_argument("--repeats", type=int, default=5, help="of the ticks")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    ticks: list[Tick] = []
    for shape in arguments.shapes if arguments.dir else ():
        path = arguments.dir / f"random-{shape}-q8_0.gguf"
        if not path.exists():
            arguments.dir.mkdir(parents=True, exist_ok=True)
            random_gguf.write(path, random_gguf.SHAPES[shape], "q8_0")
        ticks += measure_ticks(
            path, shape, arguments.widths, tokens=arguments.tokens, repeats=arguments.repeats, threads=arguments.threads
        )
    growth = measure_growth(arguments.counts, heard=arguments.heard)
    memory = [measure_memory(simulations) for simulations in arguments.memory]
    print("\n\n".join(text for text in (table(growth), table(memory), table(ticks)) if text))
    if arguments.json:
        document = {
            "growth": [asdict(row) for row in growth],
            "memory": [asdict(row) for row in memory],
            "ticks": [asdict(row) for row in ticks],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

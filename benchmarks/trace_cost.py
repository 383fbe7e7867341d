"""What keeping a trace costs: time and bytes, for a search of marco-nano and for one as large as Marco-o1 makes them.

Run: python benchmarks/trace_cost.py [--simulations 32] [--tokens 700] [--traces 1000]

The first search is real. The second has `--simulations` replies of `--tokens` new tokens each, with random scores: what a
7B model writes when no step is shared. Least times of several runs; the folder of `--traces` files holds the real one.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from marco_cli.engine.base import NUM_TOP, Tokens
from marco_cli.search.tree import Step, Tree
from marco_cli.solver import open_solver, resolve_settings
from marco_cli.trace.decoding import decode
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace, new_id
from marco_cli.trace.recording import from_result
from marco_cli.trace.store import entries, prune, save

QUESTION = "How many r's are in strawberry?"
STEP = 55
"""Tokens of a paragraph of Marco-o1."""


def main() -> None:
    """Print a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=700)
    parser.add_argument("--traces", type=int, default=1000)
    chosen = parser.parse_args()
    trace = asyncio.run(real(chosen.simulations))
    measure("marco-nano", trace)
    measure("synthetic", large(trace, chosen.simulations, chosen.tokens))
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), trace, chosen.traces)
        seconds = least(lambda: sum(1 for _ in entries(Path(folder), print)), 3)
        print(
            f"{'list':<12} {chosen.traces} traces: {1000 * seconds:.1f} ms, the newest 20: {newest(Path(folder)):.1f} ms"
        )
        seconds = least(lambda: prune(Path(folder), max_bytes=10**12), 5)
        print(f"{'prune':<12} {chosen.traces} traces, nothing to delete: {1000 * seconds:.1f} ms")


async def real(simulations: int) -> Trace:
    """Search once, and measure what putting the trace together takes while the model is there."""
    settings, model = resolve_settings(
        {"strategy": "mcts", "simulations": simulations, "certainty": 1.0, "model": "marco-nano"}, os.environ
    )
    solver = open_solver(settings, model, os.environ)
    try:
        problem = solver.problem(QUESTION)
        result = await solver.solve(problem)

        def put_together() -> Trace:
            return from_result(solver, problem, result, source="ask")

        seconds = least(put_together, 10)
        print(f"{'from_result':<12} {1000 * seconds:.1f} ms, the search took {result.seconds:.2f} s")
        return put_together()
    finally:
        await solver.close()


def large(trace: Trace, simulations: int, num_tokens: int) -> Trace:
    """Return the trace with a tree of replies that share nothing."""
    draw = np.random.default_rng(1)
    tree = Tree(trace.prompt_ids)
    for _ in range(simulations):
        node = tree.root
        for _ in range(num_tokens // STEP):
            top = np.sort(np.log(draw.random((STEP, NUM_TOP))).astype(np.float32))[:, ::-1]
            ids = draw.integers(0, 150_000, (STEP, NUM_TOP)).astype(np.int32)
            tokens = Tokens(
                ids=ids[:, 0],
                is_sampled=np.ones(STEP, dtype=np.bool_),
                logprobs=np.ascontiguousarray(top[:, 0]),
                top_ids=ids,
                top_logprobs=np.ascontiguousarray(top),
                entropy=-np.ascontiguousarray(top[:, 1]),
            )
            node = tree.add(node, Step(tokens=tokens, data=b"some words " * (STEP // 2)))
        tree.back_up(node, 0.5)
    return replace(trace, result=replace(trace.result, tree=tree, candidates=(), votes=(), first=None))


def measure(name: str, trace: Trace) -> None:
    """Print what one trace costs to write and to read."""
    line = encode(trace)
    num_tokens = sum(len(node.step.tokens) for node in trace.tree.nodes)
    with tempfile.TemporaryDirectory() as folder:
        written = least(lambda: save(trace, Path(folder)), 10)
    print(
        f"{name:<12} {len(trace.tree)} nodes, {num_tokens} tokens: {len(line) / 1e6:.2f} MB, "
        f"encode {1000 * least(lambda: encode(trace), 10):.1f} ms, encode and write {1000 * written:.1f} ms, "
        f"decode {1000 * least(lambda: decode(line), 5):.1f} ms"
    )


def fill(folder: Path, trace: Trace, count: int) -> None:
    """Write the same trace many times, a second apart."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        moment = start + timedelta(seconds=number)
        save(replace(trace, id=new_id(moment), created=moment), folder)


def newest(folder: Path) -> float:
    """Return the milliseconds that the first page of a list takes."""

    def page() -> None:
        for number, _ in enumerate(entries(folder, print), start=1):
            if number == 20:
                return

    return 1000 * least(page, 5)


def least(work: Callable[[], Any], runs: int) -> float:
    """Return the least seconds of processor time of several runs, so that other programs count for little."""
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()

"""Which strategy is worth its tokens? Every strategy on marco-nano's held-out problems, at equal decoded tokens.

    python benchmarks/search_quality.py run --out DIR            # resumable; appends rows as they finish
    python benchmarks/search_quality.py time --out DIR           # one problem at a time, a few of them: how long one takes
    python benchmarks/quality_report.py --out DIR                # the table and the plot

Each row is one problem under one setting and one seed, with every candidate's answer and signals.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from quality_report import ROWS, TIMES, Row, rows  # type: ignore[import-not-found]  # beside this script

from marco_cli.answer import matches
from marco_cli.config.layers import resolve
from marco_cli.engine.base import SamplingParams
from marco_cli.models import locate
from marco_cli.models.choice import implied_preset
from marco_cli.search.base import SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.effort import EFFORTS
from marco_cli.search.solve import search
from marco_cli.solver import Solver, open_solver

POOL = 32
SAMPLING = SamplingParams(temperature=0.8)
"""Of the pool: what nano's plain samples did best at."""
BUDGET = 800
"""Decoded tokens a problem for the strategies that are no bundle of an effort: about 12 replies of marco-nano."""

SEEDS = {"greedy": 1, "greedy reflect always": 1, "mcts max": 1}
"""How often a setting is run at most: chains without chance, and what would take as long as a third of all others."""

_pool = SearchConfig(
    strategy="best-of-n", sampling=SAMPLING, simulations=POOL, certainty=1, parallel=8, step="line", reflection="never"
)
_limits: dict[str, Any] = {"simulations": None, "max_search_tokens": BUDGET, "certainty": 1, "parallel": 4}
_tree = SearchConfig(strategy="mcts", step="line", vote="checked", **_limits)


def _effort(name: str) -> SearchConfig:
    """Return what `--effort` stands for."""
    bundle = EFFORTS[name]
    return SearchConfig(
        strategy=bundle.strategy, simulations=bundle.simulations, parallel=bundle.parallel, step="line", vote="checked"
    )


def _reflecting(config: SearchConfig) -> SearchConfig:
    """Return the same with a second thought after every reply."""
    return replace(config, reflection="always")


_greedy = SearchConfig(strategy="cot")
_by_steps = {
    **{f"paper {step}": SearchConfig.of("mcts-paper", step=step, **_limits) for step in ("line", "mini64", "mini32")},
    "beam": replace(_tree, strategy="beam", simulations=16),
    "tot": replace(_tree, strategy="tot", simulations=16),
}
SETTINGS: dict[str, SearchConfig] = {
    "greedy": _greedy,
    "greedy reflect always": _reflecting(_greedy),
    "pool": _pool,
    "sample reflect always": _reflecting(replace(_pool, strategy="sample")),
    f"best-of-n reflect always @{BUDGET}": _reflecting(replace(_pool, simulations=None, max_search_tokens=BUDGET)),
    **{f"mcts {name}": _effort(name) for name in ("low", "medium", "high", "max")},
    f"mcts @{BUDGET}": _tree,
    f"mcts unchecked @{BUDGET}": replace(_tree, reward="agree", vote="likely", avoid_unsound=False),
    "mcts high uncorrected": replace(_effort("high"), corrects=False),
    f"mcts reflect always @{BUDGET}": _reflecting(_tree),
    **{f"mcts reflect {mode} @{BUDGET}": replace(_tree, reflection=mode) for mode in ("low-confidence", "child")},
    **{f"{name} @{BUDGET}": config for name, config in _by_steps.items()},
    **{f"{name} reflect always @{BUDGET}": _reflecting(config) for name, config in _by_steps.items()},
}
"""With `mcts @800` every option but one is that of the row it is compared with."""

TIMED = {**SETTINGS, **{f"pool {n}": replace(_pool, simulations=n) for n in (1, 4, 8, 16)}}


def row_of(problem: Row, setting: str, seed: int, result: SearchResult, calls: int) -> Row:
    """Return what a search came to, with everything that another vote would need."""
    return {
        "setting": setting,
        "seed": seed,
        "id": problem["id"],
        "family": problem["family"],
        "correct": matches(result.answer, problem["answer"]),
        "tokens": result.usage.decoded,
        "evaluated": result.usage.evaluated,
        "seconds": result.seconds,
        "calls": calls,
        "stop": result.stop_reason,
        "simulations": result.num_simulations,
        "certainty": result.certainty,
        "candidates": [
            {
                "answer": candidate.reply.answer.canonical if candidate.reply.answer else None,
                "correct": matches(candidate.reply.answer, problem["answer"]),
                "tokens": candidate.reply.signals.num_tokens,
                "weight": candidate.weight,
                "reflects": candidate.reflects,
                "confidence": candidate.reply.signals.confidence,
                "tail": candidate.reply.signals.tail_confidence,
                "group": candidate.reply.signals.lowest_group_confidence,
                "logprob": candidate.reply.signals.mean_logprob,
                "margin": candidate.reply.signals.answer_margin,
                "reward": candidate.reward,
                "false": candidate.reply.signals.false_equations,
                "sound": candidate.reply.signals.is_sound,
            }
            for candidate in result.candidates
        ],
    }


async def run(options: argparse.Namespace) -> None:
    """Run what is missing of the wanted settings, several problems at once."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / (TIMES if options.action == "time" else ROWS)
    settings = TIMED if options.action == "time" else SETTINGS
    done = {(row["setting"], row["seed"], row["id"]) for row in rows(path)}
    problems = held_out(options.limit)
    wanted = [
        (name, seed, problem)
        for name in (options.settings.split(",") if options.settings else settings)
        for seed in range(min(options.seeds, SEEDS.get(name, options.seeds)))
        for problem in problems
        if (name, seed, problem["id"]) not in done
    ]
    model = locate(options.model)
    flags = {"preset": implied_preset(model), "parallel": options.width}
    solver = open_solver(resolve(flags=flags, env={}).settings, model, {})
    started, finished, queue = time.monotonic(), 0, iter(wanted)
    with path.open("a", encoding="utf-8") as file:

        async def work() -> None:
            nonlocal finished
            for name, seed, problem in queue:
                file.write(json.dumps(await solve(solver, name, seed, problem), ensure_ascii=False) + "\n")
                file.flush()
                finished += 1
                if finished % 50 == 0:
                    rate = solver.engine.usage.decoded / (time.monotonic() - started)
                    print(f"{finished}/{len(wanted)}  {name}  {rate:.0f} tokens/s", flush=True)

        await asyncio.gather(*(work() for _ in range(options.problems_at_once)))
    await solver.close()


async def solve(solver: Solver, name: str, seed: int, problem: Row) -> Row:
    """Run one search."""
    calls = 0

    def count(_event: object) -> None:
        nonlocal calls
        calls += type(_event).__name__ == "SimulationEnded"

    config = replace(TIMED[name], seed=seed)
    asked = solver.problem(problem["question"])
    result = await search(asked, SearchContext(engine=solver.engine, on_event=count), config)
    solver.engine.free_suffixes(asked.prompt_ids)
    return row_of(problem, name, seed, result, calls or len(result.candidates))


def held_out(limit: int) -> list[Row]:
    """Return a fixed, shuffled choice of the held-out problems."""
    path = locate("marco-nano").path.with_name("heldout.jsonl")
    problems = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(problems)
    return problems[:limit]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "time"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="marco-nano")
    parser.add_argument("--limit", type=int, help="problems; default: 300, and 15 to be timed")
    parser.add_argument("--seeds", type=int, default=3, help=f"of every setting, but at most {SEEDS}")
    parser.add_argument("--settings", help=f"comma-separated, of: {', '.join(SETTINGS)}")
    parser.add_argument("--width", type=int, default=16, help="requests decoded together")
    parser.add_argument("--problems-at-once", type=int, default=4)
    options = parser.parse_args()
    if options.action == "time":
        options.problems_at_once, options.seeds = 1, 1
    options.limit = options.limit or (15 if options.action == "time" else 300)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()

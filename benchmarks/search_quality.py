"""Which strategy is worth its tokens? Every strategy on marco-nano's held-out problems, at equal decoded tokens.

    python benchmarks/search_quality.py run --out /tmp/quality              # resumable; appends rows as they finish
    python benchmarks/search_quality.py report --out /tmp/quality           # the table; --svg FILE draws the plot

Each row is one problem under one setting and one seed, with every candidate's answer and signals. `vote`, `best-of-n`
and `sample` at every n are computed from one pool of 32 samples a problem (the first n of them, averaged over disjoint
groups), as are the unbiased Test@n = 1 - C(n-c, k)/C(n, k) (Chen et al., arXiv 2107.03374).
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marco_cli.answer import matches
from marco_cli.config.layers import resolve
from marco_cli.engine.base import SamplingParams
from marco_cli.models import locate
from marco_cli.models.choice import implied_preset
from marco_cli.reward.signals import UNSOUND
from marco_cli.search.base import SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.effort import EFFORTS
from marco_cli.search.paper import paper_config
from marco_cli.search.solve import search
from marco_cli.solver import Solver, open_solver

POOL = 32
SAMPLING = SamplingParams(temperature=0.8)
"""Of the pool: what nano's plain samples did best at."""
BUDGET = 800
"""Decoded tokens a problem for the strategies that are no bundle of an effort: about 12 replies of marco-nano."""

SEEDS = {"mcts low": 3, "mcts medium": 3, "mcts high": 3}
"""How often the efforts that people use are run; everything else once."""

_pool = SearchConfig(
    strategy="best-of-n", sampling=SAMPLING, simulations=POOL, certainty=1, parallel=8, step="line", reflection="never"
)
_tree = SearchConfig(strategy="mcts", simulations=None, max_search_tokens=BUDGET, certainty=1, parallel=4, step="line")


def _effort(name: str) -> SearchConfig:
    """Return what `--effort` stands for."""
    bundle = EFFORTS[name]
    return SearchConfig(strategy=bundle.strategy, simulations=bundle.simulations, parallel=bundle.parallel, step="line")


SETTINGS: dict[str, SearchConfig] = {
    "greedy": SearchConfig(strategy="cot"),
    "pool": _pool,
    **{f"mcts {name}": _effort(name) for name in ("low", "medium", "high", "max")},
    f"mcts @{BUDGET}": _tree,
    f"mcts unchecked @{BUDGET}": replace(_tree, reward="agree", vote="weighted", avoid_unsound=False),
    **{
        f"mcts reflect {mode} @{BUDGET}": replace(_tree, reflection=mode)
        for mode in ("always", "low-confidence", "child")
    },
    **{f"paper {step} @{BUDGET}": paper_config(step, base=_tree) for step in ("line", "mini64", "mini32")},
    f"paper line reflect always @{BUDGET}": replace(paper_config("line", base=_tree), reflection="always"),
    f"beam @{BUDGET}": replace(_tree, strategy="beam", simulations=16),
    f"tot @{BUDGET}": replace(_tree, strategy="tot", simulations=16),
    f"best-of-n reflect always @{BUDGET}": replace(
        _pool, simulations=None, max_search_tokens=BUDGET, reflection="always"
    ),
}
"""With `mcts @800` every option but one is that of the row it is compared with."""

Row = dict[str, Any]


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
            }
            for candidate in result.candidates
        ],
    }


async def run(options: argparse.Namespace) -> None:
    """Run what is missing of the wanted settings, several problems at once."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "rows.jsonl"
    done = {(row["setting"], row["seed"], row["id"]) for row in rows(path)}
    problems = held_out(options.limit)
    wanted = [
        (name, seed, problem)
        for name in (options.settings.split(",") if options.settings else SETTINGS)
        for seed in range(1 if name == "greedy" else options.seeds or SEEDS.get(name, 1))
        for problem in problems
        if (name, seed, problem["id"]) not in done
    ]
    model = locate(options.model)
    settings = resolve(flags={"preset": implied_preset(model), "parallel": options.width}, env={}).settings
    solver = open_solver(settings, model, {})
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

    config = replace(SETTINGS[name], seed=seed)
    result = await search(solver.problem(problem["question"]), engine=solver.engine, config=config, on_event=count)
    return row_of(problem, name, seed, result, calls or len(result.candidates))


def held_out(limit: int) -> list[Row]:
    """Return a fixed, shuffled choice of the held-out problems."""
    path = locate("marco-nano").path.with_name("heldout.jsonl")
    problems = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(problems)
    return problems[:limit]


def rows(path: Path) -> Iterator[Row]:
    """Yield the rows written so far."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


# What a pool of samples would have answered, by the rule.
def majority(group: Sequence[Row]) -> bool:
    """Return whether the answer with the most votes is right; ties go to the more confident."""
    return pooled(group, lambda _: 1.0)


def weighted(group: Sequence[Row]) -> bool:
    """Return whether the answer with the most confidence-weighted votes is right (weights e^z)."""
    return pooled(group, lambda each: confidence_weight(group, each))


def confidence_weight(group: Sequence[Row], candidate: Row) -> float:
    """Return e^z, z the z-score of the candidate's confidence in its group."""
    values = [other["confidence"] for other in group]
    spread = statistics.pstdev(values) or 1.0
    return math.exp((candidate["confidence"] - statistics.fmean(values)) / spread)


def best(group: Sequence[Row]) -> bool:
    """Return whether the most confident reply is right."""
    return bool(max(group, key=lambda candidate: candidate["confidence"])["correct"]) if group else False


def pooled(group: Sequence[Row], weigh: Any) -> bool:
    """Return whether the answer with the largest weight is right."""
    weights: dict[str, float] = defaultdict(float)
    right = {}
    for candidate in group:
        if candidate["answer"] is not None:
            weights[candidate["answer"]] += candidate["weight"] * (weigh(candidate) + 1e-6 * candidate["confidence"])
            right[candidate["answer"]] = candidate["correct"]
    return bool(right[max(weights, key=lambda answer: weights[answer])]) if weights else False


def test_at(k: int, num_right: int, num_samples: int) -> float:
    """Return the unbiased probability that one of k samples is right."""
    if num_samples - num_right < k:
        return 1.0
    return 1 - math.prod(1 - k / i for i in range(num_samples - num_right + 1, num_samples + 1))


def checked(group: Sequence[Row]) -> bool:
    """Return whether `weighted` is right when replies with a false equation count `UNSOUND`."""
    return pooled(group, lambda each: confidence_weight(group, each) * (UNSOUND if each["false"] else 1.0))


RULES = {"sample": best, "vote": majority, "weighted vote": weighted, "checked vote": checked, "best-of": best}


def routed(all_rows: Sequence[Row]) -> Iterator[Row]:
    """Yield what `--effort auto` makes of the rows: the greedy chain where it is sure enough, else the search.

    The search of `auto` is that of `high`, which begins with the same greedy chain.
    """
    doubt_below = resolve(flags={"preset": "marco-nano"}, env={}).settings.doubt_below or 0.0
    greedy = {row["id"]: row for row in all_rows if row["setting"] == "greedy"}
    for row in all_rows:
        if row["setting"] == "mcts high" and row["id"] in greedy:
            chain = greedy[row["id"]]
            is_sure = bool(chain["candidates"]) and chain["candidates"][0]["confidence"] >= doubt_below
            yield {**(chain if is_sure else row), "setting": "auto", "seed": row["seed"]}


def scores(all_rows: Sequence[Row]) -> dict[str, dict[str, tuple[float, float]]]:
    """Return method → problem → (share right, decoded tokens), means over seeds and disjoint groups."""
    table: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in (*all_rows, *routed(all_rows)):
        if row["setting"] != "pool":
            table[row["setting"]][row["id"]].append((row["correct"], row["tokens"]))
            continue
        candidates = row["candidates"]
        for n in (1, 4, 8, 16, 32):
            groups = [candidates[i : i + n] for i in range(0, len(candidates) - n + 1, n)]
            for name, rule in RULES.items():
                if groups and (n == 1) == (name == "sample"):
                    right = statistics.fmean(rule(group) for group in groups)
                    cost = statistics.fmean(sum(candidate["tokens"] for candidate in group) for group in groups)
                    table[name if n == 1 else f"{name}@{n}"][row["id"]].append((right, cost))
            passed = test_at(n, sum(candidate["correct"] for candidate in candidates), len(candidates))
            table[f"Test@{n} (upper bound)"][row["id"]].append((passed, 0.0))
    return {
        name: {
            id_: (statistics.fmean(right for right, _ in seen), statistics.fmean(cost for _, cost in seen))
            for id_, seen in problems.items()
        }
        for name, problems in table.items()
    }


def interval(differences: Sequence[float], *, repeats: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over problems."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(repeats))
    return means[int(0.025 * repeats)], means[int(0.975 * repeats)]


def report(options: argparse.Namespace) -> None:
    """Print the table, paired with greedy and with the best rival at no more tokens, and draw the plot."""
    table = scores(list(rows(options.out / "rows.jsonl")))
    accuracy = {name: statistics.fmean(r for r, _ in t.values()) for name, t in table.items()}
    tokens = {name: statistics.fmean(c for _, c in t.values()) for name, t in table.items()}
    print("| method | problems | accuracy % | tokens | against greedy, 95 % interval |\n|---|---|---|---|---|")
    for name in sorted(table, key=lambda name: (tokens[name], name)):
        print(
            f"| {name} | {len(table[name])} | {100 * accuracy[name]:.1f} | {tokens[name]:.0f} "
            f"| {paired(table[name], table['greedy'])} |"
        )
    rivals = [name for name in table if name.startswith(("vote", "weighted", "best-of@"))]  # as published
    for name in table:
        cheaper = [rival for rival in rivals if tokens[rival] <= 1.05 * tokens[name]]
        if name.startswith("mcts") and cheaper:
            rival = max(cheaper, key=lambda rival: accuracy[rival])
            print(
                f"\n{name} ({tokens[name]:.0f} tokens) against {rival} ({tokens[rival]:.0f}): "
                f"{paired(table[name], table[rival])}"
            )
    if options.svg:
        gains = {name: gain(table[name], table["greedy"]) for name in table}
        draw_plot(options.svg, gains, tokens)


def paired(ours: dict[str, tuple[float, float]], theirs: dict[str, tuple[float, float]]) -> str:
    """Return the difference in points, and its interval, over the problems that both have."""
    low, high = interval([ours[id_][0] - theirs[id_][0] for id_ in ours if id_ in theirs])
    return f"{gain(ours, theirs):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def gain(ours: dict[str, tuple[float, float]], theirs: dict[str, tuple[float, float]]) -> float:
    """Return the difference in points over the problems that both have."""
    return 100 * statistics.fmean(ours[id_][0] - theirs[id_][0] for id_ in ours if id_ in theirs)


def draw_plot(path: Path, gains: dict[str, float], tokens: dict[str, float]) -> None:
    """Draw what each method gains over the greedy chain, on the same problems, against decoded tokens."""
    import matplotlib as mpl  # noqa: PLC0415 (only the plot needs it)

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    mpl.rcParams["svg.hashsalt"] = "marco"
    figure, axes = plt.subplots(figsize=(7, 4.2))
    efforts = [f"mcts {name}" for name in ("low", "medium", "high", "max")]
    lines = {"mcts, by effort": [name for name in efforts if name in gains]}
    for label in ("best-of", "vote", "weighted vote", "checked vote"):
        lines[label] = [f"{label}@{n}" for n in (4, 8, 16, 32) if f"{label}@{n}" in gains]
    for label, names in lines.items():
        axes.plot([tokens[n] for n in names], [gains[n] for n in names], marker="o", label=label)
    for name, points in gains.items():
        if name.startswith(("paper", "beam", "tot", "greedy", "auto")) and "reflect" not in name:
            axes.plot(tokens[name], points, marker="x", color="grey")
            offset = (5, -9) if "mini32" in name else (5, 3)  # the two mini steps lie close together
            axes.annotate(
                name.split(" @")[0],
                (tokens[name], points),
                xytext=offset,
                textcoords="offset points",
                fontsize=8,
                color="grey",
            )
    axes.set(xscale="log", xlabel="decoded tokens a problem", ylabel="points over greedy, same problems")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "report"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="marco-nano")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--seeds", type=int, help=f"of every setting; default: 1, but {SEEDS}")
    parser.add_argument("--settings", help=f"comma-separated, of: {', '.join(SETTINGS)}")
    parser.add_argument("--width", type=int, default=32, help="requests decoded together")
    parser.add_argument("--problems-at-once", type=int, default=8)
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    if options.action == "run":
        asyncio.run(run(options))
    else:
        report(options)


if __name__ == "__main__":
    main()

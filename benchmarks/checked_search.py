r"""What is a check worth? Greedy, vote, best-of-n and `--check python` on the code problems, at equal tokens.

    python benchmarks/checked_search.py run --model qwen-0.5b.gguf --out DIR       # resumable; --only: a part of the settings
    python benchmarks/checked_search.py report --out DIR                           # the table of benchmarks/README.md

`samples` are independent replies, which `vote` and `best-of-n` choose from: both make the same ones from the same seeds, and so does
`vote --check python`, which ends with the first that passes: it is worked out from them. `auto` is `--check python` alone, with no more
tokens than the samples had, run where the greedy chain fails. Right is what passes the tests and the hidden ones. A check sees the
first alone, so that what it calls right may be wrong.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marco_cli.check.base import Submission
from marco_cli.check.python import PythonCheck, open_python
from marco_cli.config.layers import resolve
from marco_cli.config.settings import Settings
from marco_cli.evals.base import Item
from marco_cli.evals.checking import target_of
from marco_cli.evals.scoring import grade
from marco_cli.models import locate
from marco_cli.models.choice import implied_preset
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.search.ballot import rerate
from marco_cli.search.base import Candidate, SearchResult
from marco_cli.solver import Solver, open_solver

Row = dict[str, Any]
ROWS = "rows.jsonl"
SETS = Path(__file__).parents[1] / "marco_cli" / "evals" / "sets"
SETTINGS = ("greedy", "samples", "auto")
BOOTSTRAPS = 10_000
EITHER_SIDE = 0.025


def problems_of(limit: int) -> list[Row]:
    """Return the problems of both data sets, in turn."""
    both = [
        [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        for name in ("code", "code-text")
    ]
    return [problem for pair in zip(*both, strict=True) for problem in pair][:limit]


def rows_in(path: Path) -> list[Row]:
    """Return the rows written so far; the last may be torn."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def settings_of(name: str, base: Settings, *, samples: int, tokens: int | None) -> Settings:
    """Return the settings of one of `SETTINGS`; `tokens` is what the samples of the problem took."""
    if name == "greedy":
        return replace(base, strategy="cot")
    if name == "samples":
        return replace(base, strategy="vote", simulations=samples, certainty=1.0, parallel=samples)
    return replace(base, check=("python",), max_search_tokens=tokens, time_limit=1e9)


async def run(options: argparse.Namespace) -> None:
    """Run what is missing, a few problems at once, every setting on each, so that a run cut short is still paired."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / ROWS
    done = {(row["setting"], row["id"]): row for row in rows_in(path)}
    model = locate(str(options.model))
    flags = {
        "preset": implied_preset(model),
        "parallel": (options.samples + 1) * options.at_once,
        "max_tokens": options.max_tokens,
        "threads": options.threads,
        "seed": options.seed,
    }
    base = resolve(flags=flags, env={}).settings
    solver, judge = open_solver(base, model, {}), open_python("")
    left = iter(problems_of(options.limit))

    async def one(problem: Row, name: str) -> None:
        before = done.get(("samples", problem["id"]))
        if (name, problem["id"]) in done or (name == "auto" and (before is None or auto(done, problem["id"]))):
            return
        settings = settings_of(name, base, samples=options.samples, tokens=before["tokens"] if before else None)
        row = done[name, problem["id"]] = await solve(solver, search_plan(settings), problem, name, judge)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(name, problem["id"], row["right"], row["tokens"], f"{row['seconds']:.0f} s", flush=True)

    async def work() -> None:
        wanted = options.only or SETTINGS
        for problem in left:
            await asyncio.gather(*(one(problem, name) for name in wanted if name != "auto"))
            if "auto" in wanted:
                await one(problem, "auto")

    try:
        await asyncio.gather(*(work() for _ in range(options.at_once)))
    finally:
        await judge.close()
        await solver.close()


async def solve(solver: Solver, plan: SearchPlan, problem: Row, name: str, judge: PythonCheck) -> Row:
    """Run one search, and judge each of its replies by both kinds of tests."""
    asked = solver.problem(problem["question"], plan, tests=problem["tests"])
    started = time.monotonic()
    result = await solver.solve(asked, plan)
    seconds = time.monotonic() - started
    solver.engine.free_suffixes(asked.prompt_ids)
    candidates = [await judged(candidate, problem, judge) for candidate in result.candidates]
    row: Row = {
        "setting": name,
        "id": problem["id"],
        "tokens": result.usage.decoded,
        "seconds": seconds,
        "stop_reason": result.stop_reason,
        "verified": result.reply.is_verified,
        "right": rightness(result.reply.output, candidates),
        "candidates": candidates,
    }
    if name == "samples":
        row["best-of-n"] = rightness(best_of(result), candidates)
    return row


def best_of(result: SearchResult) -> str:
    """Return the output that `best-of-n` chooses among the replies."""
    candidates, votes, _ = rerate(result.candidates, reward="confidence", vote="best")
    return candidates[votes[0].candidate_ids[0]].reply.output if votes else ""


def rightness(output: str, candidates: Sequence[Row]) -> bool:
    """Say whether the reply with this output passes all tests."""
    return any(each["right"] for each in candidates if each["output"] == output)


async def judged(candidate: Candidate, problem: Row, judge: PythonCheck) -> Row:
    """Return a reply with what a check says of it, and whether it passes all tests."""
    output = candidate.reply.output
    seen = await judge.check(Submission(question="", output=output, tests=problem["tests"]))
    return {
        "output": output,
        "tokens": len(candidate.reply.tokens),
        "seen": seen.judgement,
        "why": seen.why,
        "right": await asyncio.to_thread(is_right, output, problem),
    }


def is_right(output: str, problem: Row) -> bool:
    """Say whether a reply passes the tests and the hidden ones."""
    target = target_of("python", f"{problem['tests']}\n{problem['hidden']}")
    return grade(output, Item(id=problem["id"], question="", target=target, scorer="check")).verdict == "right"


def report(options: argparse.Namespace) -> None:
    """Print the table, over the problems that were asked both ways."""
    rows = {(row["setting"], row["id"]): row for row in rows_in(options.out / ROWS)}
    shared = [each for setting, each in rows if setting == "samples" and ("greedy", each) in rows]
    greedy, samples = [rows["greedy", each] for each in shared], [rows["samples", each] for each in shared]
    checks = [checked(row) for row in samples]
    base, best = [row["right"] for row in greedy], [row["best-of-n"] for row in samples]
    table: list[tuple[str, list[bool], list[float], int, int]] = [
        ("greedy", base, [row["tokens"] for row in greedy], 0, 0),
        ("vote", [row["right"] for row in samples], [row["tokens"] for row in samples], 0, 0),
        ("best-of-n", best, [row["tokens"] for row in samples], 0, 0),
        ("vote --check python", *counted([(each["right"], each["tokens"], each["verified"]) for each in checks])),
    ]
    autos = [auto(rows, each) or {**rows["samples", each], "right": False, "verified": False} for each in shared]
    num_open = sum(auto(rows, each) is None for each in shared)
    table.append(("--check python", *counted([(row["right"], row["tokens"], row["verified"]) for row in autos])))
    print(
        f"{len(shared)} problems\n\n| | right % | tokens | against greedy | against best-of-n | verified | of them wrong |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for label, right, tokens, num_verified, num_wrong in table:
        share, cost = 100 * statistics.fmean(right), statistics.fmean(tokens)
        print(
            f"| {label} | {share:.1f} | {cost:.0f} | {gain(right, base)} | {gain(right, best)} | {num_verified} | {num_wrong} |"
        )
    some = statistics.fmean(any(each["right"] for each in row["candidates"]) for row in samples)
    every = [each for row in rows.values() for each in row["candidates"]]
    passing = [each for each in every if each["seen"] == "right"]
    refused = [each for each in every if each["seen"] == "wrong" and each["right"]]
    if num_open:
        print(
            f"\n`--check python` of {num_open} problems was not run to its end: wrong, with the tokens of their samples"
        )
    print(f"\nof the samples of {100 * some:.1f} % of the problems at least one is right")
    print(
        f"{len(every)} replies: {len(passing)} are verified, {sum(not each['right'] for each in passing)} of them wrong; "
        f"{len(refused)} right ones are refuted; {sum(each['seen'] == 'unknown' for each in every)} are not judged"
    )


def checked(row: Row) -> Row:
    """Return what `vote --check python` comes to with as many lanes as samples: the same replies, up to the first right one.

    All are written at once, a token each a tick, so when the shortest that passes is done, no other is longer.
    """
    candidates = row["candidates"]
    passing = [each for each in candidates if each["seen"] == "right"]
    if not passing:
        return {"right": row["right"], "tokens": row["tokens"], "verified": False}
    first = min(passing, key=lambda each: each["tokens"])
    tokens = sum(min(each["tokens"], first["tokens"]) for each in candidates)
    return {"right": first["right"], "tokens": tokens, "verified": True}


def auto(rows: dict[tuple[str, str], Row], each: str) -> Row | None:
    """Return the row of `--check python` alone; a chain that passes is all that it writes."""
    chain = rows["greedy", each]
    if chain["candidates"] and chain["candidates"][0]["seen"] == "right":
        return {**chain, "verified": True}
    return rows.get(("auto", each))


def counted(found: Sequence[tuple[bool, float, bool]]) -> tuple[list[bool], list[float], int, int]:
    """Return columns of a table: right, tokens, how many are verified, and how many of those are wrong."""
    verified = [is_right for is_right, _, is_verified in found if is_verified]
    return [each[0] for each in found], [each[1] for each in found], len(verified), sum(not each for each in verified)


def gain(right: Sequence[bool], base: Sequence[bool]) -> str:
    """Return the difference in points, with its 95 % interval bootstrapped over problems."""
    differences = [int(one) - int(other) for one, other in zip(right, base, strict=True)]
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(differences, k=len(differences))) for _ in range(BOOTSTRAPS))
    low, high = (means[int(share * BOOTSTRAPS)] for share in (EITHER_SIDE, 1 - EITHER_SIDE))
    return f"{100 * statistics.fmean(differences):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "report"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--limit", type=int, default=52)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", action="append", choices=SETTINGS)
    options = parser.parse_args()
    if options.action == "run":
        asyncio.run(run(options))
    else:
        report(options)


if __name__ == "__main__":
    main()

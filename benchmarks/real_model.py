r"""Which strategy is worth its tokens on a real model? Any GGUF file, your own problems, any fields of `SearchConfig`.

    python benchmarks/real_model.py run --model FILE --data problems.jsonl --out DIR \
        --setting 'greedy={"strategy": "cot"}' --setting 'tree@16={"simulations": 16}'     # resumable
    python benchmarks/real_model.py report --out DIR --against greedy
    python benchmarks/real_model.py votes --out DIR                  # the same replies under every vote, and by fewer of them
    python benchmarks/real_model.py signals --out DIR                # does any signal know which reply is right?

A problem is a line with `question` and `target` (GSM8K: `answer` after `####`), scored by number. Every candidate is kept with
its signals, so that other votes can be counted later. Intervals are bootstrapped over problems, paired with `--against`.
"""

import argparse
import asyncio
import json
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from search_quality import row_of  # type: ignore[import-not-found]  # beside this script

from marco_cli.config.layers import resolve
from marco_cli.engine.base import SamplingParams, Tokens
from marco_cli.evals.calibration import auroc
from marco_cli.models import locate
from marco_cli.models.choice import implied_preset
from marco_cli.reward.signals import Signals, measure
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate
from marco_cli.search.config import SearchConfig
from marco_cli.search.program import is_program
from marco_cli.search.route import answer_or_search
from marco_cli.search.solve import search
from marco_cli.search.vote import VoteRule
from marco_cli.solver import Solver, open_solver

Row = dict[str, Any]
ROWS = "rows.jsonl"
BOOTSTRAPS = 4000
SIGNALS = ("confidence", "tail", "group", "margin", "logprob", "tokens", "sound")
DRAWS = 50
"""Random halves of the replies to a problem."""


def config_of(text: str) -> tuple[str, SearchConfig, bool]:
    """Return name, configuration and whether `auto` decides, of NAME={field: value}; `temperature` and `top_p` sample."""
    name, _, fields = text.partition("=")
    chosen = json.loads(fields or "{}")
    is_routed = chosen.pop("auto", False)
    sampling = SamplingParams(temperature=chosen.pop("temperature", 0.7), top_p=chosen.pop("top_p", 0.95))
    usual = {"certainty": 1.0, "parallel": 16 if chosen.get("strategy") in ("vote", "best-of-n") else 4}
    return name, SearchConfig(sampling=sampling, **{**usual, **chosen}), is_routed


def problems_of(path: Path, limit: int) -> list[Row]:
    """Return a fixed, shuffled choice of the problems."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(found)
    return [
        {
            "id": row["id"],
            "family": path.stem,
            "question": row["question"],
            "answer": str(row.get("target") or row["answer"].rpartition("####")[2].strip()),
        }
        for row in found[:limit]
    ]


def rows_in(path: Path) -> list[Row]:
    """Return the rows written so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


async def run(options: argparse.Namespace) -> None:
    """Run what is missing, problem after problem, every setting on each, so that a run cut short is still paired."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / ROWS
    done = {(row["setting"], row["seed"], row["id"]) for row in rows_in(path)}
    settings = [config_of(text) for text in options.setting]
    wanted = [
        (problem, name, config, is_routed)
        for problem in problems_of(options.data, options.skip + options.limit)[options.skip :]
        for name, config, is_routed in settings
        if (name, options.seed, problem["id"]) not in done
    ]
    model = locate(str(options.model))
    flags = {
        "preset": implied_preset(model),
        "parallel": 16,
        "max_tokens": options.max_tokens,
        "threads": options.threads,
    }
    solver = open_solver(resolve(flags=flags, env={}).settings, model, {})
    places = asyncio.Semaphore(options.at_once)

    async def work(problem: Row, name: str, config: SearchConfig, *, is_routed: bool) -> None:
        async with places:
            row = await solve(solver, problem, name, replace(config, seed=options.seed), is_routed=is_routed)
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        print(name, problem["id"], row["correct"], row["tokens"], f"{row['seconds']:.0f} s", flush=True)

    try:
        with path.open("a", encoding="utf-8") as file:
            await asyncio.gather(*(work(*each[:3], is_routed=each[3]) for each in wanted))
    finally:
        await solver.close()


async def solve(solver: Solver, problem: Row, name: str, config: SearchConfig, *, is_routed: bool) -> Row:
    """Run one search."""
    asked = solver.problem(problem["question"])
    find = answer_or_search if is_routed else search
    started = time.monotonic()
    result = await find(asked, solver.context(replace(solver.plan, config=config)), config)
    solver.engine.free_suffixes(asked.prompt_ids)
    row: Row = row_of(problem, name, config.seed, result, len(result.candidates))
    texts = [f"{each.reply.thought}\n{each.reply.output}" for each in result.candidates]
    for candidate, each, text in zip(row["candidates"], result.candidates, texts, strict=True):
        candidate.update(text=text, fresh=each.fresh, cut=each.reply.is_truncated)
    return {**row, "seconds": time.monotonic() - started, "searched": result.is_searched}


def report(options: argparse.Namespace) -> None:
    """Print a row a setting over the problems that all of them were asked."""
    rows = rows_in(options.out / ROWS)
    names = list(dict.fromkeys(row["setting"] for row in rows))
    by_name = {name: {(row["id"], row["seed"]): row for row in rows if row["setting"] == name} for name in names}
    shared = sorted(set.intersection(*(set(each) for each in by_name.values())))
    print(f"{len(shared)} problems\n\n| setting | right % | any % | tokens | seconds | against {options.against} |")
    print("|---|--:|--:|--:|--:|--:|")
    base = [by_name[options.against][key]["correct"] for key in shared]
    for name in names:
        found = [by_name[name][key] for key in shared]
        right = [bool(row["correct"]) for row in found]
        some = statistics.fmean(any(each["correct"] for each in row["candidates"]) for row in found)
        low, high = interval([int(one) - int(other) for one, other in zip(right, base, strict=True)])
        gain = 100 * (statistics.fmean(right) - statistics.fmean(base))
        tokens, seconds = (statistics.fmean(row[key] for row in found) for key in ("tokens", "seconds"))
        print(
            f"| {name} | {100 * statistics.fmean(right):.1f} | {100 * some:.1f} | {tokens:.0f} | {seconds:.1f} "
            f"| {gain:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] |"
        )


def votes(options: argparse.Namespace) -> None:
    """Print how many problems the replies of each setting are right on under every vote, all of them and random halves."""
    rows = rows_in(options.out / ROWS)
    rules: dict[str, VoteRule] = {
        name: load(VOTES[name]) for name in ("majority", "sound", "weighted", "likely", "checked", "best")
    } | {f"DeepConf {100 * share:.0f} %": deepconf(share) for share in (0.75, 0.5)}
    print(f"| setting | problems | replies | {' | '.join(rules)} | any |\n|---|--:|--:|{'--:|' * (len(rules) + 1)}")
    for name in dict.fromkeys(row["setting"] for row in rows):
        found = [row for row in rows if row["setting"] == name and len(row["candidates"]) > 1]
        for share in (1.0, 0.5) if found else ():
            rng = random.Random(0)
            draws = [
                rng.sample(row["candidates"], max(1, round(share * len(row["candidates"]))))
                for row in found
                for _ in range(1 if share == 1 else DRAWS)
            ]
            right = [statistics.fmean(winner(draw, rule)["correct"] for draw in draws) for rule in rules.values()]
            right.append(statistics.fmean(any(each["correct"] for each in draw) for draw in draws))
            size = statistics.fmean(map(len, draws))
            print(f"| {name} | {len(found)} | {size:.1f} | {' | '.join(f'{100 * each:.1f}' for each in right)} |")


def deepconf(share: float) -> VoteRule:
    """Return the vote of DeepConf (arXiv 2508.15260): this share of the replies, those of the highest lowest-group confidence, by it."""

    def weigh(candidates: Sequence[Candidate]) -> list[float]:
        groups = [candidate.reply.signals.lowest_group_confidence for candidate in candidates]
        least = sorted(groups, reverse=True)[max(1, round(share * len(groups))) - 1]
        return [group if group >= least else 0.0 for group in groups]

    return weigh


def programs(options: argparse.Namespace) -> None:
    """Print what replies that answer with a program are worth beside the other setting's first replies."""
    rows = rows_in(options.out / ROWS)
    chains = {
        row["id"]: row["candidates"][0] for row in rows if row["setting"] == options.against and row["candidates"]
    }
    written = {
        row["id"]: found
        for row in rows
        if row["id"] in chains and (found := [each for each in row["candidates"] if is_program(each["text"].encode())])
    }
    if not written:
        return
    every = [each for found in written.values() for each in found]
    agreed = [chains[key] for key, found in written.items() if found[0]["answer"] == chains[key]["answer"]]
    print(
        f"\n{len(every)} programs on {len(written)} problems: {100 * statistics.fmean(each['correct'] for each in every):.1f} % right, "
        f"{statistics.fmean(each['tokens'] for each in every):.0f} tokens; {options.against} on the same problems: "
        f"{100 * statistics.fmean(chains[key]['correct'] for key in written):.1f} %, "
        f"{statistics.fmean(chains[key]['tokens'] for key in written):.0f} tokens; it agrees with the first program on {len(agreed)}, "
        f"of which {sum(each['correct'] for each in agreed)} are right"
    )


def signals(options: argparse.Namespace) -> None:
    """Print the AUROC of each signal over all replies, and over those to one problem, the mean of the problems."""
    rows = [row for row in rows_in(options.out / ROWS) if len(row["candidates"]) > 1]
    print(
        "| setting | replies | of them right % | signal | AUROC | within a problem | of |\n|---|--:|--:|---|--:|--:|--:|"
    )
    for name in dict.fromkeys(row["setting"] for row in rows):
        for kind, is_wanted in (("words", False), ("programs", True)):
            found = [
                [each for each in row["candidates"] if is_program(each["text"].encode()) == is_wanted]
                for row in rows
                if row["setting"] == name
            ]
            every = [each for replies in found for each in replies]
            if not every:
                continue
            share = 100 * statistics.fmean(each["correct"] for each in every)
            for signal in SIGNALS:
                within = [one for replies in found if (one := ranking(replies, signal)) is not None]
                print(
                    f"| {name}, {kind} | {len(every)} | {share:.1f} | {signal} | {ranking(every, signal) or math.nan:.3f} "
                    f"| {statistics.fmean(within) if within else math.nan:.3f} | {len(within)} |"
                )


def ranking(replies: Sequence[Row], signal: str) -> float | None:
    """Return how often a right reply has more of a signal than a wrong one; None without both."""
    known = [each for each in replies if each.get(signal) is not None]
    return auroc([(float(each[signal]), bool(each["correct"])) for each in known])


def winner(rows: Sequence[Row], rule: VoteRule) -> Row:
    """Return the reply whose answer a vote of these replies chooses."""
    replies = [row for row in rows if not row["cut"]] or rows
    replies = [row for row in replies if row["answer"] is not None] or replies
    candidates = [
        SimpleNamespace(weight=row["weight"], reward=row["reward"], reply=SimpleNamespace(signals=signals_of(row)))
        for row in replies
    ]
    weights = rule(cast("Sequence[Candidate]", candidates))
    totals = defaultdict[str | None, float](float)
    for row, weight in zip(replies, weights, strict=True):
        totals[row["answer"]] += weight
    leader = max(totals, key=lambda answer: totals[answer])
    return next(row for row in replies if row["answer"] == leader)


def signals_of(row: Row) -> Signals:
    """Return what votes ask for of a reply's signals."""
    return replace(
        measure(Tokens.forced(())),
        confidence=row["confidence"],
        mean_logprob=row["logprob"],
        num_tokens=row["tokens"],
        answer_margin=row["margin"],
        lowest_group_confidence=row["group"],
        is_plausible=row.get("sound", not row["false"]),
    )


def interval(differences: Sequence[int]) -> tuple[float, float]:
    """Return the 95 % interval of the mean, bootstrapped."""
    rng = random.Random(0)
    means = sorted(statistics.fmean(rng.choices(differences, k=len(differences))) for _ in range(BOOTSTRAPS))
    return means[int(0.025 * BOOTSTRAPS)], means[int(0.975 * BOOTSTRAPS)]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "report", "votes", "signals"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0, help="problems that are left to other measurements")
    parser.add_argument("--at-once", type=int, default=1, help="searches that run together; 1 where seconds matter")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-tokens", type=int, default=512)
    parser.add_argument("--setting", action="append", default=[], metavar="NAME={…}")
    parser.add_argument("--against", default="greedy")
    options = parser.parse_args()
    if options.action == "run":
        asyncio.run(run(options))
    elif options.action == "votes":
        votes(options)
        programs(options)
    elif options.action == "signals":
        signals(options)
    else:
        report(options)


if __name__ == "__main__":
    main()

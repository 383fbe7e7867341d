"""What came of search_quality.py: a table of all methods, paired with greedy, and a plot.

    python benchmarks/quality_report.py --out DIR                # --svg FILE draws the plot

`vote`, `best-of-n` and `sample` at every n are computed from one pool of 32 samples a problem (the first n of them, averaged
over disjoint groups), as are the unbiased Test@n = 1 - C(n-c, k)/C(n, k) (Chen et al., arXiv 2107.03374). Intervals are
bootstrapped over problems.
"""

import argparse
import json
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marco_cli.config.layers import resolve
from marco_cli.search.vote import discounted, likelihoods
from marco_cli.view.chart import Series, chart, linear_axis, log_axis
from marco_cli.view.eval_problems import part

ROWS = "rows.jsonl"
TIMES = "times.jsonl"
SIZES = (1, 4, 8, 16, 32)
REFLECTING_SAMPLES = "best-of-n reflect always @800"
VOTE_ON_THEM = "weighted vote reflect always @800"
"""The same replies, another choice."""

Row = dict[str, Any]


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
            weights[candidate["answer"]] += (
                candidate["weight"] * weigh(candidate) * (1 + 1e-6 * candidate["confidence"])
            )
            right[candidate["answer"]] = candidate["correct"]
    return bool(right[max(weights, key=lambda answer: weights[answer])]) if weights else False


def test_at(k: int, num_right: int, num_samples: int) -> float:
    """Return the unbiased probability that one of k samples is right."""
    if num_samples - num_right < k:
        return 1.0
    return 1 - math.prod(1 - k / i for i in range(num_samples - num_right + 1, num_samples + 1))


def likely(group: Sequence[Row]) -> bool:
    """Return whether the answer whose replies are the most probable is right (`search.vote.likely`)."""
    weights = probabilities(group)
    return pooled(group, lambda each: weights[id(each)])


def checked(group: Sequence[Row]) -> bool:
    """Return whether it is when replies with false arithmetic weigh next to nothing (`search.vote.checked`)."""
    voters = [each for each in group if each["answer"] is not None]
    weights = probabilities(group)
    whole = [each["weight"] * weights[id(each)] for each in voters]
    discounts = discounted(whole, [not each["false"] for each in voters])
    shares = {id(each): kept / each["weight"] for each, kept in zip(voters, discounts, strict=True)}
    return pooled(group, lambda each: shares[id(each)])


def probabilities(group: Sequence[Row]) -> dict[int, float]:
    """Return what the replies with an answer weigh by their probability."""
    voters = [each for each in group if each["answer"] is not None]
    if not voters:
        return {}
    weights = likelihoods([each["tokens"] for each in voters], [each["logprob"] for each in voters])
    return {id(each): weight for each, weight in zip(voters, weights, strict=True)}


RULES = {
    "sample": best,
    "vote": majority,
    "weighted vote": weighted,
    "likely vote": likely,
    "checked vote": checked,
    "best-of": best,
}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a method came to on one problem: means over seeds and disjoint groups."""

    right: float
    tokens: float = 0.0
    calls: float = 0.0


def scores(all_rows: Sequence[Row]) -> dict[str, dict[str, Score]]:
    """Return method → problem → score."""
    table: dict[str, dict[str, list[Score]]] = defaultdict(lambda: defaultdict(list))
    for row in (*all_rows, *routed(all_rows)):
        id_ = row["id"]
        if row["setting"] == "pool":
            for name, score in pool_scores(row["candidates"]):
                table[name][id_].append(score)
            continue
        table[row["setting"]][id_].append(Score(right=row["correct"], tokens=row["tokens"], calls=row["calls"]))
        if row["setting"] == REFLECTING_SAMPLES:
            right = weighted(row["candidates"])
            table[VOTE_ON_THEM][id_].append(Score(right=right, tokens=row["tokens"], calls=row["calls"]))
    return {
        name: {
            id_: Score(**{part: statistics.fmean(getattr(score, part) for score in seen) for part in Score.__slots__})
            for id_, seen in problems.items()
        }
        for name, problems in table.items()
    }


def pool_scores(candidates: Sequence[Row]) -> Iterator[tuple[str, Score]]:
    """Yield what each rule makes of the first 1, 4, … samples, of the next ones, and so on."""
    for n in SIZES:
        groups = [candidates[i : i + n] for i in range(0, len(candidates) - n + 1, n)]
        for name, rule in RULES.items():
            if groups and (n == 1) == (name == "sample"):
                right = statistics.fmean(rule(group) for group in groups)
                tokens = statistics.fmean(sum(candidate["tokens"] for candidate in group) for group in groups)
                yield name if n == 1 else f"{name}@{n}", Score(right=right, tokens=tokens, calls=n)
        passed = test_at(n, sum(candidate["correct"] for candidate in candidates), len(candidates))
        yield f"Test@{n} (upper bound)", Score(right=passed)


def interval(differences: Sequence[float], *, repeats: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean over problems."""
    draw = random.Random(0)
    means = sorted(statistics.fmean(draw.choices(differences, k=len(differences))) for _ in range(repeats))
    return means[int(0.025 * repeats)], means[int(0.975 * repeats)]


def report(options: argparse.Namespace) -> None:
    """Print the table, paired with greedy and with the best rival at no more tokens, and draw the plot."""
    table = scores(list(rows(options.out / ROWS)))
    times = seconds(rows(options.out / TIMES))
    accuracy = {name: statistics.fmean(score.right for score in t.values()) for name, t in table.items()}
    tokens = {name: statistics.fmean(score.tokens for score in t.values()) for name, t in table.items()}
    print("| method | problems | accuracy % | tokens | replies | seconds | against greedy, 95 % interval |")
    print("|---|--:|--:|--:|--:|--:|---|")
    for name in sorted(table, key=lambda name: (tokens[name], name)):
        calls = statistics.fmean(score.calls for score in table[name].values())
        print(
            f"| {name} | {len(table[name])} | {100 * accuracy[name]:.1f} | {tokens[name]:.0f} | {calls:.1f} "
            f"| {f'{times[name]:.2f}' if name in times else ''} | {paired(table[name], table['greedy'])} |"
        )
    rivals = [name for name in table if name.partition("@")[0] in RULES]
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


def seconds(timed: Iterable[Row]) -> dict[str, float]:
    """Return method → mean seconds of a problem that is asked alone."""
    seen: dict[str, list[float]] = defaultdict(list)
    for row in timed:
        setting = row["setting"]
        n = SIZES[-1] if setting == "pool" else int(setting.removeprefix("pool ")) if setting.startswith("pool ") else 0
        names = [setting] if not n else ["sample"] if n == 1 else [f"{rule}@{n}" for rule in RULES if rule != "sample"]
        for name in (*names, *([VOTE_ON_THEM] if setting == REFLECTING_SAMPLES else [])):
            seen[name].append(row["seconds"])
    return {name: statistics.fmean(times) for name, times in seen.items()}


def paired(ours: dict[str, Score], theirs: dict[str, Score]) -> str:
    """Return the difference in points, and its interval, over the problems that both have."""
    low, high = interval([ours[id_].right - theirs[id_].right for id_ in ours if id_ in theirs])
    return f"{gain(ours, theirs):+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def gain(ours: dict[str, Score], theirs: dict[str, Score]) -> float:
    """Return the difference in points over the problems that both have."""
    return 100 * statistics.fmean(ours[id_].right - theirs[id_].right for id_ in ours if id_ in theirs)


def draw_plot(path: Path, gains: dict[str, float], tokens: dict[str, float]) -> None:
    """Draw what each method gains over the greedy chain, on the same problems, against decoded tokens."""
    efforts = [f"mcts {name}" for name in ("low", "medium", "high", "max")]
    lines = {"mcts, by effort": [name for name in efforts if name in gains]}
    for label in ("best-of", "vote", "weighted vote", "likely vote", "checked vote"):
        lines[label] = [f"{label}@{n}" for n in (4, 8, 16, 32) if f"{label}@{n}" in gains]
    series = [
        Series(points=tuple((tokens[name], gains[name]) for name in names), colour=f"var(--s{number})", label=label)
        for number, (label, names) in enumerate(lines.items(), 1)
        if names
    ]
    for name, points in gains.items():
        if name.startswith(("paper", "beam", "tot", "greedy", "auto")) and "reflect" not in name:
            series.append(Series(points=((tokens[name], points),), colour="var(--muted)", label=name.split(" @")[0]))
    shown = [point for each in series for point in each.points]
    x = log_axis("decoded tokens a problem", [x for x, _ in shown])
    y = linear_axis("points over greedy, same problems", [y for _, y in shown])
    path.write_text(
        chart(
            "Points over the greedy chain", x, y, series, size=(640, 400), style=part("palette.css").replace("\n", "")
        ),
        encoding="utf-8",
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the rows are")
    parser.add_argument("--svg", type=Path)
    report(parser.parse_args())


if __name__ == "__main__":
    main()

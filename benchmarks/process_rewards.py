"""Say whether process rewards choose better than confidence among the same replies.

    marco eval nano --strategy best-of-n@8+certainty=1 --prm prm.gguf:math-shepherd --step line -n 80 -o DIR    # --resume goes on
    python benchmarks/process_rewards.py DIR

Prints how often each signal puts a right reply before a wrong one to the same problem (a problem is one observation, ties are half),
and how often each rule chooses a right one, against the most confident reply. The replies are the same, so tokens are equal.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from marco_cli.evals.intervals import Estimate, bootstrap, paired, wilson
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.rescoring import rescore
from marco_cli.evals.runner import ROWS_FILE, read_outcomes

SIGNALS = ("process", "confidence")
RULES = {
    "most confident reply": ("confidence", "best"),
    "best process reward": ("process", "best"),
    "vote by process rewards": ("process", "process"),
    "majority": ("confidence", "majority"),
    "vote `checked`": ("checked", "checked"),
}


def in_order(outcome: Outcome, signal: str) -> list[float]:
    """Return for each pair of a right and a wrong reply 1 where the signal prefers the right one, 0 where it does not."""
    found: tuple[list[float], list[float]] = ([], [])
    for candidate, score in zip(outcome.candidates, outcome.scores, strict=True):
        value = getattr(candidate.reply.signals, signal)
        found[score.verdict == "right"].append(0.5 if value is None else value)
    wrong, right = found
    return [0.5 if good == bad else float(good > bad) for good in right for bad in wrong]


def shown(estimate: Estimate, *, sign: str = "") -> str:
    """Return an estimate in per cent with its interval."""
    value, low, high = (f"{100 * each:{sign}.1f}" for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def report(outcomes: Sequence[Outcome]) -> None:
    """Print both tables."""
    print(
        f"{len(outcomes)} problems, {statistics.fmean(each.usage.decoded for each in outcomes):.0f} tokens each;",
        end=" ",
    )
    print(f"{sum(any(s.verdict == 'right' for s in each.scores) for each in outcomes)} with a right reply\n")
    print("| signal | pairs in order | of | mean over problems, % |\n|---|--:|--:|--:|")
    for signal in SIGNALS:
        pairs = [found for each in outcomes if (found := in_order(each, signal))]
        share = bootstrap([statistics.fmean(found) for found in pairs])
        print(f"| {signal} | {sum(map(sum, pairs)):.0f} | {sum(map(len, pairs))} | {shown(share)} |")
    print("\n| rule | right % | against the most confident reply | won | lost |\n|---|--:|--:|--:|--:|")
    base: dict[str, list[float]] = {}
    for name, (reward, vote) in RULES.items():
        chosen = [rescore(each, reward=reward, vote=vote) for each in outcomes]
        values = {each.item.id: [float(each.score.verdict == "right")] for each in chosen}
        base = base or values
        pairing = paired(base, values)
        right = wilson(sum(value for (value,) in values.values()), len(values))
        print(
            f"| {name} | {shown(right)} | {shown(pairing.difference, sign='+')} | {pairing.gained} | {pairing.lost} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="what `marco eval -o` wrote")
    report(list(read_outcomes(parser.parse_args().run / ROWS_FILE)))


if __name__ == "__main__":
    main()

"""What it costs to draw a token with top-p and no top-k, as a search does by default, beside what scoring costs.

    python benchmarks/draws.py

Rows of logits over 151 936 tokens, peaked as a language model's are: a few hundred likely tokens above a broad rest. `sums` is
one more pass over the vocabulary for each row, the weights' sum at the temperature, which every draw took before the weight
beyond the candidates was bounded. Milliseconds for all rows, least of `--repeats`, one thread.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marco_cli.engine import sampling
from marco_cli.engine.scores import Scores, score
from marco_cli.search.config import SearchConfig

VOCAB = 151_936
HEAD = 200


def peaked(num_rows: int) -> NDArray[np.float32]:
    """Return logits `[num_rows, VOCAB]`."""
    draw = np.random.default_rng(0)
    logits = (draw.standard_normal((num_rows, VOCAB)) * 2.2).astype(np.float32)
    for row in logits:
        row[draw.permutation(VOCAB)[:HEAD]] += np.linspace(18, 4, HEAD, dtype=np.float32) * draw.uniform(0.7, 1.1)
    return logits


def least(repeats: int, work: Callable[[], object]) -> float:
    """Return the milliseconds of the fastest of several calls."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times) * 1e3


def sums(logits: NDArray[np.float32], scores: Scores) -> list[float]:
    """Return the weights' sum of each row at the temperature that a search samples at."""
    temperature = SearchConfig().sampling.temperature
    return [sampling._mass(logits, scores, row, temperature) for row in range(len(logits))]  # noqa: SLF001 (what is saved)


def main() -> None:
    """Read the command line and print a line for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    print("| rows | scores, ms | draws, ms | sums, ms |\n|--:|--:|--:|--:|")
    for num_rows in options.rows:
        logits = peaked(num_rows)
        params = [SearchConfig().sampling] * num_rows
        rows = np.arange(num_rows)
        uniforms = np.random.default_rng(1).random(num_rows).tolist()
        scores = score(logits, sampling.num_candidates(params))
        scored = least(options.repeats, partial(score, logits))
        drawn = least(options.repeats, partial(sampling.draw, logits, scores, rows, params, uniforms))
        summed = least(options.repeats, partial(sums, logits, scores))
        print(f"| {num_rows} | {scored:.2f} | {drawn:.2f} | {summed:.2f} |")


if __name__ == "__main__":
    main()

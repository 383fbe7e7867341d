"""Would prompt-lookup drafting pay? How many tokens a call of a single chain would yield, and how many it would have to.

    python benchmarks/drafting.py --dir ~/.cache/marco-benchmarks

Prompt lookup guesses that what followed the last few tokens where they stood before follows again, and has the model check
several guesses in one call; the text stays the same, and a call that checks k guesses yields between 1 and k + 1 tokens.

Yield: greedy chains of marco-nano on its held-out problems, replayed with the longest match of at most `--ngram` tokens in
prompt and reply so far. A call without a match costs and yields what it did. Price: calls of 1 to k + 1 rows on random weights,
medians over the repeats, over the price of one row. Drafting pays where the yield is larger than the price of the calls made.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import llama_cpp as llama
import random_gguf  # type: ignore[import-not-found]  # beside this script
from engine_speed import Setting, alone, bare_context, decode_rows  # type: ignore[import-not-found]  # beside this script

from marco_cli.engine.hardware import physical_cores
from marco_cli.models import locate
from marco_cli.solver import open_solver, resolve_settings

PROMPT = 256
CALLS = 24
"""Calls timed for each number of rows."""


def lookup(ids: Sequence[int], *, ngram: int, limit: int) -> Sequence[int]:
    """Return what followed the last tokens where they stood before: the longest match, the latest place; or nothing."""
    for length in range(min(ngram, len(ids) - 1), 0, -1):
        tail = ids[-length:]
        for start in range(len(ids) - length - 1, -1, -1):
            if ids[start : start + length] == tail:
                return ids[start + length : start + length + limit]
    return ()


def replay(prompt: Sequence[int], reply: Sequence[int], *, ngram: int, limit: int) -> list[int]:
    """Write a reply with drafts of at most `limit` tokens; return the rows of each call."""
    rows, written = [], 0
    while written < len(reply):
        guess = lookup([*prompt, *reply[:written]], ngram=ngram, limit=limit)
        rows.append(1 + len(guess))
        right = next(
            (n for n, token in enumerate(guess) if reply[written + n : written + n + 1] != (token,)), len(guess)
        )
        written += right + 1
    return rows


def chains(count: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return prompts and greedy replies of marco-nano."""

    async def main() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        settings, model = resolve_settings({"model": "marco-nano", "effort": "none"}, {})
        solver = open_solver(settings, model, {})
        written = []
        for question in questions(count):
            problem = solver.problem(question)
            result = await solver.solve(problem)
            written.append((problem.prompt_ids, tuple(result.reply.tokens.ids.tolist())))
        await solver.close()
        return written

    return asyncio.run(main())


def questions(count: int) -> list[str]:
    """Return a fixed choice of the held-out problems."""
    lines = locate("marco-nano").path.with_name("heldout.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in random.Random(0).sample(lines, count)]


def prices(setting: Setting, most: int) -> list[float]:
    """Return what calls of 1 to `most` rows of one sequence take, over what one row takes."""
    seconds: list[list[float]] = [[] for _ in range(most)]
    with bare_context(setting, 1) as context:
        batch = llama.llama_batch_init(PROMPT, 0, 1)
        memory = llama.llama_get_memory(context)
        decode_rows(context, batch, [(65, place, 0) for place in range(PROMPT)], logits=False)
        for _ in range(CALLS):
            for rows in range(1, most + 1):
                started = time.perf_counter()
                decode_rows(context, batch, [(65 + n, PROMPT + n, 0) for n in range(rows)], logits=True)
                llama.llama_get_logits(context)
                seconds[rows - 1].append(time.perf_counter() - started)
                llama.llama_memory_seq_rm(memory, 0, PROMPT, -1)
        llama.llama_batch_free(batch)
    medians = [statistics.median(taken) for taken in seconds]
    return [median / medians[0] for median in medians]


def main() -> None:
    """Read the command line, replay, time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where generated models are kept")
    parser.add_argument("--models", nargs="+", default=["0.5B-q8_0", "1.5B-q4_0"], metavar="SHAPE-TYPE")
    parser.add_argument("--chains", type=int, default=200)
    parser.add_argument("--ngram", type=int, default=3)
    parser.add_argument("--most", type=int, default=4, help="tokens of a draft")
    arguments = parser.parse_args()
    paths = {name: arguments.dir / f"random-{name}.gguf" for name in arguments.models}
    for name, path in paths.items():
        if not path.exists():
            shape, _, kind = name.rpartition("-")
            arguments.dir.mkdir(parents=True, exist_ok=True)
            random_gguf.write(path, random_gguf.SHAPES[shape], kind)
    written = chains(arguments.chains)
    num_tokens = sum(len(reply) for _, reply in written)
    prized = {name: alone(prices, setting_of(path), 1 + arguments.most) for name, path in paths.items()}
    print(f"| guesses | tokens a call | {' | '.join(f'{name}: price of as many rows | speed' for name in prized)} |")
    print(f"|{'--:|' * (2 + 2 * len(prized))}")
    for limit in range(1, arguments.most + 1):
        calls = [
            rows for prompt, reply in written for rows in replay(prompt, reply, ngram=arguments.ngram, limit=limit)
        ]
        cells = [
            f"{price[limit]:.2f} | {num_tokens / sum(price[rows - 1] for rows in calls):.2f}"
            for price in prized.values()
        ]
        print(f"| {limit} | {num_tokens / len(calls):.2f} | {' | '.join(cells)} |")


def setting_of(path: Path) -> Setting:
    """Return how prices are taken."""
    return Setting(path=path, threads=physical_cores(), num_tokens=0, cells=1024, batched_bench=None)


if __name__ == "__main__":
    main()

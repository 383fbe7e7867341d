"""What it costs to read a prompt, alone and beside requests that decode: as one call, and as the engine divides it.

    python benchmarks/prompt_calls.py --dir ~/.cache/marco-benchmarks
    python benchmarks/prompt_calls.py --dir ~/.cache/marco-benchmarks --shape 7B --type q4_0 --after 1024

Cases: the last 32, 52 or 64 tokens of a prompt of which the rest is in the KV memory (a turn of a chat, a fork); 64 tokens
of a new prompt beside requests that each decode one token (a batch); 64 requests that decode; with `--singles`, so many
without anything before them, where four-bit weights are filled up to whole blocks. The cells of the requests lie
in turn, as decoding leaves them. Seconds of one `decode` of the llama.cpp backend on a model of random weights, medians; its KV
memory is one, as that of models with sliding windows, for the calls of streams are not divided.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import random_gguf  # type: ignore[import-not-found]  # beside this script

from marco_cli.engine.backend import Row
from marco_cli.engine.fillers import Fillers
from marco_cli.engine.hardware import physical_cores
from marco_cli.engine.llama_weights import Weights
from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions
from marco_cli.engine.unified import Unified

Run = tuple[int, int]
"""Rows of a sequence, and the cells before them."""


def rows_of(runs: Sequence[Run]) -> list[Row]:
    """Return the rows of sequences 0, 1, …; the last of each wants logits."""
    return [
        Row(token=65 + (start + i) % 26, position=start + i, sequences=(sequence,), wants_logits=i == count - 1)
        for sequence, (count, start) in enumerate(runs)
        for i in range(count)
    ]


def fill(model: LlamaModel, runs: Sequence[Run]) -> None:
    """Evaluate what comes before the runs, eight tokens of each sequence at a time."""
    for begin in range(0, max(start for _, start in runs), 8):
        rows = rows_of([(max(0, min(8, start - begin)), begin) for _, start in runs])
        for chunk in range(0, len(rows), model.max_rows):
            model.decode(rows[chunk : chunk + model.max_rows])


def unified(model: LlamaModel) -> Unified:
    """Return the memory of a model, which is one."""
    if not isinstance(model.memory, Unified):
        raise SystemExit("the KV memory is in streams")
    return model.memory


def compare(model: LlamaModel, runs: Sequence[Run], repeats: int) -> tuple[float, float]:
    """Return the seconds that the rows take in one call and as divided, in turn, with the KV memory filled."""
    rows = rows_of(runs)
    times: tuple[list[float], list[float]] = ([], [])
    memory = unified(model)
    usual = memory.row_cost, memory.fillers
    for _ in range(repeats):
        for (row_cost, fillers), taken in zip(((None, Fillers(pairs=False, blocks=False)), usual), times, strict=True):
            memory.row_cost, memory.fillers = row_cost, fillers
            started = time.perf_counter()
            model.decode(rows)
            taken.append(time.perf_counter() - started)
            for sequence, (_, start) in enumerate(runs):
                model.remove(sequence, start, -1)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="where the generated model is kept")
    parser.add_argument("--shape", choices=random_gguf.SHAPES, default="0.5B")
    parser.add_argument("--type", choices=random_gguf.TYPES, default="q8_0")
    parser.add_argument("--after", type=int, nargs="*", default=[256, 1024, 4096], help="cells before a prompt's end")
    parser.add_argument("--beside", type=int, nargs="*", default=[8, 16, 31], help="requests beside a prompt")
    parser.add_argument("--singles", type=int, nargs="*", default=[], help="requests that decode their first token")
    parser.add_argument("--length", type=int, default=256, help="cells of each of those")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=physical_cores())
    options = parser.parse_args()
    path = options.dir / f"random-{options.shape}-{options.type}.gguf"
    if not path.exists():
        options.dir.mkdir(parents=True, exist_ok=True)
        random_gguf.write(path, random_gguf.SHAPES[options.shape], options.type)
    one = (1, options.length)
    cases: dict[str, list[Run]] = {
        **{f"{count} tokens after {after}": [(count, after)] for after in options.after for count in (32, 52, 64)},
        **{f"64 tokens beside {width} of {options.length}": [one] * width + [(64, 0)] for width in options.beside},
        **{f"{count} single tokens": [(1, 0)] * count for count in options.singles},
        **({f"64 of {options.length}": [one] * 64} if options.beside else {}),
    }
    Weights.window = property(lambda _: 1)  # type: ignore[assignment, method-assign]
    print("| rows | calls | one call, ms | as divided, ms | |\n|---|---|--:|--:|--:|")
    for name, runs in cases.items():
        cells = sum(count + start for count, start in runs) + 256
        model = LlamaModel(path, LlamaOptions(cells=cells, threads=options.threads, gpu_layers=0))
        fill(model, runs)
        calls = [
            f"{len(call.rows)}{f' + {call.num_fillers}' * (call.num_fillers > 0)}"
            for call in unified(model).divide(rows_of(runs))
        ]
        plain, divided = compare(model, runs, options.repeats)
        print(
            f"| {name} | {', '.join(calls)} | {1000 * plain:.0f} | {1000 * divided:.0f} | {divided / plain:.2f} |",
            flush=True,
        )
        model.close()


if __name__ == "__main__":
    main()

"""How much memory `marco batch` takes for many rows: the peak of a process with 1 000 rows and of one with 100 000.

    python benchmarks/batch_memory.py                        # minutes
    python benchmarks/batch_memory.py --rows 500 5000        # seconds

Each row goes all the way, from a file through a search of the scripted engine to a file, and every row is synced; then the
finished file is opened again with `--resume`. The aim: 20 MB between the two peaks. Questions repeat after fifty, so that
the scripted engine, which remembers what it said, does not grow.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from unittest import mock

from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.models import LocatedModel
from marco_cli.plan import search_plan
from marco_cli.solver import Solver


def script(text: str) -> Mapping[str, float]:
    """Answer everything with 7."""
    return {f"7{END}": 1.0} if text.endswith("<|im_start|>assistant\n") else {}


def open_scripted(settings: Settings, model: LocatedModel, _environ: Mapping[str, str]) -> Solver:
    """Stand in for `open_solver`."""
    return Solver(engine=scripted_engine(script), plan=search_plan(settings), model=model)


def peak(folder: str, count: int, sender: "SimpleQueue[int]") -> None:
    """Run a batch in this process, twice, and send its peak in KiB."""
    from marco_cli.commands import app  # noqa: PLC0415 (what it loads counts)

    os.environ |= {"MARCO_MODEL": "marco-nano", "MARCO_PRESET": "generic", "HOME": folder, "XDG_CONFIG_HOME": folder}
    source, output = Path(folder) / f"q{count}.jsonl", Path(folder) / f"a{count}.jsonl"
    with source.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": f"row {n}", "prompt": f"{n % 50}?"}) + "\n" for n in range(count))
    with mock.patch("marco_cli.commands._batching.open_solver", open_scripted):
        for _ in range(2):
            sys.argv = ["marco", "batch", str(source), "-o", str(output), "--resume", "-q"]
            with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                app.main()
    with output.open("rb") as file:
        found = sum(1 for _ in file)
    if found != count:
        raise SystemExit(f"{found} rows, expected {count}")
    sender.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    """Measure each number of rows in a process of its own and print the peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 100_000])
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.rows:
            queue: SimpleQueue[int] = context.SimpleQueue()
            process = context.Process(target=peak, args=(folder, count, queue))
            process.start()
            process.join()
            peaks.append(queue.get() / 1024)
            print(f"{count:>8} rows: {peaks[-1]:.1f} MiB", flush=True)
    print(f"difference: {peaks[-1] - peaks[0]:.1f} MiB")


if __name__ == "__main__":
    main()

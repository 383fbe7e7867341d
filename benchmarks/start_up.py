"""How long it takes until something happens: every program started anew, from the call to its exit.

    python benchmarks/start_up.py --llm llm --completion llama-completion --cli llama-cli --json start_up.json

Programs take turns, 15 times; wall time and processor time (user and system, of the process and its children). `first` is
when the first byte of the reply came out of a pipe. `marco ask --effort none` makes one greedy chain with marco-nano;
llama-completion and llama-cli get the same GGUF, the same question under the same chat template, and the same number of
tokens to write, greedily, with as many threads. `llm` (PyPI) is the best known program of the kind that reads no GGUF.

The bars: `marco --help` within 250 ms, or 3 times `import typer`; `marco ask` at most 0.6 s longer than llama.cpp's program.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine_speed import machine  # type: ignore[import-not-found]  # beside this script

from marco_cli.models.choice import choose_model
from marco_cli.solver import open_solver, resolve_settings

QUESTION = "How many r's are in strawberry?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    reply: str | None = None
    """The stream that the reply comes out of; None where only the exit counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One start."""

    name: str
    wall: float
    cpu: float
    first: float | None


def start(program: Program) -> Sample:
    """Run a program to its end; seconds."""
    is_stderr = program.reply == "stderr"
    started = time.perf_counter()
    process = subprocess.Popen(
        program.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if is_stderr else subprocess.PIPE,
        stderr=subprocess.PIPE if is_stderr else subprocess.DEVNULL,
        env=os.environ | dict(program.env),
        bufsize=0,
    )
    pipe = process.stderr if is_stderr else process.stdout
    if pipe is None:
        raise SystemExit(f"{program.name}: no pipe")
    first = None
    while data := os.read(pipe.fileno(), 65_536):
        if first is None and data.strip():
            first = time.perf_counter() - started
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    pipe.close()
    if process.returncode:
        raise SystemExit(f"{program.name} ended with {process.returncode}: {' '.join(program.command)}")
    return Sample(
        name=program.name, wall=wall, cpu=used.ru_utime + used.ru_stime, first=first if program.reply else None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What marco-nano is asked, and how many tokens it says."""

    model: Path
    prompt: str
    num_tokens: int
    threads: str


def chain() -> Chain:
    """Answer the question once, and return what another program needs to do the same."""
    settings, model = resolve_settings({"effort": "none"}, {})
    solver = open_solver(settings, model, {})
    info = solver.engine.info
    phrasing = solver.phrasing()
    rendered = phrasing.render(phrasing.prompt(QUESTION))

    async def main() -> int:
        result = await solver.solve(solver.problem(QUESTION))
        await solver.close()
        return result.usage.decoded

    return Chain(
        model=choose_model(None, {}).path,
        prompt=rendered.text,
        num_tokens=asyncio.run(main()),
        threads=dict(info.settings).get("threads", "1"),
    )


def programs(arguments: argparse.Namespace, state: str) -> list[Program]:
    """Return what is started, in turn."""
    python, marco = sys.executable, str(Path(sys.executable).with_name("marco"))
    said = chain()
    own = {"MARCO_STATE_DIR": state, "MARCO_OFFLINE": "1"}
    tab = {"_MARCO_COMPLETE": "complete_bash", "COMP_WORDS": "marco ask --eff", "COMP_CWORD": "2"}
    ask = (marco, "ask", "--effort", "none", QUESTION)
    same = ("-m", str(said.model), "-n", str(said.num_tokens), "--temp", "0", "-t", said.threads, "--simple-io")
    found = [
        Program(name="python -c pass", command=(python, "-c", "pass")),
        Program(name="import typer", command=(python, "-c", "import typer")),
        Program(name="import llama_cpp", command=(python, "-c", "import llama_cpp")),
        Program(name="marco --help", command=(marco, "--help"), env=own),
        Program(name="marco, Tab", command=(marco,), env=own | tab),
        Program(name="marco ask, thought", command=(*ask, "--thought", "full"), env=own, reply="stderr"),
        Program(name="marco ask", command=ask, env=own, reply="stdout"),
    ]
    if arguments.llm:
        found.append(Program(name="llm --help", command=(arguments.llm, "--help")))
    if arguments.completion:
        command = (arguments.completion, *same, "-no-cnv", "--no-display-prompt", "-p", said.prompt)
        found.append(Program(name="llama-completion", command=command, reply="stdout"))
    if arguments.cli:
        turn = (arguments.cli, *same, "--single-turn", "-p", QUESTION)
        found.append(Program(name="llama-cli", command=turn, reply="stdout"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: seconds, medians and ranges."""

    name: str
    wall: float
    least: float
    most: float
    cpu: float
    first: float | None


def figures_of(samples: Sequence[Sample]) -> list[Figure]:
    """Return the medians, in the order in which the programs first ran."""
    figures = []
    for name in dict.fromkeys(sample.name for sample in samples):
        taken = [sample for sample in samples if sample.name == name]
        walls = [sample.wall for sample in taken]
        firsts = [sample.first for sample in taken if sample.first is not None]
        figures.append(
            Figure(
                name=name,
                wall=statistics.median(walls),
                least=min(walls),
                most=max(walls),
                cpu=statistics.median(sample.cpu for sample in taken),
                first=statistics.median(firsts) if firsts else None,
            )
        )
    return figures


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table, and how they stand to the bars."""
    lines = ["| program | wall | least | most | processor | first byte |", "|---|--:|--:|--:|--:|--:|"]
    for f in figures:
        first = "" if f.first is None else f"{f.first * 1e3:.0f} ms"
        times = " | ".join(f"{seconds * 1e3:.0f} ms" for seconds in (f.wall, f.least, f.most, f.cpu))
        lines.append(f"| {f.name} | {times} | {first} |")
    by_name = {figure.name: figure for figure in figures}
    ratio = by_name["marco --help"].wall / by_name["import typer"].wall
    lines.append(f"\nmarco --help takes {ratio:.2f} times import typer.")
    for rival in ("llama-completion", "llama-cli"):
        if rival in by_name:
            longer = by_name["marco ask"].wall - by_name[rival].wall
            lines.append(f"marco ask takes {longer:.2f} s longer than {rival}.")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llm", metavar="PATH", help="llm (PyPI), of an environment of its own")
    parser.add_argument("--completion", metavar="PATH", help="llama.cpp's llama-completion")
    parser.add_argument("--cli", metavar="PATH", help="llama.cpp's llama-cli")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, help="write the samples here too")
    arguments = parser.parse_args()
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as state:
        wanted = programs(arguments, state)
        for program in wanted:
            start(program)  # the files are in the page cache afterwards, the .pyc are written
        for _ in range(arguments.repeats):
            samples += [start(program) for program in wanted]
    facts = machine(1)
    print(f"{facts}\n\n{table(figures_of(samples))}")
    if arguments.json:
        report = {
            "machine": facts,
            "figures": [asdict(figure) for figure in figures_of(samples)],
            "samples": [asdict(sample) for sample in samples],
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measure marco-nano and write every figure of its quality.

They stand in docs/strategies.md, benchmarks/README.md, docs/search-quality.svg and docs/eval-nano.html.

    python docs/record_quality.py --run DIR                         # some hours on two cores; keeps its rows in DIR
    python docs/record_quality.py --run DIR --limit 20              # a first look

The table between the quality marks of docs/strategies.md is the first one of `marco eval`'s report, without its seconds, which
depend on what else the machine did; those of benchmarks/README.md come from benchmarks/search_quality.py. Rows that are in DIR
are not asked again.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
STRATEGIES = "cot,vote@8+certainty=1,best-of-n@8+certainty=1,auto,low,medium,high"
SEARCH_LIMIT = 300


def main() -> None:
    """Read the command line, measure, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="where the rows are kept")
    parser.add_argument("--limit", type=int, help="problems of each part; all 600, and 300 of the second, by default")
    parser.add_argument("--only", choices=("eval", "search"), help="do one of the two parts")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    if options.only != "search":
        evaluate(options.run / "eval", options.limit)
    if options.only != "eval":
        compare(options.run / "search", min(options.limit or SEARCH_LIMIT, SEARCH_LIMIT))


def evaluate(directory: Path, limit: int | None) -> None:
    """Run `marco eval`, and write the table of docs/strategies.md and the page."""
    arguments = ["eval", "nano", *(["--limit", str(limit)] if limit else []), "--strategy", STRATEGIES]
    run([sys.executable, "-m", "marco_cli", *arguments, "-o", str(directory), "--resume"])
    shutil.copyfile(directory / "report.html", ROOT / "docs" / "eval-nano.html")
    text = (directory / "table.md").read_text(encoding="utf-8")
    paragraphs = [without_seconds(part.strip()) for part in text.split("\n## ")[0].split("\n\n")[1:]]
    quoted = f"`{shlex.join(('marco', *arguments))}`, by `python docs/record_quality.py --run DIR`:"
    replace(ROOT / "docs" / "strategies.md", "quality", "\n\n".join((quoted, *paragraphs)))


def without_seconds(paragraph: str) -> str:
    """Return a paragraph of the report, a table without the columns of seconds."""
    if not paragraph.startswith("|"):
        return paragraph.replace("Tokens are decoded ones and seconds the machine's own,", "Tokens are decoded ones,")
    rows = [line.strip("|").split("|") for line in paragraph.splitlines()]
    kept = [column for column, heading in enumerate(rows[0]) if "seconds" not in heading]
    return "\n".join(f"|{'|'.join(row[column] for column in kept)}|" for row in rows)


def compare(directory: Path, limit: int) -> None:
    """Run benchmarks/search_quality.py, and write its table and its plot."""
    script = [sys.executable, str(ROOT / "benchmarks" / "search_quality.py")]
    run([*script, "run", "--out", str(directory), "--limit", str(limit)])
    run([*script, "time", "--out", str(directory)])
    plot = ROOT / "docs" / "search-quality.svg"
    report = [sys.executable, str(ROOT / "benchmarks" / "quality_report.py")]
    table = run([*report, "--out", str(directory), "--svg", str(plot)])
    replace(ROOT / "benchmarks" / "README.md", "search quality", table)


def run(command: Sequence[str]) -> str:
    """Run a command, its progress in sight, and return what it printed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


def replace(path: Path, name: str, part: str) -> None:
    """Put a part between the marks of a file."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    after, found = marks.subn(lambda mark: f"{mark[1]}{part.strip()}\n{mark[2]}", path.read_text(encoding="utf-8"))
    if found != 1:
        raise SystemExit(f"{path.name} has {found} places for {name}, expected one")
    path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()

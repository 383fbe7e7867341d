"""Measure marco-nano and write what the README says of its quality, and docs/eval-nano.html.

    python docs/record_quality.py                  # all 600 held-out problems: some hours on two cores
    python docs/record_quality.py --limit 60       # a first look
    python docs/record_quality.py --run DIR        # keep the rows in DIR, and go on with those that are there

The table between the quality marks of the README is the first one of the report, word for word.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
STRATEGIES = "cot,vote@8+certainty=1,mcts,auto"
MARKS = re.compile(r"(<!-- quality -->\n).*?(<!-- /quality -->)", re.DOTALL)


def main() -> None:
    """Read the command line, measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--strategy", default=STRATEGIES)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    arguments = ["eval", "nano", *(["--limit", str(options.limit)] if options.limit else [])]
    arguments += ["--strategy", options.strategy]
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.run or Path(temporary)
        command = [sys.executable, "-m", "marco_cli", *arguments, "-o", str(directory), "--resume"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        text = (directory / "table.md").read_text(encoding="utf-8")
        shutil.copyfile(directory / "report.html", ROOT / "docs" / "eval-nano.html")
    paragraphs = text.split("\n## ")[0].split("\n\n")[1:]
    quoted = f"`{shlex.join(('marco', *arguments))}`, by `python docs/record_quality.py`:"
    readme = ROOT / "README.md"
    before = readme.read_text(encoding="utf-8")
    part = "\n\n".join((quoted, *(paragraph.strip() for paragraph in paragraphs)))
    after, found = MARKS.subn(lambda marks: f"{marks[1]}{part}\n{marks[2]}", before)
    if not found:
        parser.error("README.md has no quality marks")
    readme.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()

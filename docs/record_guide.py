"""Record what the commands of the guide print: the console blocks of README.md and docs/traces.md, and docs/search.html.

    python docs/record_guide.py                   # the blocks of the demo model
    python docs/record_guide.py --model FILE      # those of a real model, too: some minutes; FILE is what the README fetches

A block stands between `<!-- recorded: MODEL -->` and `<!-- /recorded -->`. Its lines that begin with `$ ` are run in their order, on
a pseudo-terminal in an empty home, and what is left on the terminal is written below each. Needs the test dependencies.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from view.replay import Replay  # noqa: E402 (found through the line above)

PAGES = ("README.md", "docs/traces.md")
BLOCK = re.compile(r"(<!-- recorded: (\w+) -->\n```console\n)(.*?)(```\n<!-- /recorded -->)", re.DOTALL)
DEMO, REAL = "nano", "qwen"
SHOWN = "Tom has 3 boxes of 12 pencils and gives 7 away. How many are left?"
"""The question whose search docs/search.html shows."""
COLUMNS, ROWS = 88, 40
HOURS = 3600.0


class Session:
    """A home in which commands of one model run one after the other."""

    def __init__(self, model: str | None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="marco-guide-"))
        if model is not None:
            self.run(f"marco models alias {REAL} {model} && marco config set model {REAL}")

    def run(self, command: str) -> str:
        """Return what a command leaves on the terminal, with the home as `~`."""
        environ = {
            "HOME": str(self.home),
            "PWD": str(self.home),
            "MARCO_STATE_DIR": str(self.home / "state"),
            "NO_COLOR": "1",  # marks in place of colours
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        line = f"cd {self.home} && {command}"
        with Replay(("bash", "-c", line), columns=COLUMNS, rows=ROWS, timeout=HOURS, **environ) as replay:
            replay.end()
            lines = [*replay.history, *replay.lines]
        return "\n".join(lines).rstrip().replace(str(self.home), "~")


def recorded(block: str, session: Session) -> str:
    """Return a block with the output of its commands as it is today."""
    parts = []
    for command in re.findall(r"(?m)^\$ (.*)$", block):
        sys.stderr.write(f"$ {command}\n")
        output = session.run(command)
        parts.append(f"$ {command}\n" + (f"{output}\n" if output else ""))
    return "\n".join(parts)


def main() -> None:
    """Record every block, and the page of the search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file: qwen2.5-coder-0.5b-instruct-q4_k_m.gguf")
    options = parser.parse_args()
    sessions = {DEMO: Session(None)}
    if options.model is not None:
        sessions[REAL] = Session(str(options.model.absolute()))
    for page in (ROOT / name for name in PAGES):
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if (session := sessions.get(found[2])) is not None:
                block = f"{found[1]}{recorded(found[3], session)}{found[4]}"
                page.write_text(page.read_text(encoding="utf-8").replace(found[0], block), encoding="utf-8")
    if options.model is not None:
        picture = f"marco traces export --where \"question == '{SHOWN}'\" -o {ROOT / 'docs' / 'search.html'}"
        sys.stderr.write(f"{sessions[REAL].run(picture)}\n")
    for session in sessions.values():
        shutil.rmtree(session.home)


if __name__ == "__main__":
    main()

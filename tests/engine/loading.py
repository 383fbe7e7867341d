"""Load damaged copies of a model, each in a process of its own, and print what became of each: one JSON object.

    python loading.py MODEL FOLDER FIRST LAST        # seeds of the damage, LAST not included; -1 is none

`refused` (by the header, or by an `EngineError`), `loaded` (it answered a prompt), or `exit N` with what was said.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from small_gguf import mutate

from marco_cli.config.settings import Settings
from marco_cli.engine.base import GREEDY, Request
from marco_cli.engine.llama_library import build_facts
from marco_cli.errors import EngineError
from marco_cli.models import LocatedModel
from marco_cli.solver import open_solver

SECONDS = 20
"""After which a load counts as hung: SIGALRM ends it."""


async def answer(path: Path) -> None:
    """Load the model the way every command does, and decode a few tokens."""
    model = LocatedModel(name="damaged", path=path, source="path", files=(path,), hashes=(None,))
    solver = open_solver(Settings(ctx=512, tags="none"), model, {})
    try:
        ids = solver.engine.tokenize("3 + 4 =")
        await solver.engine.generate(Request(prompt_ids=ids, sampling=GREEDY, max_tokens=4))
    finally:
        await solver.close()


def attempt(path: Path, said: Path) -> str:
    """Load one file in a child process and say what became of it."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        signal.alarm(SECONDS)
        try:
            asyncio.run(answer(path))
        except EngineError:
            os._exit(100)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    names = {0: "loaded", 100: "refused"}
    return names.get(code) or f"exit {code}: {said.read_text(errors='replace')}"


def main() -> None:
    """Try all seeds."""
    model, folder = Path(sys.argv[1]), Path(sys.argv[2])
    data, file = model.read_bytes(), folder / "damaged.gguf"
    build_facts()  # the library is loaded once, by the parent
    outcomes = {}
    for seed in range(int(sys.argv[3]), int(sys.argv[4])):
        file.write_bytes(data if seed < 0 else mutate(data, seed))
        outcomes[seed] = attempt(file, folder / "said.txt")
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()

"""Load damaged copies of a model, each in a process of its own, and print what became of each: one JSON object.

    python loading.py MODEL FOLDER FIRST LAST        # seeds of the damage, LAST not included

`refused` (by the header, on trial, or by an `EngineError`), `loaded` (it answered a prompt), or `exit N` with what was said:
then a file that had passed its trial ended the process that loaded it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from small_gguf import mutate

from marco_cli.config.settings import Settings
from marco_cli.engine import trial
from marco_cli.engine.base import GREEDY, Request
from marco_cli.engine.llama_library import build_facts
from marco_cli.errors import EngineError
from marco_cli.models import LocatedModel
from marco_cli.models.soundness import examine
from marco_cli.solver import open_solver

SECONDS = 20
"""After which a load counts as hung: SIGALRM ends it."""
REFUSED = 100


async def answer(path: Path) -> None:
    """Load the model the way every command does once it is known, and decode a few tokens."""
    model = LocatedModel(name="damaged", path=path, source="bundled", files=(path,), hashes=(None,))
    solver = open_solver(Settings(ctx=512, tags="none"), model, {})
    try:
        ids = solver.engine.tokenize("3 + 4 =")
        await solver.engine.generate(Request(prompt_ids=ids, sampling=GREEDY, max_tokens=4))
    finally:
        await solver.close()


def forked(work: Callable[[], None], said: Path) -> int:
    """Do some work in a child process and return its exit code; an EngineError is `REFUSED`."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        signal.alarm(SECONDS)
        try:
            work()
        except EngineError:
            os._exit(REFUSED)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def attempt(path: Path, said: Path) -> str:
    """Load one file as the program does, trial first, and say what became of it."""
    try:
        examine((path,))
    except EngineError:
        return "refused"
    if forked(lambda: trial.attempt(path), said) != 0:
        return "refused"
    code = forked(lambda: asyncio.run(answer(path)), said)
    names = {0: "loaded", REFUSED: "refused"}
    return names.get(code) or f"exit {code}: {said.read_text(errors='replace')}"


def main() -> None:
    """Try all seeds."""
    model, folder = Path(sys.argv[1]), Path(sys.argv[2])
    data, file = model.read_bytes(), folder / "damaged.gguf"
    build_facts()  # the library is loaded once, by the parent
    outcomes = {}
    for seed in range(int(sys.argv[3]), int(sys.argv[4])):
        file.write_bytes(mutate(data, seed))
        outcomes[seed] = attempt(file, folder / "said.txt")
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()

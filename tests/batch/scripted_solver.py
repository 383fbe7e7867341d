"""A solver without weights that answers rows in a few milliseconds, and a command that can be killed while it uses one."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from unittest import mock

from marco_cli.batch.answering import Answerer
from marco_cli.batch.rows import BadRow, Row
from marco_cli.batch.tally import Finished
from marco_cli.commands import app
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.models import LocatedModel
from marco_cli.solver import Solver

PRELOAD = [
    "__main__",
    "batch.scripted_solver",
    "marco_cli.search.mcts",
    "marco_cli.search.cot",
    "marco_cli.search.route",
]
CLOSE = "</Thought>\n<Output>\n"


def script(text: str) -> Mapping[str, float]:
    """Repeat the question and answer with its last number; questions with DOUBT in them leave the model in doubt."""
    prompt, _, reply = text.rpartition("assistant\n<Thought>\n")
    if not prompt or reply:
        return {}
    question = prompt.rpartition("user\n")[2].removesuffix("<|im_end|>\n<|im_start|>")
    number = (re.findall(r"\d+", question) or ["0"])[-1]
    end = f"\n</Output>{END}"
    if "MUTE" in question:
        return {f"Hm.{END}": 1.0}
    if "DOUBT" not in question:
        return {f"{question[:12]}\n{CLOSE}The answer is {number}.{end}": 1.0}
    return {
        f"A\n{CLOSE}The answer is 1{end}": 0.4,
        f"B\n{CLOSE}The answer is {number}{end}": 0.35,
        f"C\n{CLOSE}The answer is {number}{end}": 0.25,
    }


def open_scripted(settings: Settings, model: LocatedModel, _environ: Mapping[str, str]) -> Solver:
    """Stand in for `open_solver`."""
    return Solver(
        engine=scripted_engine(script, places=max(16, settings.parallel or 0)), settings=settings, model=model
    )


def batch(arguments: list[str], environ: dict[str, str], seconds_a_row: float) -> None:
    """Run `marco batch ARGUMENTS…` on a scripted model in this process, saying nothing, each row taking its time."""
    os.environ.update(environ)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    answer = Answerer.answer

    async def answer_slowly(self: Answerer, row: Row | BadRow) -> Finished:
        await asyncio.sleep(seconds_a_row)
        return await answer(self, row)

    mock.patch.object(Answerer, "answer", answer_slowly).start()
    mock.patch("marco_cli.commands._batching.open_solver", open_scripted).start()
    sys.argv = ["marco", "batch", *arguments]
    app.main()

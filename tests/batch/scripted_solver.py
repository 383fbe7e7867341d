"""A solver without weights that answers rows in a few milliseconds, and a command that can be killed while it uses one."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from unittest import mock

from patience import PATIENCE

from marco_cli.batch.answering import Answerer
from marco_cli.batch.pool import run_in_order
from marco_cli.batch.rows import BadRow, BatchRow
from marco_cli.batch.tally import Finished
from marco_cli.commands import app
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.models import LocatedModel
from marco_cli.plan import search_plan
from marco_cli.solver import Solver

PRELOAD = [
    "__main__",
    "unittest.mock",
    "marco_cli.commands.app",
    "marco_cli.commands._batching",
    "marco_cli.engine.scripted",
    "marco_cli.prompt.sandbox",
    *(
        f"marco_cli.search.{name}"
        for name in ("route", "strategies.cot", "strategies.mcts", "strategies.sample", "vote")
    ),
]
"""What a process that is forked for each run should have imported. It does not find this module, which lies in tests/."""
CLOSE = "</Thought>\n<Output>\n"


def script(text: str) -> Mapping[str, float]:
    """Repeat the question and answer with its last number; questions with DOUBT in them leave the model in doubt.

    Without tags (`--preset generic`) the number is all there is: a row then costs a millisecond or two.
    """
    prompt, _, reply = text.rpartition("<|im_start|>assistant\n")
    if not prompt or reply not in ("", "<Thought>\n"):
        return {}
    question = prompt.rpartition("user\n")[2].removesuffix("<|im_end|>\n")
    number = (re.findall(r"\d+", question) or ["0"])[-1]
    if "MUTE" in question:
        return {f"Hm.{END}" if reply else END: 1.0}
    if not reply:
        return {f"{number}{END}": 1.0}
    end = f"\n</Output>{END}"
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
        engine=scripted_engine(script, max_num_seqs=max(16, settings.parallel or 0)),
        plan=search_plan(settings),
        model=model,
    )


def batch(arguments: list[str], environ: dict[str, str], seconds_a_row: float, num_quick: int) -> None:
    """Run `marco batch ARGUMENTS…` on a scripted model in this process, saying nothing.

    Each row takes its time, but for those on the first `num_quick` lines; rows in flight have any time that they want.
    """
    for name in [name for name in os.environ if name.startswith("MARCO_")]:
        del os.environ[name]
    os.environ.update(environ)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    answer = Answerer.answer

    async def answer_slowly(self: Answerer, row: BatchRow | BadRow) -> Finished:
        await asyncio.sleep(seconds_a_row if row.line > num_quick else 0)
        return await answer(self, row)

    mock.patch.object(Answerer, "answer", answer_slowly).start()
    mock.patch.dict(run_in_order.__kwdefaults__, grace=10 * PATIENCE).start()
    mock.patch("marco_cli.commands._batching.open_solver", open_scripted).start()
    sys.argv = ["marco", "batch", *arguments]
    app.main()

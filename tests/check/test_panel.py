"""Several checks as one, and what they cost."""

import asyncio
import time
from pathlib import Path

import pytest
from check.scripted_check import Knows

from marco_cli.answer import extract
from marco_cli.check.base import Submission, Verdict
from marco_cli.check.panel import Panel, combined, open_check
from marco_cli.errors import ConfigError

RIGHT, WRONG = Verdict(judgement="right"), Verdict(judgement="wrong", why="no")
UNKNOWN, BROKEN = Verdict(judgement="unknown"), Verdict(judgement="unknown", trouble="out of order")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([RIGHT], RIGHT), ([WRONG], WRONG), ([UNKNOWN], UNKNOWN), ([RIGHT, UNKNOWN], RIGHT), ([UNKNOWN, RIGHT], RIGHT),
        ([RIGHT, WRONG], WRONG), ([WRONG, RIGHT], WRONG), ([UNKNOWN, BROKEN], BROKEN), ([BROKEN, RIGHT], RIGHT), ([], UNKNOWN),
    ],
)  # fmt: skip
def test_one_objection_refutes_and_one_approval_verifies(verdicts: list[Verdict], expected: Verdict) -> None:
    """Whatever the order; what cannot judge changes nothing, and its trouble is told."""
    assert combined(verdicts) == expected


def submission(output: str, *, question: str = "?", tests: str = "") -> Submission:
    """Return a reply to be checked."""
    return Submission(question=question, output=output, answer=extract(output), tests=tests)


def test_equal_answers_are_judged_once() -> None:
    """Two ways to write an answer are one; another question, or other tests, are another matter. So it is for replies at once."""
    check = Knows("0.5")
    panel = Panel([check])

    async def work() -> None:
        outputs = ("The answer is 1/2.", "It is 0.5, so the answer is 0.5.", "The answer is 2.")
        await asyncio.gather(*(panel.check(submission(output)) for output in outputs))
        await panel.check(submission(outputs[0], question="another"))
        await panel.check(submission(outputs[0], tests="others"))

    asyncio.run(work())
    assert len(check.asked) == 4


def test_who_gives_up_on_a_check_takes_it_from_no_other() -> None:
    """Equal answers share a check: it goes on as long as one of them waits, and ends with the last."""
    ended: list[str] = []

    class Slow(Knows):
        may_go_on: asyncio.Event

        async def check(self, submission: Submission) -> Verdict:
            try:
                await self.may_go_on.wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            return await super().check(submission)

    async def work(num_given_up: int) -> list[object]:
        slow = Slow("2")
        slow.may_go_on = asyncio.Event()
        panel = Panel([slow])
        tasks = [asyncio.create_task(panel.check(submission("The answer is 2."))) for _ in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        for task in tasks[:num_given_up]:
            task.cancel()
        await asyncio.wait(tasks[:num_given_up])
        slow.may_go_on.set()
        return [
            type(each) if isinstance(each, BaseException) else each
            for each in await asyncio.gather(*tasks, return_exceptions=True)
        ]

    assert asyncio.run(work(1)) == [asyncio.CancelledError, Verdict(judgement="right", why="got 2")]
    assert not ended
    assert asyncio.run(work(2)) == [asyncio.CancelledError, asyncio.CancelledError]
    assert ended == ["cancelled"]


@pytest.mark.parametrize("text", ["", "comand:x", ":x", "Python:x", "sh"])
def test_an_unknown_kind_is_refused(text: str) -> None:
    """In one line, with what there is."""
    with pytest.raises(ConfigError, match="expected KIND"):
        open_check(text)


@pytest.mark.parametrize("kind", ["command", "python", "math"])
def test_a_hundred_checks_cost_the_search_next_to_nothing(kind: str, tmp_path: Path) -> None:
    """Less than two seconds of its own thread's time, whatever the checks themselves take."""
    program = tmp_path / "check.sh"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    if kind == "python":
        pytest.importorskip("pydantic_monty")
    panel = Panel([open_check({"command": f"command:{program}", "python": "python", "math": "math:7"}[kind])])

    async def work() -> float:
        begun = time.thread_time()
        for at in range(100):
            output = f"```python\ndef f():\n    return {at}\n```" if kind == "python" else f"The answer is {at}."
            await panel.check(submission(output, tests="assert f() == 7"))
        spent = time.thread_time() - begun
        await panel.close()
        return spent

    assert asyncio.run(work()) < 2

"""False arithmetic that is put right while a reply is written."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from search.scripts import PROMPT, Inline

from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.search.base import Problem, Reply
from marco_cli.search.correction import find_slip, is_pause
from marco_cli.search.rollout import rollout
from marco_cli.sections import NONE


def written(text: str, expected: str, *, is_corrected: bool = True) -> Reply:
    """Roll out a model that writes `text`, and goes on with the rest of `expected` once that has begun."""

    def script(so_far: str) -> Mapping[str, float]:
        reply = so_far.rpartition("assistant\n")[2]
        rest = (text if text.startswith(reply) else expected)[len(reply) :]
        return {rest[0] if rest else END: 1.0}

    async def work() -> Reply:
        engine = scripted_engine(script)
        engine._thread = Inline()
        problem = Problem(prompt_ids=engine.tokenize(PROMPT, special=True), tags=NONE)
        try:
            return await rollout(problem, engine=engine, is_corrected=is_corrected)
        finally:
            await engine.close()

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So 8 * 16 = 138 tablespoons.\nThe answer is 128.", "So 8 * 16 = 128 tablespoons.\nThe answer is 128."),
        ("\\[\n\\text{All} = 16 \\times \\frac{15}{4} = 45 \\text{ spoons}\n\\]\nIt is 60.", "\\[\n\\text{All} = 16 \\times \\frac{15}{4} = 60 \\text{ spoons}\n\\]\nIt is 60."),
        ("5 + 3 = 9", "5 + 3 = 8"),
        ("19 - 33 = 14\n", "19 - 33 = -14\n"),
    ],
)  # fmt: skip
def test_a_wrong_result_is_replaced_and_the_reply_goes_on_behind_it(text: str, expected: str) -> None:
    """The right number is forced and not scored; everything else is the model's."""
    reply = written(text, expected)
    assert reply.output.strip() == expected.strip()
    assert reply.signals.false_equations == 0
    assert 0 < (~reply.tokens.is_sampled).sum() <= 4
    assert not reply.is_truncated
    assert written(text, expected, is_corrected=False).output.strip() == text.strip()

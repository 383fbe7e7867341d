"""False arithmetic that is put right while a reply is written."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from search.scripts import PROMPT, Inline, find, lines
from tables import table

from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.search.base import Problem, Reply
from marco_cli.search.correction import MOST, find_slip, is_pause
from marco_cli.search.rollout import rollout
from marco_cli.sections import NONE


def written(text: str, expected: str, *, is_corrected: bool = True) -> Reply:
    """Roll out a model that writes `text`, and goes on with the rest of `expected` once that has begun."""

    def script(reply: str) -> str:
        rest = (text if text.startswith(reply) else expected)[len(reply) :]
        return rest[:1]

    return rolled_out(script, is_corrected=is_corrected)


def rolled_out(following: Callable[[str], str], *, is_corrected: bool = True) -> Reply:
    """Roll out a model that writes what follows its reply so far, until that is nothing."""

    def script(so_far: str) -> Mapping[str, float]:
        return {following(so_far.rpartition("assistant\n")[2]) or END: 1.0}

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
        ("\\[ 16 \\times \\frac{33}{4} = \\frac{492}{4} \\]\n", "\\[ 16 \\times \\frac{33}{4} = 132\n"),
        ("5 + 3 = 9", "5 + 3 = 8"),
        ("17*20+17*3=340+33=373.\n", "17*20+17*3=340+51=391.\n"),
        ("17 * 23 - 4 = 401 - 4 = 397\n", "17 * 23 - 4 = 391 - 4 = 387\n"),
        ("\\[ 3 \\times 1,500 + 2 \\times 40 = 4,600 + 80 \\]\nSo 4580.", "\\[ 3 \\times 1,500 + 2 \\times 40 = 4,500 + 80 \\]\nSo 4580."),
        ("19 - 33 = 14\n", "19 - 33 = -14\n"),
    ],
)  # fmt: skip
def test_a_wrong_result_is_replaced_and_the_reply_goes_on_behind_it(text: str, expected: str) -> None:
    """The right number is forced and not scored; everything else is the model's."""
    reply = written(text, expected)
    assert reply.output.strip() == expected.strip()
    assert reply.signals.false_equations == 0
    assert 0 < (~reply.tokens.is_sampled).sum() <= 5
    assert not reply.is_truncated
    assert written(text, expected, is_corrected=False).output.strip() == text.strip()


@table(
    [
        "x + 5 = 9, and f(2) = 3.\n",  # not arithmetic
        "10 / 3 = 3.3, roughly.\n",  # a rounding
        "If 5 + 3 = 9, then pigs fly.\n",  # supposed
        "2 hours = 120 minutes, and 2 boxes + 3 = 9\n",  # other units
        "17 * 23 - 4 = 401 - 5 = 396\n",  # two wrong terms: perhaps another way to part it
        "3 + 4 * 5 = 20 + 4\n",  # the same terms in another order
        "12 * 3 * 4 = 35 * 4\n",
    ]
)
def test_what_may_be_right_is_left_alone(text: str) -> None:
    """Only equations that no reading makes true are touched."""
    assert written(text, text).data.decode() == text


def test_a_result_is_looked_at_only_when_it_has_ended() -> None:
    """`= 8` may become `= 8 million`, or `= 8.5`."""
    assert [is_pause(text.encode(), num_new=1) for text in ("= 8", "= 8 ", "= 8.", "= 8. ", "= 8\n")] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_bytes_that_are_kept_are_not_put_right() -> None:
    """A branch never changes what is before it."""
    data = b"1 + 1 = 3\n2 + 2 = 5\n"
    assert find_slip(data) == (8, "2")
    assert find_slip(data, kept=9) is None


def test_after_a_number_of_slips_a_reply_is_left_to_itself() -> None:
    """A model that can do no sums does not keep the search for ever."""

    def following(reply: str) -> str:
        *done, line = reply.split("\n")
        sum_ = f"1{len(done)} + 10 = 99"
        return "" if len(done) == MOST + 2 else sum_[len(line)] if sum_.startswith(line) and line != sum_ else "\n"

    reply = rolled_out(following)
    assert (reply.signals.true_equations, reply.signals.false_equations) == (MOST, 2)


@pytest.mark.parametrize("strategy", ["mcts", "vote"])
def test_a_search_tries_the_first_reply_again_from_its_slip(strategy: str) -> None:
    """The plain chain stands as it was written; the corrected one beside it wins, and the user is told."""

    def script(so_far: str) -> Mapping[str, float]:
        reply = so_far.rpartition("assistant\n")[2]
        for text in ("2 + 2 = 5\nThe answer is 5.", "2 + 2 = 4\nThe answer is 4."):
            if text.startswith(reply):
                return {text[len(reply)] if len(text) > len(reply) else END: 1.0}
        return {END: 1.0}

    result = find(
        script, strategy=strategy, simulations=3, certainty=1, problem=lambda problem: replace(problem, tags=NONE)
    )
    assert result.answer is not None
    assert result.answer.canonical == "4"
    assert result.candidates[0].reply.output == "2 + 2 = 5\nThe answer is 5."
    assert result.notices == ("false arithmetic was put right in the reply: 4",)


def test_a_correction_takes_no_place_of_an_independent_reply() -> None:
    """The looks of `auto` are made in any case: here the first reply, what is put right in it, and two of their own."""
    script = lines(
        {
            "": {f"2 + 2 = 5\nThe answer is 5.{END}": 0.6, f"Two and two.\nThe answer is 4.{END}": 0.4},
            "2 + 2 = 4": {f"\nThe answer is 4.{END}": 1.0},
        }
    )
    result = find(
        script, simulations=4, root_samples=2, certainty=1, parallel=1, problem=lambda asked: replace(asked, tags=NONE)
    )
    assert [each.fresh == 1 for each in result.candidates] == [True, False, True, True]
    assert [each.reply.output[:9] for each in result.candidates[:2]] == ["2 + 2 = 5", "2 + 2 = 4"]

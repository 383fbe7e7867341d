"""Replies that answer with a program."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from search.scripts import answer, find

from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, Script
from marco_cli.plan import search_plan
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.program import MOST_TOKENS, closed_program, is_program, opening
from marco_cli.sections import MARCO, NONE, Tags

BODY = "    return 2 + 2\n"


class Fake:
    """An interpreter that knows what each program returns, and keeps what it ran."""

    def __init__(self, value: str | None) -> None:
        self.value = value
        self.ran: list[str] = []

    async def returned(self, code: str) -> str | None:
        """Return the value."""
        self.ran.append(code)
        return self.value


def writing(chain: str, body: str = BODY + "```\n") -> Script:
    """Return a model that writes a chain, and in a program `body`, character by character where it must."""

    def script(text: str) -> Mapping[str, float]:
        reply = text.rpartition("assistant\n")[2]
        if not is_program(reply.encode()):
            return {chain + END: 1.0} if not reply else {}
        written = reply.partition("def solution():\n")[2]
        return {body[len(written) :] or END: 1.0} if body.startswith(written) else {}

    return script


def plain(problem: Problem) -> Problem:
    """Return the problem of a model without sections."""
    return replace(problem, tags=NONE)


def searched(
    interpreter: Fake | None, script: Script, *, problem: Callable[[Problem], Problem] = plain, **config: Any
) -> SearchResult:
    """Search with two programs unless the fields say otherwise."""
    fields: dict[str, Any] = {
        "simulations": 4,
        "certainty": 1.0,
        "parallel": 1,
        "programs": 2,
        "root_samples": 0,
        **config,
    }
    return find(script, problem=problem, settings={"interpreter": interpreter}, **fields)


def programs(result: SearchResult) -> list[str]:
    """Return the outputs that answer with a program."""
    return [each.reply.output for each in result.candidates if each.reply.is_program]


@pytest.mark.parametrize("tags", [NONE, MARCO], ids=["plain", "marco"])
def test_what_a_program_returns_is_the_answer(tags: Tags) -> None:
    """It is run when its block is closed, and its result is written behind it, in the output of any format."""
    interpreter = Fake("4")
    chain = "So it is 5.\nThe answer is 5." if tags is NONE else "<Thought>\nHm.\n" + answer("5").removesuffix(END)
    result = searched(interpreter, writing(chain), problem=lambda problem: replace(problem, tags=tags), programs=1)
    (candidate,) = [each for each in result.candidates if each.reply.is_program]
    reply = candidate.reply
    assert interpreter.ran == [f"def solution():\n{BODY}".rstrip("\n")]
    assert reply.answer is not None
    assert reply.answer.canonical == "4"
    assert reply.output.endswith("The answer is 4.")
    assert "return 2 + 2" in (reply.output if tags is NONE else reply.thought)
    assert "It returns 4." in reply.data.decode()
    assert reply.is_whole
    assert candidate.evidence == 1.0
    assert reply.tokens.is_sampled.sum() <= len(BODY) + 5


def test_a_program_that_fails_has_no_voice_and_is_the_last() -> None:
    """A model that cannot write one is not asked for more, and nothing is read out of its code."""
    interpreter = Fake(None)
    result = searched(interpreter, writing("The answer is 5."), programs=3)
    assert len(interpreter.ran) == 1
    assert programs(result) == []
    assert [vote.answer and vote.answer.canonical for vote in result.votes] == ["5"]


def test_a_program_that_never_ends_is_cut() -> None:
    """It takes no more tokens than a program may, and is not run."""
    interpreter = Fake("4")
    result = searched(interpreter, writing("The answer is 5.", "    # no\n" * 400), programs=1, simulations=2)
    assert interpreter.ran == []
    assert programs(result) == []
    assert result.usage.decoded <= MOST_TOKENS + 40


@pytest.mark.parametrize(
    ("interpreter", "chain", "strategy", "expected"),
    [
        (Fake("4"), "The answer is 5.", "mcts", 2),
        (Fake("4"), "The answer is **Paris**.", "mcts", 0),  # no number
        (Fake("4"), "I like it.", "mcts", 0),
        (None, "The answer is 5.", "mcts", 0),
        (Fake("4"), "The answer is 5.", "vote", 0),
    ],
)
def test_programs_are_written_where_they_make_sense(
    interpreter: Fake | None, chain: str, strategy: str, expected: int
) -> None:
    """Where the first reply answers with a number, there is an interpreter, and the strategy has them; as many as were asked for."""
    result = searched(interpreter, writing(chain), strategy=strategy)
    assert sum(each.reply.is_program for each in result.candidates) == expected


def test_the_first_look_of_auto_is_a_program() -> None:
    """A reply of another kind that agrees is a better witness than a second one of the same kind."""
    interpreter = Fake("5")
    result = searched(interpreter, writing("The answer is 5."), root_samples=2, certainty=0.93, simulations=8)
    assert [each.reply.is_program for each in result.candidates] == [False, True, False]
    assert result.stop_reason == "certain"


def test_words_speak_for_an_answer_before_code_does() -> None:
    """Where a chain in words and a program agree, people read the words."""
    interpreter = Fake("4")

    def script(text: str) -> Mapping[str, float]:
        reply = text.rpartition("assistant\n")[2]
        return {"The answer is 5." + END: 0.6, "The answer is 4." + END: 0.4} if not reply else writing("")(text)

    result = searched(interpreter, script, simulations=8)
    assert result.answer is not None
    assert result.answer.canonical == "4"
    assert result.reply.output == "The answer is 4."


def test_a_search_that_goes_on_writes_no_more_than_were_asked_for() -> None:
    """Programs of the earlier search count."""
    from marco_cli.search.base import Earlier

    script = writing("The answer is 5.")
    first = searched(Fake("4"), script, simulations=2, programs=2)
    assert first.tree is not None
    earlier = Earlier(tree=first.tree, candidates=first.candidates, num_simulations=first.num_simulations)
    interpreter = Fake("4")
    find(
        script,
        problem=plain,
        settings={"interpreter": interpreter, "earlier": earlier},
        simulations=6,
        certainty=1.0,
        parallel=1,
        programs=2,
    )
    assert len(interpreter.ran) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (opening(NONE, "") + "    return 1\n```", "def solution():\n    return 1"),
        (opening(MARCO, "") + "    return 1\n```\nmore", "def solution():\n    return 1"),
        (opening(NONE, "") + "    return 1\n", None),
        ("```python\ndef solution():\n    return 1\n```", None),
    ],
)
def test_only_a_reply_that_began_as_one_is_a_program(data: str, expected: str | None) -> None:
    """Code that a model writes by itself is never run."""
    assert closed_program(data.encode()) == expected


def test_a_thought_that_the_prompt_opened_is_not_opened_again() -> None:
    """The prefill is in the prompt."""
    assert opening(MARCO, "").startswith("<Thought>\n")
    assert not opening(MARCO, "<Thought>\n").startswith("<Thought>")


def test_a_quarter_of_the_replies_and_four_at_most_answer_with_a_program() -> None:
    """Where the strategy has them, and nothing else is said."""
    settings = [
        Settings(effort="low"),
        Settings(effort="medium"),
        Settings(effort="max"),
        Settings(strategy="vote"),
        Settings(programs=0),
    ]
    assert [search_plan(each).config.programs for each in settings] == [2, 4, 4, 0, 0]


def test_replies_are_counted_where_the_confidence_was_not_measured() -> None:
    """Likelier replies of such a model need not be better ones."""
    assert SearchConfig().vote_name == "sound"
    assert SearchConfig(doubt_below=0.98).vote_name == "checked"
    assert SearchConfig(vote="likely").vote_name == "likely"

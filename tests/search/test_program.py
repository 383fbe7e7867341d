"""Replies that answer with a program."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from search.scripts import answer, find

from marco_cli.answer import extract
from marco_cli.check import monty
from marco_cli.check.panel import Checks
from marco_cli.config.settings import Settings
from marco_cli.engine.scripted import END, Script
from marco_cli.errors import ConfigError
from marco_cli.plan import search_plan
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.program import MOST_TOKENS, Programs, closed_program, is_program, opening, opens_program, share
from marco_cli.sections import MARCO, NONE, Tags
from marco_cli.solver import open_interpreter

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
    """Search with a program for every other reply unless the fields say otherwise."""
    fields: dict[str, Any] = {"simulations": 4, "certainty": 1.0, "parallel": 1, "programs": 0.5, **config}
    return find(script, problem=problem, settings={"interpreter": interpreter}, **fields)


def programs(result: SearchResult) -> list[str]:
    """Return the outputs that answer with a program."""
    return [each.reply.output for each in result.candidates if each.reply.is_program]


@pytest.mark.parametrize("tags", [NONE, MARCO], ids=["plain", "marco"])
def test_what_a_program_returns_is_the_answer(tags: Tags) -> None:
    """It is run when its block is closed, and its result is written behind it, in the output of any format."""
    interpreter = Fake("4")
    chain = "So it is 5.\nThe answer is 5." if tags is NONE else "<Thought>\nHm.\n" + answer("5").removesuffix(END)
    result = searched(interpreter, writing(chain), problem=lambda problem: replace(problem, tags=tags), simulations=2)
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


def test_a_chinese_question_is_answered_in_chinese() -> None:
    """What stands behind the program is ours to say."""
    result = searched(
        Fake("4"),
        writing("答案是5。"),
        simulations=2,
        problem=lambda problem: replace(problem, tags=NONE, question="2加2是多少？"),
    )
    (output,) = programs(result)
    assert output.endswith("它返回4。\n\n答案是4。")
    assert [vote.answer and vote.answer.canonical for vote in result.votes] == ["4", "5"]


@pytest.mark.parametrize("ending", ["```", "```\n", "```\n\n"])
def test_one_blank_line_parts_a_program_from_what_it_returns(ending: str) -> None:
    """Models end a line with the block, or do not."""
    result = searched(Fake("4"), writing("The answer is 5.", BODY + ending), simulations=2)
    assert "    return 2 + 2\n```\n\nIt returns 4.\n\nThe answer is 4." in programs(result)[0]


def test_programs_that_fail_have_no_voice_and_are_given_up() -> None:
    """A model that cannot write them is not asked for more than two, and nothing is read out of its code."""
    interpreter = Fake(None)
    result = searched(interpreter, writing("The answer is 5."), programs=1, simulations=8)
    assert len(interpreter.ran) == 2
    assert programs(result) == []
    assert [vote.answer and vote.answer.canonical for vote in result.votes] == ["5"]


def test_a_program_that_never_ends_is_cut() -> None:
    """It takes no more tokens than a program may, and is not run."""
    interpreter = Fake("4")
    result = searched(interpreter, writing("The answer is 5.", "    # no\n" * 400), simulations=2)
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
    """Where the first reply answers with a number, there is an interpreter, and the strategy has them: half of the replies."""
    result = searched(interpreter, writing(chain), strategy=strategy)
    assert sum(each.reply.is_program for each in result.candidates) == expected


def test_the_first_look_of_auto_is_a_program() -> None:
    """A reply of another kind that agrees is a better witness than a second one of the same kind."""
    interpreter = Fake("5")
    result = searched(interpreter, writing("The answer is 5."), root_samples=3, certainty=0.95, simulations=8)
    assert [each.reply.is_program for each in result.candidates] == [False, True]
    assert result.stop_reason == "certain"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (2 / 3, [True, True, True, True, False, True, True, False]),
        (0.5, [True, True, False, True, False, True, False, True]),
        (0.25, [True, False, False, True, False, False, False, True]),
        (1.0, [True] * 8),
        (0.0, [False] * 8),
    ],
)
def test_programs_are_never_behind_their_share(share: float, expected: list[bool]) -> None:
    """After the first reply they come first, and then in turn with others, however long the search turns out to be."""
    programs = Programs(share=share)
    found = []
    for num_replies in range(1, 9):
        found.append(programs.is_due(num_replies))
        programs.num_begun += found[-1]
    assert found == expected


@pytest.mark.parametrize(
    ("num_begun", "num_failed", "expected"), [(1, 1, True), (2, 2, False), (4, 2, True), (5, 3, False), (20, 10, True)]
)
def test_a_model_that_fails_at_most_programs_writes_no_more(num_begun: int, num_failed: int, expected: bool) -> None:
    """Two failures must be most of them."""
    assert Programs(share=1.0, num_begun=num_begun, num_failed=num_failed).is_due(100) is expected


def test_a_tie_goes_to_the_program() -> None:
    """It does no slips of arithmetic."""
    result = searched(Fake("4"), writing("The answer is 5."), simulations=2)
    assert [vote.weight for vote in result.votes] == [0.5, 0.5]
    assert result.answer is not None
    assert result.answer.canonical == "4"


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


def varied(text: str) -> Mapping[str, float]:
    """Return a model that begins chains and programs in several ways."""
    reply = text.rpartition("assistant\n")[2]
    if not is_program(reply.encode()):
        if not reply:
            return {"Hm.\n": 0.5, "Well.\n": 0.3, "Ah.\n": 0.2}
        is_begun = reply in ("Hm.\n", "Well.\n", "Ah.\n")
        return {f"The answer is {n}.{END}": 0.25 for n in (5, 6, 7, 8)} if is_begun else {}
    written = reply.partition("def solution():\n")[2]
    if written and not written.endswith("\n"):
        return {}
    lines = written.count("\n")
    if lines < len("ab"):
        return {f"    {'ab'[lines]} = {n}\n": 0.25 for n in (1, 2, 3, 4)}
    return {"    return a + b\n```\n": 1.0} if lines == len("ab") else {}


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("root", ["uct", "auto"])
def test_branches_off_programs_count_in_their_share(root: str, parallel: int) -> None:
    """No more than two thirds of the replies answer with a program, wherever they branch off."""
    result = searched(Fake("4"), varied, simulations=32, programs=2 / 3, root=root, parallel=parallel)
    assert result.tree is not None
    begun = sum(node.visits for node in result.tree.nodes if opens_program(node.step.data))
    assert 16 <= begun <= 22 + parallel - 1


def test_a_search_that_goes_on_keeps_to_the_share() -> None:
    """Programs of the earlier search count: chain, program, program, and then another chain."""
    from marco_cli.search.base import Earlier

    script = writing("The answer is 5.")
    first = searched(Fake("4"), script, simulations=3)
    assert first.tree is not None
    earlier = Earlier(tree=first.tree, candidates=first.candidates, num_simulations=first.num_simulations)
    interpreter = Fake("4")
    find(
        script,
        problem=plain,
        settings={"interpreter": interpreter, "earlier": earlier},
        simulations=4,
        certainty=1.0,
        parallel=1,
        programs=0.5,
    )
    assert interpreter.ran == []


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


@pytest.mark.parametrize(
    ("first", "tags", "wanted", "expected"),
    [
        ("5", NONE, None, 2 / 3),
        ("5", MARCO, None, 0.25),
        ("5", MARCO, 1.0, 1.0),
        ("5", NONE, 0.0, 0.0),
        ("Paris", NONE, 1.0, 0.0),
        (None, NONE, 1.0, 0.0),
    ],
)
def test_the_share_suits_the_model(first: str | None, tags: Tags, wanted: float | None, expected: float) -> None:
    """Two thirds of the replies, a quarter where a model thinks before it answers, and only where a number is asked for."""
    answer = None if first is None else extract(f"The answer is **{first}**.")
    assert share(answer, tags=tags, wanted=wanted) == expected


@pytest.mark.parametrize(
    ("settings", "is_installed", "expected"),
    [
        (Settings(), True, True),
        (Settings(), False, False),
        (Settings(programs=0), True, False),
        (Settings(programs=0.3), True, True),
        (Settings(strategy="vote", programs=0.3), False, False),
    ],
)
def test_an_interpreter_is_there_where_it_may_be_used(
    settings: Settings, is_installed: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was asked for and it is missing, searches do without; else see the next test."""
    monkeypatch.setattr(monty, "is_installed", lambda: is_installed)
    assert (open_interpreter(search_plan(settings).config, Checks()) is not None) is expected


def test_programs_that_were_asked_for_need_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(ConfigError, match="needs pydantic-monty"):
        open_interpreter(search_plan(Settings(programs=0.3)).config, Checks())


def test_replies_are_counted_where_the_confidence_was_not_measured() -> None:
    """Likelier replies of such a model need not be better ones."""
    assert SearchConfig().vote_name == "sound"
    assert SearchConfig(doubt_below=0.98).vote_name == "checked"
    assert SearchConfig(vote="likely").vote_name == "likely"

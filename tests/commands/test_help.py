"""Help, slips of the pen, and questions without a command."""

import shlex
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from commands.program import Marco
from view.replay import Replay

from marco_cli.commands import app as program
from marco_cli.commands._first_word import FIRST_STEPS
from marco_cli.commands._help import EXPERT, panels
from marco_cli.config.settings import OPTIONS

ROOT: Any = typer.main.get_command(program.app)


def commands(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group below one, with the words that call it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


ALL = dict(commands())
EXAMPLES = [line for command in ALL.values() for line in (command.epilog or "").strip().splitlines()]
SEARCHING = [("ask",), ("chat",), ("batch",), ("eval", "run")]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
@pytest.mark.parametrize("columns", [50, 80, 120])
def test_help_breaks_no_word(
    marco: Marco, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...], columns: int
) -> None:
    """Every spelling and every command stands in the help of its command as it is typed, whatever the width."""
    monkeypatch.setenv("COLUMNS", str(columns))
    command = ALL[path]
    context = command.context_class(command, info_name="marco", help_option_names=["-h", "--help"])
    run = marco(*path, "--help")
    words = {word for rows in panels(command, context).values() for spelling, _ in rows for word in spelling.split()}

    assert run.code == 0
    shown = {word.rstrip(",") for word in run.out.split()}
    assert {word.rstrip(",") for word in words if word.startswith("--")} <= shown
    assert set(getattr(command, "commands", {})) <= shown


@pytest.mark.parametrize("path", SEARCHING, ids=" ".join)
def test_short_help_leaves_expert_settings_to_the_long_one(marco: Marco, path: tuple[str, ...]) -> None:
    """The short help names the expert settings, the long one explains each, and both show the rest."""
    short, long = marco(*path, "--help").out, marco(*path, "--help-all").out

    assert EXPERT in short
    assert "--repeat-penalty" in short
    assert OPTIONS["repeat_penalty"].about.help[:20] not in short
    assert OPTIONS["repeat_penalty"].about.help[:20] in long
    assert "--model" in short
    assert "config show" in short


def test_help_of_ask_fits_on_a_page(marco: Marco) -> None:
    """A person reads one page: the options used first lead, and at most 20 are explained."""
    lines = marco("ask", "--help").out.splitlines()
    explained = lines[: next(index for index, line in enumerate(lines) if line.startswith(EXPERT))]
    options = [line for line in explained if line.startswith("  -")]

    assert len(lines) <= 70
    assert len(options) <= 24


@pytest.mark.parametrize("key", [key for key, option in OPTIONS.items() if option.choices] + ["reward", "vote"])
def test_every_choice_is_listed(marco: Marco, key: str) -> None:
    """Who reads the help of an option with choices need not try one to learn them."""
    from marco_cli.commands._completion import choices_of

    shown = " ".join(marco("ask", "--help-all").out.split())

    assert "|".join(choices_of(key)) in shown or f"One of: {', '.join(choices_of(key))}." in shown


def test_every_command_that_deserves_them_has_examples() -> None:
    """The root, every group, and every command that stands beside them show how they are called."""
    assert [path for path, command in ALL.items() if len(path) < 2 and not command.epilog] == []
    assert len(ALL[("ask",)].epilog.strip().splitlines()) == 5


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_can_be_typed(line: str) -> None:
    """Each example names commands and options that exist, with values that are read."""
    words = shlex.split(line, comments=True)
    while "marco" in words:
        words = words[words.index("marco") + 1 :]
        end = next((index for index, word in enumerate(words) if word in ("|", ";")), len(words))
        _read(words[:end])
        words = words[end:]


def _read(words: list[str]) -> None:
    command, context = ROOT, None
    while True:
        context = command.make_context("marco", list(words), parent=context)
        if not hasattr(command, "commands"):
            return
        rest = [*context._protected_args, *context.args]
        _, command, words = command.resolve_command(context, rest)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("akk",), "marco ask"),
        (("caht",), "marco chat"),
        (("modles",), "marco models"),
        (("pull",), "marco models pull"),
        (("run",), "marco ask"),
        (("help",), "marco --help"),
        (("models", "lst"), "marco models list"),
        (("config", "gte"), "marco config get"),
        (("ask", "--modle", "x"), "--model"),
        (("ask", "--tempreature", "1"), "--temperature"),
        (("chat", "--efort", "low"), "--effort"),
        (("batch", "in", "--ouput", "x"), "--output"),
        (("eval", "nano", "--stratgy", "cot"), "--strategy"),
        (("models", "pull", "--ofline"), "--offline"),
        (("traces", "show", "--treee"), "--tree"),
        (("doctor", "--jsn"), "--json"),
        (("--modle", "x"), "marco ask --model"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_what_was_meant(marco: Marco, words: tuple[str, ...], meant: str) -> None:
    """A mistyped command or option of any command ends with 2 and names the nearest that exists."""
    run = marco(*words)

    assert (run.code, run.out) == (2, "")
    assert f"did you mean {meant}?" in run.err or f"did you mean `{meant}`?" in run.err


@pytest.mark.parametrize(
    "question", ["What is 2 + 3?", "Warum", "2+2", "why?", "为什么", "ask me something", "17*23", "strawberry"]
)
def test_a_question_needs_no_command(marco: Marco, question: str) -> None:
    """What is not a command and no slip of one is asked: here of a model that is not there."""
    run, asked = (marco(*words, "-m", "absent") for words in ((question,), ("ask", question)))

    assert run == asked
    assert run.code == 4


@pytest.mark.parametrize(
    "words",
    [("Tell", "me", "a", "joke"), ("ask", "what", "is", "2", "+", "2"), ("what", "is", "that"), ("prompt", "a", "b")],
)
def test_a_question_without_quotes_is_told_to_have_some(marco: Marco, words: tuple[str, ...]) -> None:
    """The shell makes many words of it; that they belong together is for the person to say."""
    run = marco(*words, "-q")

    assert (run.code, run.out) == (2, "")
    assert "in quotes" in run.err


def test_marco_alone_on_a_terminal_says_what_to_do() -> None:
    """Five lines, each with a command, none wider than a terminal."""
    with Replay([sys.executable, "-m", "marco_cli"]) as terminal:
        code = terminal.end()
        shown = [line.rstrip() for line in terminal.screen.display if line.strip()]

    assert code == 0
    assert shown == FIRST_STEPS.splitlines()
    assert len(shown) == 5
    assert all(line.startswith("marco ") for line in shown)


def test_marco_alone_in_a_pipe_is_the_help(marco: Marco) -> None:
    """A script that calls it without a word gets the help, as ever, and the exit code of wrong usage."""
    run = marco()

    assert run.code == 2
    assert "Commands:" in run.err

"""What the program says in its own name, on terminals of any width and in pipes."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands.program import Marco
from patience import PATIENCE
from view.replay import CONTROLLED, Replay

from marco_cli.commands import _output, app
from marco_cli.commands._output import report, say
from marco_cli.errors import ConfigError

WRONG = ("eval", "no-such-set")


def test_a_narrow_terminal_breaks_between_words(marco: Marco) -> None:
    """Sixty columns: every line fits, no word is cut, and in a pipe the same message is one line."""
    piped = marco(*WRONG).err
    with Replay([sys.executable, "-m", "marco_cli", *WRONG], columns=60) as replay:
        assert replay.end() == 2
        lines = [line for line in replay.lines if line]

    assert len(piped.splitlines()[0]) > 60
    assert len(lines) > 1
    assert all(len(line) < 60 for line in lines)
    assert " ".join(lines).split() == piped.split()


def test_a_command_to_copy_stays_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hint breaks in front of its command, never inside."""
    monkeypatch.setattr(_output, "stderr_width", lambda: 40)
    command = "marco batch questions.jsonl -o answers.jsonl --resume"
    report(ConfigError("stopped", hint=f"go on with: {command}"), as_json=False)

    assert capsys.readouterr().err.split("\n") == ["marco: stopped", "  hint: go on with:", f"        {command}", ""]


@pytest.mark.parametrize("width", [None, 40])
def test_what_was_laid_out_is_left_alone(
    width: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines that are not the program's own, such as tables, are written as they are."""
    monkeypatch.setattr(_output, "stderr_width", lambda: width)
    table = "  answer   votes\n  42       " + "1  " * 30
    say(table)

    assert capsys.readouterr().err == f"{table}\n"


@pytest.mark.weights
@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    "arguments", ['ask --effort low "1+2?"', "ask -v --thought full 1+2?", "batch q.jsonl -o a.jsonl"]
)
def test_work_goes_on_when_nobody_hears_of_it(arguments: str, stderr: str, tmp_path: Path) -> None:
    """A stderr that is full or closed costs what would have been said, and nothing else."""
    (tmp_path / "q.jsonl").write_text('{"question": "What is 1 + 2?"}\nbad\n')
    code, _ = _shell(f"{arguments} --model marco-nano --max-tokens 60 {stderr}", tmp_path)

    assert code == (3 if arguments.startswith("batch") else 0)
    if code:
        assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("streams", "code", "words"), [("<&-", 0, ""), (">&-", 7, "cannot write to stdout"), (">/dev/full", 7, "stdout")]
)
def test_closed_streams_are_told_of_where_they_matter(streams: str, code: int, words: str, tmp_path: Path) -> None:
    """Nobody misses a stdin that is not read; a result that cannot be written is an error."""
    found, said = _shell(f"presets list {streams}", tmp_path)

    assert found == code
    assert words in said
    assert "internal error" not in said


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("--version >/dev/full", 7, "cannot write to stdout"),
        ("--version >&-", 7, "cannot write to stdout"),
        ("--help >/dev/full", 7, "No space left on device"),
        ("ask --json -m nope x >/dev/full", 4, "no model is called 'nope'"),
        ("ask --json -m nope x >&-", 4, "no model is called 'nope'"),
        ("ask --json --seed -1 x >/dev/full", 2, "got -1"),
    ],
)
def test_what_went_wrong_first_is_the_exit_code(command: str, code: int, words: str, tmp_path: Path) -> None:
    """That the machine's copy of an error cannot be written takes nothing from the person's, and is not a bug."""
    found, said = _shell(command, tmp_path)

    assert found == code, said
    assert words in said
    assert "internal error" not in said
    assert "Traceback" not in said


def test_a_file_that_the_system_refuses_is_no_bug(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file it is, one line names it and says why."""

    def refuse(**_settings: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/somebody/models")

    monkeypatch.setattr(app, "app", refuse)
    run = marco("models", "list")

    assert run.code == 7
    assert "marco: /somebody/models: Permission denied" in run.err
    assert "bug" not in run.err


def test_a_reader_of_errors_who_has_gone_changes_nothing(tmp_path: Path) -> None:
    """A closed pipe in place of stdout: the exit code is that of the error."""
    read, written = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "marco_cli", "ask", "--json", "-m", "nope", "x"],
        stdout=written,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(written)

    assert ended.returncode == 4
    assert ended.stderr.count(b"\n") == 2


@pytest.mark.parametrize(
    ("keys", "code", "left"), [("\x03", 130, 1), ("\x04", 130, 1), ("n\n", 2, 1), ("\n", 2, 1), ("what?\nY\n", 0, 0)]
)
def test_a_question_is_answered_or_left(keys: str, code: int, left: int, tmp_path: Path) -> None:
    """Only a yes deletes; Ctrl-C and Ctrl-D leave with 130, as everywhere, and what is not an answer is asked again."""
    traces = tmp_path / "state" / "traces"
    traces.mkdir(parents=True)
    (traces / "20260101-000000-000-abcd.jsonl").write_text("{}\n")
    command = [sys.executable, "-c", CONTROLLED, sys.executable, "-m", "marco_cli", "traces", "prune", "--all"]
    with Replay(command, MARCO_STATE_DIR=str(tmp_path / "state")) as replay:
        replay.wait_for_text("Delete all traces? [y/N]:")
        replay.press(keys)
        assert replay.end() == code

    assert len(list(traces.iterdir())) == left
    assert b"Aborted" not in replay.data


def _shell(command: str, place: Path) -> tuple[int, str]:
    """Run a command line of the program in a shell; return its exit code and what it said."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m marco_cli {command}"],
        cwd=place,
        env={**os.environ, "MARCO_STATE_DIR": str(place / "state")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_a_terminal_without_a_size_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pseudo-terminals say that they have no columns: then nobody knows where to break."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.fileno", lambda: 2)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((0, 0)))

    assert _output.stderr_width() is None

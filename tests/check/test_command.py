"""`command:` checks: what a program is told, and what its exit code means."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from marco_cli.answer import extract
from marco_cli.check.base import Submission, Verdict
from marco_cli.check.command import CommandCheck, open_command
from marco_cli.check.limits import Limits
from marco_cli.errors import ConfigError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are those of POSIX")

OUTPUT = "The answer is 42."


def judged(script: str, folder: Path, **limits: float) -> Verdict:
    """Return what a shell script says of a reply that answers 42."""
    check = replace(open_command(str(program(script, folder))), limits=Limits(**limits))  # type: ignore[arg-type]
    return asyncio.run(check.check(submission()))


def program(script: str, folder: Path) -> Path:
    """Write a script that may be run."""
    path = folder / "check.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def submission() -> Submission:
    """Return a reply to be checked."""
    return Submission(
        question="6 * 7?", output=OUTPUT, thought="Multiply.", answer=extract(OUTPUT), tests="T", number=3
    )


@pytest.mark.parametrize(
    ("code", "judgement"),
    [(0, "right"), (1, "wrong"), (2, "wrong"), (124, "wrong"), (125, "unknown"), (126, "wrong"), (127, "wrong")],
)
def test_exit_codes_are_those_of_git_bisect(code: int, judgement: str, tmp_path: Path) -> None:
    """0 is right, 125 cannot judge and is not a trouble, all others up to 127 are wrong."""
    verdict = judged(f"exit {code}", tmp_path)

    assert (verdict.judgement, verdict.trouble) == (judgement, "")


@pytest.mark.parametrize(("script", "why"), [("exit 128", "0"), ("kill -9 $$", "9"), ("exit 200", "72")])
def test_what_a_signal_ended_judges_nothing_and_is_told(script: str, why: str, tmp_path: Path) -> None:
    """128 and more is an error of the check: it cannot judge, and the user hears so."""
    verdict = judged(script, tmp_path)

    assert verdict.judgement == "unknown"
    assert f"signal {why}" in verdict.trouble


@pytest.mark.parametrize(
    ("script", "limits", "told"),
    [
        ("sleep 60", {"seconds": 0.5}, "took too long"),
        ("while :; do :; done", {"seconds": 0.5}, "took too long"),
        ("yes", {}, "wrote too much"),
        ("trap '' TERM HUP INT; sleep 60", {"seconds": 0.5}, "took too long"),
        ("setsid sleep 60 & setsid sleep 60", {"seconds": 0.5}, "took too long"),
    ],
)
def test_a_limit_ends_a_check_that_then_judges_nothing(
    script: str, limits: dict[str, float], told: str, tmp_path: Path
) -> None:
    """However it holds on, a check ends in its limit, and the user hears which."""
    verdict = judged(script, tmp_path, **limits)

    assert verdict.judgement == "unknown"
    assert told in verdict.trouble


def test_a_script_without_its_interpreter_is_refused(tmp_path: Path) -> None:
    """It could not be started: that is told before anything is asked, and no answer is called wrong for it."""
    path = program("", tmp_path)
    path.write_text("#!/no/such/interpreter\n")

    with pytest.raises(ConfigError, match="/no/such/interpreter"):
        open_command(str(path))


def test_the_candidate_comes_as_json(tmp_path: Path) -> None:
    """Stdin holds one object with the question, the reply in its parts, and the number of the candidate."""
    path = program("", tmp_path)
    path.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps({{'why': sys.stdin.read()}}))\n")
    verdict = asyncio.run(open_command(str(path)).check(submission()))

    assert json.loads(verdict.why) == {
        "question": "6 * 7?", "output": OUTPUT, "thought": "Multiply.", "answer": "42", "candidate": 3, "tests": "T",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "score", "why"),
    [
        ('{"score": 0.5, "why": "half"}', 0.5, "half"),
        ('{"score": 1, "why": "a\\nb"}', 1.0, "a b"),
        ('{"score": 2, "why": 7}', None, ""),
        ('{"score": true}', None, ""),
        ('{"score": NaN}', None, ""),
        ("[1]", None, ""),
        ("no JSON", None, ""),
        ('{"score": 0.1} {"score": 0.2}', None, ""),
        ("", None, ""),
    ],
)
def test_stdout_may_say_more(said: str, score: float | None, why: str, tmp_path: Path) -> None:
    """One JSON object gives a score and a reason; anything else is not an error and says nothing."""
    verdict = judged(f"cat <<'END'\n{said}\nEND\nexit 1", tmp_path)

    assert (verdict.judgement, verdict.score, verdict.why) == ("wrong", score, why)


def test_nothing_of_the_users_environment_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and tokens in the environment do not reach a check; its home and directory are its own and gone afterwards."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    verdict = judged(
        """printf '{"why": "%s"}' "$(env | cut -d= -f1 | sort | tr '\\n' ' ') $HOME $(pwd)"; exit 1""", tmp_path
    )
    *names, home, folder = verdict.why.split()

    assert set(names) - {"_", "OLDPWD", "SHLVL"} == {"HOME", "LANG", "PATH", "PWD", "TMPDIR"}
    assert home == folder
    assert not Path(folder).exists()


def test_a_command_finds_the_programs_that_the_user_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver in a directory of one's own is none that is missing; a directory that is no absolute path is left out."""
    solver = tmp_path / "bin" / "my-solver"
    solver.parent.mkdir()
    solver.write_text("#!/bin/sh\nexit 0\n")
    solver.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", str(solver.parent), os.environ["PATH"]]))

    assert judged("my-solver || exit 1", tmp_path).judgement == "right"
    assert judged("""printf '{"why": "%s"}' "$PATH"; exit 1""", tmp_path).why.startswith(str(solver.parent))


def test_words_that_name_files_are_found_from_the_checks_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`command:./check.sh data.txt` means the files where the user is, spaces and quotes as in a shell."""
    monkeypatch.chdir(tmp_path)
    Path("da ta.txt").write_text("42")
    program('test "$(cat "$1")" = 42 && test "$2" = --flag', tmp_path)

    assert asyncio.run(open_command("./check.sh 'da ta.txt' --flag").check(submission())).judgement == "right"


@pytest.mark.parametrize("word", ["x" * 5000, "a/" * 3000, "nul\0", "*", "~", "\n"])
def test_words_that_no_file_can_be_called_stay_what_they_are(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are arguments, whatever the system says of files of that name."""
    monkeypatch.chdir(tmp_path)
    program("exit 0", tmp_path)

    assert open_command(f"./check.sh '{word}'").command[1:] == (word,)


@pytest.mark.parametrize("argument", ["", "  ", "./missing.sh", "no-such-program-here", "./plain.txt", "'unclosed"])
def test_a_program_that_is_not_there_is_a_wrong_option(
    argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused in one line before any model is loaded."""
    monkeypatch.chdir(tmp_path)
    Path("plain.txt").write_text("no program")

    with pytest.raises(ConfigError) as caught:
        open_command(argument)
    assert "\n" not in caught.value.message


def test_a_check_that_is_cancelled_has_ended(tmp_path: Path) -> None:
    """Cancelling returns when the program and all it started are gone."""
    mark = f"100.{os.getpid()}"
    check: CommandCheck = open_command(str(program(f"sleep {mark}", tmp_path)))

    async def work() -> None:
        task = asyncio.create_task(check.check(submission()))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert f"sleep {mark}" not in _commands()


def _commands() -> str:
    return "\n".join(
        _read(path).replace(b"\0", b" ").decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline")
    )


def _read(path: Path) -> bytes:
    """Return what is in a file of /proc; nothing when its process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""

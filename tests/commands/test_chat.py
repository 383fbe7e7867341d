"""Conversations through a pipe, with the bundled model."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands.program import Marco
from patience import PATIENCE

from marco_cli.config.preset import preset_names
from marco_cli.errors import EngineError
from marco_cli.search import STRATEGIES

pytestmark = pytest.mark.weights

SHORT = ("--max-tokens", "120")
"""Replies of a model that loses the thread are cut: nothing here depends on what they say."""
SUM, PRODUCT = "What is 12 + 30?", "What is 3 * 4?"
DOUBTFUL = "What is 47 * 8 - 9?"
"""Of which marco-nano's greedy chain is wrong and a search right."""


@pytest.fixture
def talk(marco: Marco, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Marco:
    """Return a function that types lines into `marco chat --plain`, in an empty directory."""
    monkeypatch.setenv("MARCO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return lambda *lines, **more: marco(
        "chat", "--plain", *more.get("options", SHORT), stdin="".join(f"{line}\n" for line in lines).encode()
    )


def test_a_pipe_gets_outputs_and_nothing_else(talk: Marco) -> None:
    """Each line is a turn; stdout holds one output after the other, stderr a notice and a line a turn; nothing is coloured."""
    run = talk(SUM, "", PRODUCT)

    assert run.code == 0
    assert run.out == "The answer is 42.\nThe answer is 12.\n"
    assert run.err.splitlines()[1:] == ["marco: sure", "marco: fairly sure"]
    assert "marco models pull marco-o1" in run.err
    assert "\x1b" not in run.out + run.err


def test_quiet_says_nothing(talk: Marco) -> None:
    """`-q` leaves stderr empty, whatever the commands do."""
    run = talk(SUM, "/effort none", "/system Be brief.", PRODUCT, "/save x.chat", options=("-q",))

    assert (run.code, run.err) == (0, "")
    assert run.out.count("\n") == 2


def test_a_backslash_goes_on_in_the_next_line(talk: Marco) -> None:
    """A question of two lines is one turn; the last line needs no line feed."""
    run = talk("What is\\", "12 + 30?", "/export x.json")

    assert run.out.count("\n") == 1
    assert json.loads(Path("x.json").read_bytes())["messages"][0]["content"] == "What is\n12 + 30?"


def test_a_slip_costs_a_line_and_the_exit_code(talk: Marco) -> None:
    """A bad command is answered in one line with the near match; the rest goes on; a script learns of it in the end."""
    run = talk("/efort high", "/strategy mtcs", SUM)
    said = run.err.splitlines()[1:]

    assert run.code == 3
    assert run.out == "The answer is 42.\n"
    assert said[0] == "marco: no command /efort; did you mean /effort?"
    assert said[1].startswith("marco: /strategy: got 'mtcs', expected one of ")
    assert said[1].endswith("(did you mean mcts?)")
    assert said[-2] == "marco: 2 lines could not be answered"


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (["/model no-such-model"], 3, "no-such-model"),
        (["/preset marco-01"], 3, "did you mean marco-o1?"),
        (["/preset " + "what was meant for the model " * 20], 3, "no preset named"),
        (["/model /" + "x" * 300], 3, "no file at"),
        (["/save " + "x" * 300], 3, "cannot write"),
        (["/load missing.chat"], 3, "cannot read missing.chat"),
        (["/load ~nobody-here/x.chat"], 3, "cannot read ~nobody-here/x.chat"),
        (["/save ~nobody-here/x.chat"], 3, "cannot write ~nobody-here/x.chat"),
        (["/model ~nobody-here/x.gguf"], 3, "~nobody-here/x.gguf"),
        (["/save a\0b"], 3, "cannot write 'a\\x00b'"),
        (["/load a\0b"], 3, "cannot read 'a\\x00b'"),
        (["/export x.doc"], 3, ".md, .json, .jsonl"),
        (["/save"], 3, "/save FILE"),
        (["/edit"], 0, "there is no question yet"),
        (["/retry"], 0, "there is no question yet"),
        (["/thought"], 0, "there is no reply yet"),
        (["/thought sideways"], 3, "expected nothing or one of auto, full, hide"),
        ([SUM, "/edit"], 3, "/edit TEXT"),
        ([SUM, "/tree"], 0, "was no search"),
        (["word " * 1200], 3, "the context"),
        (["/quit", SUM], 0, ""),
    ],
)
def test_what_cannot_be_done_is_said(talk: Marco, lines: list[str], code: int, words: str) -> None:
    """Every mistake is named in words that say what to do; the session goes on, and nothing of it is on stdout."""
    run = talk(*lines)

    assert run.code == code
    assert words in run.err
    assert run.out == ("The answer is 42.\n" if lines[0] == SUM else "")
    assert "Traceback" not in run.err


def test_bytes_that_are_no_text_cost_a_line(marco: Marco) -> None:
    """A line that is not UTF-8 is refused by its number; the next one is answered."""
    run = marco("chat", "--plain", "--no-trace", stdin=b"\xff\xfe?\n" + SUM.encode())

    assert (run.code, run.out) == (3, "The answer is 42.\n")
    assert "line 1 is not UTF-8" in run.err


def test_commands_change_how_the_next_turn_is_answered(talk: Marco) -> None:
    """`/effort` and `/strategy` make a search of the next turn, with its tree to look at; `default` takes them back."""
    run = talk("/effort low", SUM, "/tree", "/strategy vote", SUM, "/strategy default", "/effort default", SUM, "/tree")

    assert run.code == 0
    assert run.out.count("\n") == 3
    assert "marco: effort low: mcts (8 simulations)" in run.err
    assert "marco: effort low: vote (8 simulations)" in run.err
    assert "marco: effort auto: one chain, then mcts" in run.err
    assert run.err.count("marco: sure") >= 2
    assert run.err.count("└─") >= 1
    assert run.err.count("was no search") == 1


def test_a_command_alone_says_how_things_are(talk: Marco) -> None:
    """Without a value, the commands that take one say what holds now and what could."""
    run = talk("/strategy", "/effort", "/preset", "/model", "/system", "/help", "/stats")

    assert all(name in run.err for name in (*STRATEGIES, *preset_names(), "high", "marco-nano", "/export FILE"))
    assert "no system prompt of yours" in run.err
    assert "the next prompt begins with" in run.err


def test_thoughts_are_shown_on_request(talk: Marco) -> None:
    """`/thought` shows the last one, on stderr; `/thought full` shows those to come."""
    run = talk(SUM, "/thought", "/thought full", PRODUCT)

    assert run.out == "The answer is 42.\nThe answer is 12.\n"
    assert "So the answer is 42." in run.err
    assert "So the answer is 12." in run.err


def test_retry_and_edit_replace_the_last_turn(talk: Marco) -> None:
    """Both ask again in its place: the conversation has one turn, with what was asked last."""
    talk(SUM, "/retry", "/edit " + PRODUCT, "/export x.json")
    messages = json.loads(Path("x.json").read_bytes())["messages"]

    assert [message["content"] for message in messages] == [PRODUCT, "The answer is 12."]


def test_a_question_that_failed_takes_no_turn_with_it(talk: Marco) -> None:
    """After a question that could not be asked, /retry and /edit leave the turn before it alone."""
    run = talk(SUM, "word " * 1200, "/retry", "/edit " + PRODUCT, "/export x.json")
    messages = json.loads(Path("x.json").read_bytes())["messages"]

    assert run.err.count("marco: the prompt has ") == 2
    assert [message["content"] for message in messages[::2]] == [SUM, PRODUCT]


def test_verbose_says_what_a_turn_cost(talk: Marco) -> None:
    """`-v` adds how the model was loaded and a line a turn, on stderr."""
    run = talk(SUM, options=("-v",))

    assert run.out == "The answer is 42.\n"
    assert "loaded in" in run.err
    assert "s to the first token" in run.err


def test_a_retry_says_how_it_is_sampled(talk: Marco) -> None:
    """Each attempt has a seed of its own; a new question begins anew."""
    run = talk(SUM, "/retry", "/retry", PRODUCT, "/retry")

    assert [line for line in run.err.splitlines() if "sampled" in line] == [
        f"marco: sampled with seed {seed}, temperature 0.7" for seed in (1, 2, 1)
    ]


def test_a_check_judges_every_turn(talk: Marco, tmp_path: Path) -> None:
    """It gets the turn's own question; what it says stands in the line about the answer."""
    check = tmp_path / "check.sh"
    check.write_text('#!/bin/sh\ngrep -q \'"question":"What is 12\'\n')
    check.chmod(0o755)
    run = talk(SUM, PRODUCT, options=(*SHORT, "--check", f"command:{check}", "--effort", "none"))

    assert run.code == 0
    assert run.out == "The answer is 42.\nThe answer is 12.\n"
    assert "✓ verified" in run.err.splitlines()[1]
    assert "✗ refuted" in run.err.splitlines()[2]


def test_a_check_ends_the_search_of_a_turn(talk: Marco) -> None:
    """A right answer ends it, and one of the chain that is wrong is searched on from, as `marco ask` does."""
    run = talk(DOUBTFUL, "/stats", options=("--effort", "high", "--check", "math:367"))

    assert run.code == 0
    assert "367" in run.out
    assert "✓ verified" in run.err


def test_a_preset_brings_its_own_check_into_a_conversation(talk: Marco) -> None:
    """From the next turn on; one that cannot be used is refused, and the conversation goes on as it was."""
    Path("strict.yaml").write_text("description: x\nextends: marco-nano\ncheck: ['math:41']\n")
    Path("broken.yaml").write_text("description: x\nextends: marco-nano\ncheck: ['command:./none.sh']\n")
    run = talk(SUM, "/preset strict.yaml", SUM, "/preset broken.yaml", SUM, options=(*SHORT, "--effort", "none"))

    assert run.out.count("The answer is 42.") == 3
    assert run.err.count("✗ refuted: 42 is not 41") == 2
    assert "./none.sh" in run.err


def test_a_reload_keeps_the_conversation(talk: Marco, tiny_gguf: Path) -> None:
    """Another model goes on where the one before stopped; one that does not load leaves everything as it was."""
    half = Path("half.gguf")
    half.write_bytes(tiny_gguf.read_bytes()[: tiny_gguf.stat().st_size // 2])
    run = talk(
        SUM, f"/model {half}", PRODUCT, f"/model {tiny_gguf}", "/stats", "/model marco-nano", PRODUCT, "/export x.json"
    )
    messages = json.loads(Path("x.json").read_bytes())["messages"]

    assert len(messages) == 6
    assert "half.gguf" in run.err
    assert f"model {tiny_gguf.stem}, preset generic" in run.err
    assert run.err.splitlines()[-1].startswith("  hint") or run.code == 3


def test_a_conversation_is_saved_loaded_and_written_out(talk: Marco) -> None:
    """`/save` and `/load` bring a conversation into another session, its system prompt included; files are not overwritten."""
    first = talk("/system Be brief.", SUM, "/save my.chat", PRODUCT, "/save", "/export my.md", "/export my.md")
    second = talk("/load my.chat", "/system", "/stats", SUM, "/export my.jsonl")
    messages = json.loads(Path("my.jsonl").read_bytes())["messages"]

    assert first.code == 3
    assert "my.md exists" in first.err
    assert PRODUCT in Path("my.md").read_text()
    assert second.code == 0
    assert "going on after 2 turns" in second.err
    assert "the system prompt is: Be brief." in second.err
    assert [message["role"] for message in messages] == ["system"] + ["user", "assistant"] * 3


def test_a_disk_that_is_full_leaves_the_conversation_saved_before(talk: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later `/save` that does not fit is told, and the file is the old one, whole."""

    def sync(descriptor: int) -> None:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode) and about.st_size > size:
            raise OSError(errno.ENOSPC, "No space left on device")

    talk(SUM, "/save my.chat")
    before = Path("my.chat").read_bytes()
    size = len(before)
    monkeypatch.setattr(os, "fsync", sync)
    run = talk("/load my.chat", PRODUCT, "/save")

    assert "cannot write my.chat: No space left on device" in run.err
    assert Path("my.chat").read_bytes() == before
    assert [path.name for path in Path().glob("*my*")] == ["my.chat"]


def test_a_private_conversation_stays_private(talk: Marco) -> None:
    """A later `/save` leaves who may read the file as the user has set it."""
    talk(SUM, "/save my.chat")
    Path("my.chat").chmod(0o600)
    run = talk("/load my.chat", PRODUCT, "/save")

    assert run.code == 0
    assert Path("my.chat").stat().st_mode & 0o777 == 0o600


def test_a_full_context_is_said(talk: Marco) -> None:
    """Turns that the model is no longer told are counted in a line, and nothing else goes wrong."""
    run = talk(*[SUM] * 12, options=())

    assert run.code == 0
    assert run.out == "The answer is 42.\n" * 12
    assert "the context is full: the " in run.err
    assert "oldest turns are no longer told to the model" in run.err


def test_sessions_are_traces_and_go_on(talk: Marco, tmp_path: Path) -> None:
    """Each turn is a private trace of one session; `--continue` tells the model its history, the replaced turn left out."""
    talk(SUM, PRODUCT, "/edit What is 3 * 5?")
    files = sorted((tmp_path / "state" / "traces").iterdir())
    documents = [json.loads(file.read_bytes()) for file in files]
    run = talk(PRODUCT, "/export x.json", options=("--continue",))
    again = talk("/stats", options=("--continue", documents[1]["id"][-4:]))
    messages = json.loads(Path("x.json").read_bytes())["messages"]

    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert [document["turn"] for document in documents] == [1, 2, 2]
    assert {document["session"] for document in documents} == {documents[0]["id"]}
    assert "going on after 2 turns" in run.err
    assert [message["content"] for message in messages[::2]] == [SUM, "What is 3 * 5?", PRODUCT]
    assert "going on after 3 turns" in again.err


def test_no_trace_keeps_nothing(talk: Marco, tmp_path: Path) -> None:
    """`--no-trace` leaves no file behind, and there is nothing to go on with."""
    talk(SUM, options=("--no-trace",))
    run = talk(SUM, options=("--continue",))

    assert not (tmp_path / "state").exists()
    assert run.code == 6
    assert "there is no conversation" in run.err


def test_a_question_is_no_argument(marco: Marco) -> None:
    """What looks like a question on the command line is refused with what was probably meant."""
    run = marco("chat", SUM)

    assert run.code == 2
    assert "marco ask" in run.err


def program(*arguments: str, state: Path) -> "subprocess.Popen[bytes]":
    """Start the program on pipes that stay open."""
    return subprocess.Popen(
        [sys.executable, "-m", "marco_cli", "chat", "--plain", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"MARCO_STATE_DIR": str(state)},
    )


def test_a_program_can_talk_through_a_pipe_that_stays_open(tmp_path: Path) -> None:
    """An output is there as soon as it is complete, without the end of stdin; Ctrl-C while waiting leaves with 130."""
    with program("-q", state=tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for question, output in ((SUM, b"The answer is 42.\n"), (PRODUCT, b"The answer is 12.\n")):
            process.stdin.write(f"{question}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == output
        time.sleep(0.5)  # until it waits for the next line
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=PATIENCE) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_ctrl_c_stops_a_turn_and_not_the_session(tmp_path: Path, tiny_gguf: Path) -> None:
    """One Ctrl-C in the middle of a turn gets an answer from what there is, and the next line is read."""
    options = (
        "--model",
        str(tiny_gguf),
        "--preset",
        "marco-o1",
        "--effort",
        "none",
        "--temperature",
        "0.7",
        "--top-k",
        "2",
        "--seed",
        "1",
        "--max-tokens",
        "3000",
    )
    with program(*options, "--thought", "full", state=tmp_path) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"x\n")
        process.stdin.flush()
        assert process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(b"/stats\n", timeout=PATIENCE)

    assert process.returncode in (0, 3)  # random weights may write no output
    assert b"answering from what there is" in err
    assert b"the next prompt begins with" in err
    assert b"Traceback" not in err


def test_a_closed_stdout_is_silent(tmp_path: Path) -> None:
    """Whoever reads the outputs may leave: exit code 141 and no word about it."""
    with program("-q", state=tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        process.stdin.write(f"{SUM}\n".encode())
        process.stdin.close()
        process.stdin = None
        assert process.stderr is not None
        err = process.stderr.read()

        assert process.wait(timeout=PATIENCE) == 141
        assert err == b""


def test_a_file_too_long_to_go_on_from_never_costs_another_file(talk: Marco) -> None:
    """`/load` of a conversation whose system prompt leaves no room fails; the next bare `/save` spares the earlier file."""
    talk(SUM, "/save first.chat", options=("-q",))
    before = Path("first.chat").read_bytes()
    long = json.loads(before) | {"system": None}
    long["turns"][0]["asked"] = "word " * 20_000
    Path("long.chat").write_text(json.dumps(long), encoding="utf-8")
    talk("/load first.chat", "/load long.chat", "/save")

    assert Path("first.chat").read_bytes() == before


def test_an_end_with_a_fault_says_that_and_nothing_else(talk: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work ahead of time that failed meanwhile, or is still under way, is not a message of its own."""

    async def warm(*_: object, **__: object) -> None:
        raise EngineError("the engine is closed")

    async def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("marco_cli.conversation.dialogue.Dialogue.warm", warm)
    monkeypatch.setattr("marco_cli.commands._chat_opening.obey", fail)
    run = talk(SUM, "/help")

    assert run.code == 1
    assert "a fault" in run.err
    assert "never retrieved" not in run.err


def test_a_conversation_ends_with_its_last_model(talk: Marco, nano_gguf: Path, tiny_gguf: Path) -> None:
    """When neither the new model nor the old one loads, the conversation ends with that error, not with a closed engine."""
    Path("mine.gguf").write_bytes(nano_gguf.read_bytes())
    Path("half.gguf").write_bytes(tiny_gguf.read_bytes()[: tiny_gguf.stat().st_size // 2])
    options = ("--model", "./mine.gguf", "--preset", "marco-nano", "--effort", "none", "--plain")
    call = [sys.executable, "-m", "marco_cli", "chat", *options]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as chat:
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write(f"{SUM}\n".encode())
        chat.stdin.flush()
        assert chat.stdout.readline() == b"The answer is 42.\n"
        Path("mine.gguf").write_bytes(b"GGUF")
        _, err = chat.communicate(f"/model ./half.gguf\n{SUM}\n".encode(), timeout=PATIENCE)

    assert chat.returncode == 5
    assert err.count(b"does not load again") == 1
    assert b"Traceback" not in err

import json
import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands.program import Marco
from patience import PATIENCE
from view.replay import Replay

from marco_cli.view.display import Display, SearchView, choose_view

pytestmark = pytest.mark.weights

QUESTION = "What is 12 + 30?"
DOUBTFUL = "What is 47 * 8 - 9?"
"""Of which marco-nano's greedy chain is wrong and a search right."""


@contextmanager
def started(*arguments: str, **more: Any) -> "Iterator[subprocess.Popen[bytes]]":
    """Start the program in a process of its own, and end it with the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "marco_cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_answer_alone_goes_to_stdout(marco: Marco) -> None:
    """A pipe gets the output text and one line feed: no thought, no notice, no escape sequence."""
    run = marco("ask", QUESTION)

    assert run.code == 0
    assert "42" in run.out
    assert run.out.count("\n") == run.out.strip().count("\n") + 1
    assert "<" not in run.out
    assert "\x1b" not in run.out + run.err


def test_the_bundled_model_is_named_in_one_line(marco: Marco) -> None:
    """Whoever did not choose a model learns which one answered and how to get the real one."""
    run = marco("ask", QUESTION)

    assert [line for line in run.err.splitlines() if "marco-nano" in line] == run.err.splitlines()[:1]
    assert "marco models pull marco-o1" in run.err


def test_quiet_says_nothing(marco: Marco) -> None:
    """`-q` leaves stderr empty."""
    assert marco("ask", QUESTION, "-q").err == ""


def test_a_full_thought_goes_to_stderr_even_off_a_terminal(marco: Marco) -> None:
    """`--thought full` shows the thought wherever stderr goes; stdout stays the same."""
    run = marco("ask", QUESTION, "--thought", "full", "-q")
    full = marco("ask", QUESTION, "--thought", "full")

    assert run.out == full.out == marco("ask", QUESTION).out
    assert len(full.err.splitlines()) > 2


def test_json_is_one_object_with_every_key(marco: Marco) -> None:
    """`--json` prints one object whose keys never depend on the outcome, and whose counts agree."""
    run = marco("ask", QUESTION, "--json")
    document = json.loads(run.out)

    assert document["v"] == 1
    assert set(document) == {
        "v", "output", "thought", "answer", "check", "confidence", "finish_reason", "stop_reason", "model", "preset", "seed", "usage", "timing",
        "tree", "candidates", "votes", "accounting", "trace",
    }  # fmt: skip
    assert document["answer"] == "42"
    assert document["model"] == "marco-nano"
    assert 0 < document["confidence"] <= 1
    usage = document["usage"]
    assert usage["decoded_tokens"] == usage["reasoning_tokens"] + usage["output_tokens"]


def test_a_search_shows_its_evidence(marco: Marco) -> None:
    """`--effort low` builds a tree whose root has been visited once a simulation, and says on stderr how it ended."""
    run = marco("ask", QUESTION, "--effort", "low", "--certainty", "1", "-q", "--json")
    document = json.loads(run.out)
    nodes = document["tree"]["nodes"]

    assert nodes[0]["visits"] == document["accounting"]["simulations"]
    assert 1 <= nodes[0]["visits"] <= document["accounting"]["max_simulations"] == 8
    assert sum(vote["weight"] for vote in document["votes"]) == pytest.approx(1)
    assert document["answer"] == document["votes"][0]["answer"] == "42"
    assert document["usage"]["decoded_tokens"] == document["accounting"]["decoded_tokens"]


def test_trust_is_one_line_and_the_summary_is_for_v(marco: Marco) -> None:
    """After a search stderr tells how far to trust it, with `-v` the votes and why it stopped; stdout has the output alone."""
    search = ("ask", QUESTION, "--strategy", "vote", "--simulations", "4")
    run, short = marco(*search, "-v"), marco(*search)

    assert short.err.splitlines()[1:] == ["marco: sure"]
    assert short.out == run.out
    assert "stopped: " in run.err
    assert "of 4 simulations" in run.err
    assert run.out.count("\n") == 1


def test_events_are_json_lines(marco: Marco, tmp_path: Path) -> None:
    """`--events FILE` writes what the search did, one object a line, from its start to its end."""
    file = tmp_path / "events.jsonl"
    marco("ask", QUESTION, "--effort", "low", "--events", file)
    types = [json.loads(line)["type"] for line in file.read_text().splitlines()]

    assert types[0] == "search_started"
    assert types[-1] == "search_ended"
    assert {"nodes_added", "simulation_ended", "candidate_found", "vote_changed"} <= set(types)


@pytest.mark.parametrize(
    ("options", "variable", "display"),
    [((), "auto", "auto"), ((), "plain", "plain"), ((), "", "auto"), (("--display", "live"), "plain", "live")],
)
def test_the_display_may_be_chosen_for_good(
    marco: Marco, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], variable: str, display: str
) -> None:
    """`MARCO_DISPLAY` is `--display` for who always wants it so; the option is stronger, and empty is not set.

    Which view a display is on which stream is shown in tests/view/test_display.py.
    """
    chosen: list[str] = []

    def choose(display: Display, *arguments: Any, **more: Any) -> SearchView:
        chosen.append(display)
        return choose_view(display, *arguments, **more)

    monkeypatch.setenv("MARCO_DISPLAY", variable)
    monkeypatch.setattr("marco_cli.commands._reply.choose_view", choose)
    run = marco("ask", QUESTION, "--strategy", "vote", "--simulations", "2", *options)

    assert "42" in run.out
    assert chosen == [display]


ENDLESS = ("--strategy", "vote", "--simulations", "100000", "--certainty", "1", "--no-trace")


def test_enter_takes_the_answer_as_it_stands() -> None:
    """During a search Enter is enough: the answer so far, exit code 0, and a terminal that echoes again."""
    command = [sys.executable, "-m", "marco_cli", "ask", QUESTION, "-v", *ENDLESS]
    with Replay(command, CI="") as replay:
        replay.wait_for_text("/100000")
        before = replay.local_modes()
        replay.press("\n")

        assert replay.end() == 0
        assert any("on request" in line for line in replay.lines)
        assert not before & termios.ECHO
        assert replay.local_modes() & termios.ECHO


def test_a_pipe_gets_the_first_reply_as_it_comes_and_its_replacement_after_it(marco: Marco) -> None:
    """With `--stream` the words of the plain chain stand first on stdout, whatever a search says later."""
    search = ("--effort", "auto", "--doubt-below", "1", "--simulations", "16", "--certainty", "1")
    chain = marco("ask", DOUBTFUL, "--effort", "none", "-q")
    found = marco("ask", DOUBTFUL, *search, "-q")
    streamed = marco("ask", DOUBTFUL, *search, "--stream")

    assert found.out != chain.out
    assert streamed.out == f"{chain.out}\n{found.out}"
    assert "marco: the search prefers" in streamed.err


def test_a_search_that_follows_a_chain_says_what_it_is_for(marco: Marco) -> None:
    """In a pipe it is the only sign of life until the search ends."""
    run = marco("ask", QUESTION, "--effort", "auto", "--doubt-below", "1", "--simulations", "2")

    assert "marco: is 42 right? comparing it with other replies; Ctrl-C takes it as it stands" in run.err.splitlines()


def test_a_display_that_is_none_names_its_variable(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong in the environment is found there."""
    monkeypatch.setenv("MARCO_DISPLAY", "sideways")
    run = marco("ask", QUESTION)

    assert (run.code, run.out) == (2, "")
    assert "MARCO_DISPLAY" in run.err


@pytest.mark.parametrize("as_json", [True, False])
def test_events_that_cannot_be_written_cost_no_answer(marco: Marco, tmp_path: Path, as_json: bool) -> None:
    """A disk that fills up ends the record, not the search: the answer is there, one line says so, and it ends with 7."""
    (tmp_path / "full").symlink_to("/dev/full")
    options = ("--effort", "low", "-q", *(("--json",) if as_json else ()))
    whole = marco("ask", QUESTION, *options)
    run = marco("ask", QUESTION, *options, "--events", tmp_path / "full")

    assert (whole.code, run.code) == (0, 7)
    assert (json.loads(run.out)["answer"] == "42") if as_json else (run.out == whole.out)
    assert run.err == f"marco: not all events are in {tmp_path / 'full'}: No space left on device\n"


def test_nobody_who_reads_events_costs_no_answer(marco: Marco, tmp_path: Path) -> None:
    """A pipe whose reader has gone takes no events; the answer does not go there."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: pipe.open("rb").close())
    reader.start()
    run = marco("ask", QUESTION, "--effort", "low", "-q", "--events", pipe)
    reader.join()

    assert run.code == 7
    assert "42" in run.out
    assert "Broken pipe" in run.err


def test_events_without_a_place_are_refused(marco: Marco, tmp_path: Path) -> None:
    """A path that leads nowhere is told before anything is answered."""
    run = marco("ask", QUESTION, "--events", tmp_path / "missing" / "events.jsonl")

    assert (run.code, run.out) == (7, "")
    assert "name another file" in run.err


@pytest.mark.parametrize(("seed", "code"), [((1 << 63) - 1, 0), (1 << 63, 2), (12345678901234567890, 2)])
def test_a_seed_is_one_that_the_trace_can_keep(marco: Marco, seed: int, code: int) -> None:
    """Any seed that is taken is in the trace as it is, so that the trace can be read again; others are refused."""
    run = marco("ask", QUESTION, "-q", "--seed", str(seed))
    assert run.code == code, run.err
    if code:
        assert "18 digits" in run.err
        return
    assert json.loads(marco("traces", "show", "--json").out)["settings"]["seed"] == seed


def test_auto_searches_only_when_in_doubt(marco: Marco) -> None:
    """With a threshold below every confidence the first chain stands; above every one, a search follows it."""
    sure = json.loads(marco("ask", QUESTION, "--json", "--doubt-below", "0").out)
    unsure = json.loads(
        marco("ask", QUESTION, "--json", "--doubt-below", "1", "--simulations", "4", "--effort", "auto").out
    )

    assert sure["accounting"]["strategy"] == "cot"
    assert unsure["accounting"]["strategy"] == "mcts"
    assert unsure["accounting"]["first_answer"] == sure["answer"]


def test_the_same_seed_gives_the_same_reply(marco: Marco) -> None:
    """A sampled reply can be had again."""
    runs = [marco("ask", QUESTION, "--json", "--temperature", "1.5", "--seed", "7") for _ in range(2)]

    assert json.loads(runs[0].out)["thought"] == json.loads(runs[1].out)["thought"]


def test_questions_come_from_stdin_and_files(marco: Marco, tmp_path: Path) -> None:
    """`-`, a bare pipe and `-f` all bring the same question."""
    file = tmp_path / "question.txt"
    file.write_text(QUESTION)
    expected = marco("ask", QUESTION).out

    assert marco("ask", "-", stdin=QUESTION.encode()).out == expected
    assert marco("ask", stdin=QUESTION.encode()).out == expected
    assert marco("ask", "-f", file).out == expected


def test_stdin_is_not_touched_beside_a_question() -> None:
    """A pipe that nobody closes does not hang the command."""
    reader, writer = os.pipe()
    try:
        with started("ask", QUESTION, "--effort", "none", stdin=reader) as process:
            out, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(reader)
        os.close(writer)

    assert out.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (["ask", ""], b"", 6, "the question is empty"),
        (["ask"], b"", 6, "the question is empty"),
        (["ask", "-"], b"\xff\xfe", 6, "not UTF-8"),
        (["ask", "-"], b"a\0b", 6, "binary"),
        (["ask", "-f", "missing.txt", "x"], b"", 6, "cannot read missing.txt"),
        (["ask", "x", "--model", "marco-nona"], b"", 4, "marco-nano"),
        (["ask", "x", "--preset", "marco-01"], b"", 2, "marco-o1"),
        (["ask", "x", "--temperature", "-1"], b"", 2, "temperature"),
        (["ask", "x", "--temprature", "1"], b"", 2, "--temperature"),
        (["ask", "word " * 3000], b"", 6, "the context"),
        (["ask", "x", "--max-tokens", "5000"], b"", 6, "--max-tokens"),
        (["ask", "x", "--strategy", "mtcs"], b"", 2, "mcts"),
        (["ask", "x", "--effort", "height"], b"", 2, "high"),
        (["ask", "x", "--simulations", "0"], b"", 2, "simulations"),
        (["ask", "x", "--vote", "majorty"], b"", 2, "majority"),
        (["ask", "x", "--strategy", "mcts", "--parallel", "300"], b"", 2, "parallel"),
    ],
)
def test_bad_input_gets_one_line_and_its_exit_code(
    marco: Marco, arguments: list[str], stdin: bytes, code: int, words: str
) -> None:
    """Every mistake is named, with the remedy, without a traceback, and with nothing on stdout."""
    run = marco(*arguments, stdin=stdin)

    assert run.code == code
    assert words in run.err
    assert run.out == ""
    assert "Traceback" not in run.err


def test_unusable_model_files_are_named(marco: Marco, tmp_path: Path, tiny_gguf: Path) -> None:
    """No GGUF, half a GGUF: exit code 5 and the file's name."""
    text, half = tmp_path / "notes.gguf", tmp_path / "half.gguf"
    text.write_text("no model")
    half.write_bytes(tiny_gguf.read_bytes()[: tiny_gguf.stat().st_size // 2])

    for file in (text, half):
        run = marco("ask", "x", "--model", file)
        assert (run.code, file.name in run.err, "Traceback" in run.err) == (5, True, False), run.err


def test_errors_are_json_too(marco: Marco) -> None:
    """With `--json` a failure is one object on stdout, beside the line for people."""
    run = marco("ask", "x", "--model", "nothing-like-it", "--json")
    error = json.loads(run.out)["error"]

    assert run.code == error["exit"] == 4
    assert error["code"] == "model_missing"


def test_a_reply_without_output_is_incomplete(marco: Marco, tiny_gguf: Path) -> None:
    """A model that never writes an output ends with exit code 3, never with an empty success."""
    run = marco(
        "ask", "x", "--model", tiny_gguf, "--preset", "marco-o1", "--effort", "none", "--max-tokens", "1", "--json"
    )

    assert run.code == 3
    assert json.loads(run.out.splitlines()[0])["output"] is None


def test_a_closed_pipe_is_silent() -> None:
    """`marco ask … | head -0` says nothing and exits with 141."""
    with started("ask", QUESTION, "-q", "--effort", "none") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()

        assert process.wait(timeout=PATIENCE) == 141
        assert err == b""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
)
def test_signals_have_their_exit_codes(tiny_gguf: Path, number: signal.Signals, code: int) -> None:
    """In the middle of a thought, each signal has its exit code and none shows a traceback."""
    arguments = (
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
        "3900",
        "--thought",
        "full",
    )
    with started("ask", "x", "--model", str(tiny_gguf), *arguments) as process:
        assert process.stderr is not None
        assert process.stderr.read(1)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)

        assert process.returncode == code
        assert b"Traceback" not in err


def test_a_check_ends_the_search(marco: Marco, tmp_path: Path) -> None:
    """A program that knows the answer makes a search of a wrong chain and ends it with the right one."""
    program = tmp_path / "check.sh"
    program.write_text('#!/bin/sh\ngrep -q \'"answer":"367"\'\n')
    program.chmod(0o755)
    run = marco("ask", DOUBTFUL, "--check", f"command:{program}", "--require-check", "--json", "--effort", "high")
    document = json.loads(run.out)

    assert run.code == 0
    assert (document["answer"], document["stop_reason"]) == ("367", "verified")
    assert document["check"]["judgement"] == "right"
    assert sum(each["check"]["judgement"] == "right" for each in document["candidates"]) == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, "✓ verified"),
        (1, "✗ refuted: no"),
        (125, "unknown: no check could judge it: no"),
        (137, "ended by signal 9"),
    ],
)
def test_ask_says_what_the_check_said(code: int, told: str, marco: Marco, tmp_path: Path) -> None:
    """Stderr tells verified, refuted or unknown; `--require-check` turns all but the first into exit code 3, the output stays."""
    program = tmp_path / "check.sh"
    program.write_text(f'#!/bin/sh\necho \'{{"why": "no"}}\'\nexit {code}\n')
    program.chmod(0o755)
    run = marco("ask", QUESTION, "--check", f"command:{program}", "--effort", "none")
    strict = marco("ask", QUESTION, "--check", f"command:{program}", "--effort", "none", "--require-check")

    assert told in run.err
    assert (run.code, strict.code) == (0, 3 if code else 0)
    assert run.out == strict.out
    assert "42" in run.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--check", "comand:x"),
        ("--check", "command:./none.sh"),
        ("--check", "math:(("),
        ("--require-check",),
        ("--check", "python:none.py"),
    ],
)
def test_a_check_that_cannot_be_used_is_told_at_once(arguments: tuple[str, ...], marco: Marco) -> None:
    """One line, exit code 2, and no model is loaded."""
    run = marco("ask", QUESTION, *arguments)

    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("marco: ")
    assert "marco-nano" not in run.err

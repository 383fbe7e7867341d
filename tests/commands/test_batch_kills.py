"""`marco batch` and what ends programs: kill -9, SIGTERM, Ctrl-C, a closed pipe, a full disk.

MARCO_TEST_KILLS=100 makes the proof long; by default it takes seconds.
"""

import json
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from batch import scripted_solver
from commands.program import Marco
from patience import PATIENCE

KILLS = int(os.environ.get("MARCO_TEST_KILLS", "8"))
ROWS = 200 if KILLS >= 100 else 40
SECONDS_A_ROW = 0.02

Start = Callable[..., BaseProcess]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the switches of these tests for no settings of the program."""
    for name in [name for name in os.environ if name.startswith("MARCO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Return what starts `marco batch` on a scripted model in a process of its own, in milliseconds."""
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"q{n}", "prompt": f"{n}? 汉字\u2028"} for n in range(ROWS)]
    rows[ROWS // 2]["prompt"] = "MUTE"
    rows[ROWS // 3] = {"id": "bad", "prompt": ""}
    Path("q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(scripted_solver.PRELOAD)
    environ = {
        "MARCO_MODEL": "marco-nano",
        "MARCO_PRESET": "generic",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    started: list[BaseProcess] = []

    def begin(*arguments: str, seconds_a_row: float = SECONDS_A_ROW, num_quick: int = 0) -> BaseProcess:
        process = context.Process(target=scripted_solver.batch, args=([*arguments], environ, seconds_a_row, num_quick))
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()


def finish(process: BaseProcess) -> int | None:
    """Wait for a process and return its exit code."""
    process.join(PATIENCE)
    return process.exitcode


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return output rows without what depends on the moment."""
    return [{**json.loads(line), "timing": None} for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("parallel", ["1", "6"])
def test_no_row_is_lost_or_doubled_by_kill_9(start: Start, parallel: str) -> None:
    """Killed anywhere, again and again, and gone on with: every row once, in order, the same as without any kill."""
    options = ("--parallel", parallel, "--resume")
    assert finish(start("q.jsonl", "-o", "whole.jsonl", *options, seconds_a_row=0)) == 3
    whole, torn = rows_of(Path("whole.jsonl")), Path("torn.jsonl")
    source = random.Random(int(parallel))
    kills = in_work = 0
    while kills < KILLS:
        begun_at = torn.stat().st_size if torn.exists() else 0
        process = start("q.jsonl", "-o", str(torn), *options)
        # Every fourth kill falls anywhere, starting up and looking through the input included; the others among rows.
        while kills % 4 and process.is_alive() and not (torn.exists() and torn.stat().st_size > begun_at):
            time.sleep(0.002)
        process.join(source.uniform(0, 0.15))
        if not process.is_alive():
            assert process.exitcode == 3
            assert rows_of(torn) == whole
            torn.unlink()
            continue
        size = torn.stat().st_size if torn.exists() else 0
        process.kill()
        process.join()
        kills += 1
        in_work += 0 < size < Path("whole.jsonl").stat().st_size
        if torn.exists():
            *lines, _ = torn.read_bytes().split(b"\n")
            assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in whole[: len(lines)]]
    assert finish(start("q.jsonl", "-o", str(torn), *options, seconds_a_row=0)) == 3
    assert rows_of(torn) == whole
    assert in_work, "no kill fell between two rows: the test proves nothing"


def test_checks_lose_no_row_and_outlive_no_kill(start: Start) -> None:
    """The same with a program that checks each row: killed while checks run, and none of them goes on for long."""
    script = Path("check.sh")
    script.write_text(f"#!/bin/sh\n# {Path.cwd()}\ngrep -q 3\n")
    script.chmod(0o755)
    options = ("--parallel", "3", "--resume", "--check", "command:./check.sh")
    assert finish(start("q.jsonl", "-o", "whole.jsonl", *options, seconds_a_row=0)) == 3
    whole, torn = rows_of(Path("whole.jsonl")), Path("torn.jsonl")
    assert {row["check"]["judgement"] for row in whole if row["check"]} == {"right", "wrong"}

    for rows in (1, ROWS // 4, ROWS // 2):
        process = start("q.jsonl", "-o", str(torn), *options)
        wait_for_rows(torn, rows)
        process.kill()
        process.join()
    assert finish(start("q.jsonl", "-o", str(torn), *options, seconds_a_row=0)) == 3
    assert rows_of(torn) == whole

    deadline = time.monotonic() + PATIENCE
    while any(str(script.absolute()).encode() in _command_line(path) for path in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline, "a check goes on without anyone to hear it"
        time.sleep(0.05)


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def without_timing(data: bytes) -> bytes:
    """Return output lines byte for byte, but for their timing."""
    parts = []
    for line in data.splitlines(keepends=True):
        begin = line.index(b'"timing":')
        parts.append(line[:begin] + line[line.index(b'"input_sha256"', begin) :])
    return b"".join(parts)


def test_one_row_at_a_time_gives_the_same_bytes(start: Start) -> None:
    """With `--parallel 1` an interrupted file equals an uninterrupted one, byte for byte but for the timing."""
    options = ("--parallel", "1", "--resume")
    finish(start("q.jsonl", "-o", "whole.jsonl", *options, seconds_a_row=0))
    for seconds in (0.1, 0.2, 0.15):
        process = start("q.jsonl", "-o", "torn.jsonl", *options)
        process.join(seconds)
        process.kill()
        process.join()
    finish(start("q.jsonl", "-o", "torn.jsonl", *options, seconds_a_row=0))

    assert without_timing(Path("torn.jsonl").read_bytes()) == without_timing(Path("whole.jsonl").read_bytes())


def wait_for_rows(path: Path, count: int) -> None:
    """Wait until an output has some rows."""
    deadline = time.monotonic() + PATIENCE
    while not (path.exists() and path.read_bytes().count(b"\n") >= count):
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_leave_whole_rows(start: Start, number: signal.Signals, code: int) -> None:
    """SIGTERM ends it at once, Ctrl-C after the rows in flight; both leave whole rows and go on from there."""
    process = start("q.jsonl", "-o", "a.jsonl")
    wait_for_rows(Path("a.jsonl"), 3)
    assert process.pid is not None
    os.kill(process.pid, number)

    assert finish(process) == code
    rows = rows_of(Path("a.jsonl"))
    assert 3 <= len(rows) < ROWS
    assert finish(start("q.jsonl", "-o", "a.jsonl", "--resume", seconds_a_row=0)) == 3
    assert rows_of(Path("a.jsonl"))[: len(rows)] == rows
    assert len(rows_of(Path("a.jsonl"))) == ROWS


def test_a_second_ctrl_c_quits_at_once(start: Start) -> None:
    """Whoever does not want to wait for the rows in flight need not."""
    process = start("q.jsonl", "-o", "a.jsonl", "--parallel", "4", seconds_a_row=2 * PATIENCE, num_quick=1)
    wait_for_rows(Path("a.jsonl"), 1)
    assert process.pid is not None
    given_up = time.monotonic() + PATIENCE  # sooner than the rows in flight end
    while process.is_alive() and time.monotonic() < given_up:
        os.kill(process.pid, signal.SIGINT)  # two that come before the program looks are one
        process.join(0.5)

    assert process.exitcode == 130
    assert all(row["v"] == 1 for row in rows_of(Path("a.jsonl")))


def test_two_runs_cannot_write_one_file(start: Start) -> None:
    """The second one is refused with exit code 2, and the first one is not disturbed."""
    first = start("q.jsonl", "-o", "a.jsonl", "--parallel", "1", seconds_a_row=0.5)
    wait_for_rows(Path("a.jsonl"), 1)

    assert finish(start("q.jsonl", "-o", "a.jsonl", "--resume")) == 2
    assert finish(start("q.jsonl", "-o", "a.jsonl", "--overwrite")) == 2
    wait_for_rows(Path("a.jsonl"), len(rows_of(Path("a.jsonl"))) + 1)
    assert first.is_alive()


@pytest.mark.parametrize("limit", [3000, 9000, 9001, 9400])
def test_a_file_that_may_not_grow_ends_with_a_whole_row(
    marco: Marco, monkeypatch: pytest.MonkeyPatch, start: Start, limit: int
) -> None:
    """Exit code 7, the way on, and nothing lost; with room again the run is completed."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", scripted_solver.open_scripted)
    monkeypatch.setenv("MARCO_MODEL", "marco-nano")
    monkeypatch.setenv("MARCO_PRESET", "generic")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        run = marco("batch", "q.jsonl", "-o", "a.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)

    assert run.code == 7
    assert "--resume" in run.err
    before = Path("a.jsonl").read_bytes()
    assert before.endswith(b"\n")
    assert marco("batch", "q.jsonl", "-o", "a.jsonl", "--resume").code == 3
    assert Path("a.jsonl").read_bytes().startswith(before)
    assert len(rows_of(Path("a.jsonl"))) == ROWS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system of 64 KiB; skip where none may be mounted."""
    root = tmp_path / "disk"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(root)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield root
    subprocess.run(["umount", str(root)], check=True)


@pytest.mark.parametrize("room", [0, 12, 24])
def test_a_full_disk_costs_nothing_but_time(start: Start, small_disk: Path, room: int) -> None:
    """Exit code 7 when it is full, on the first row or in the middle; with room again the run is completed."""
    filler, output = small_disk / "filler", small_disk / "a.jsonl"
    filler.write_bytes(bytes((60 - room) * 1024))
    assert finish(start("q.jsonl", "-o", str(output), seconds_a_row=0)) == 7
    before = output.read_bytes() if output.exists() else b""
    assert before == b"" or before.endswith(b"\n")

    filler.unlink()
    assert finish(start("q.jsonl", "-o", str(output), "--resume", seconds_a_row=0)) == (3 if ROWS < 60 else 7)
    assert output.read_bytes().startswith(before)


def test_a_reader_that_leaves_ends_the_run_silently(tmp_path: Path) -> None:
    """`… | marco batch - | head -1` gets its line; the program then exits with 141 and says nothing of it."""
    with subprocess.Popen(
        [sys.executable, "-m", "marco_cli", "batch", "-", "--model", "marco-nano", "-q", "--effort", "none"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b'{"prompt": "What is 12 + 30?"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["answer"] == "42", "a row is out before the next one comes in"
        process.stdout.close()
        process.stdin.write(b'{"prompt": "What is 1 + 1?"}\n')
        process.stdin.flush()
        try:
            assert process.wait(PATIENCE) == 141
            assert process.stderr.read() == b""
        finally:
            process.kill()


def test_ctrl_c_while_a_stream_says_nothing(tmp_path: Path) -> None:
    """A pipe that stays open does not keep the program: one Ctrl-C is enough."""
    with subprocess.Popen(
        [sys.executable, "-m", "marco_cli", "batch", "-", "--model", "marco-nano", "--effort", "none"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"prompt": "What is 12 + 30?"}\n')
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
        assert process.stderr is not None
        err = process.stderr.read().decode()

        assert process.returncode == 130
        assert "stopped after 1 rows" in err
        assert "Traceback" not in err

"""Processes take turns at the cores, and none waits for long for one that does not give its turn back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from marco_cli.engine import defaults, turns
from marco_cli.engine.turns import FEWEST_WITHOUT, FIRST_PATIENCE, MOST_WITHOUT, PATIENCE, FileLock, Turns

CALL = 0.02

needs_locks = pytest.mark.skipif(os.name == "nt", reason="there are no locks of this kind on Windows")


class HeldLock:
    """A lock that is held by another process until a time."""

    def __init__(self, clock: "Clock", until: float = 0.0) -> None:
        self.clock = clock
        self.until = until
        self.is_ours = False

    def acquire(self) -> bool:
        """Take it once the other gave it back."""
        assert not self.is_ours
        self.is_ours = self.clock.now >= self.until
        return self.is_ours

    def release(self) -> None:
        """Give it back."""
        assert self.is_ours
        self.is_ours = False


class Clock:
    """Time that passes while one sleeps and computes, and never else."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Process:
    """A process and the locks as it sees them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.queue = HeldLock(self.clock)
        self.turn = HeldLock(self.clock)
        self.turns = Turns(self.queue, self.turn, clock=lambda: self.clock.now, sleep=self.clock.sleep)

    def call(self) -> tuple[bool, float]:
        """Make a call; return whether it had a turn, and how long it waited."""
        asked = self.clock.now
        with self.turns.taken() as is_ours:
            waited = self.clock.now - asked
            assert self.turn.is_ours == is_ours
            self.clock.sleep(CALL)
        assert not self.turn.is_ours
        assert not self.queue.is_ours
        return is_ours, waited


def test_a_free_turn_is_taken_at_once() -> None:
    """A process that is alone never waits."""
    process = Process()

    assert [process.call() for _ in range(3)] == [(True, 0.0)] * 3


def test_a_call_waits_for_one_as_long_as_itself() -> None:
    """The turn comes as soon as the other process gives it back."""
    process = Process()
    process.call()
    process.turn.until = process.clock.now + CALL

    is_ours, waited = process.call()

    assert is_ours
    assert waited == pytest.approx(CALL, abs=2 * turns.POLL_SECONDS)


@pytest.mark.parametrize("lock", ["queue", "turn"])
def test_who_waits_in_vain_goes_on_without(lock: str) -> None:
    """A process that holds a lock and stands still costs a share of the calls' own time that shrinks towards nothing."""
    process = Process()
    process.call()
    getattr(process, lock).until = float("inf")

    calls = [process.call() for _ in range(1000)]

    waits = [waited for _, waited in calls if waited]
    assert not any(is_ours for is_ours, _ in calls)
    assert max(waits) == pytest.approx(PATIENCE * CALL, abs=2 * turns.POLL_SECONDS)
    assert [waited > 0 for _, waited in calls[: FEWEST_WITHOUT + 2]] == [True, *[False] * FEWEST_WITHOUT, True]
    assert len(waits) <= 4 + 1000 / MOST_WITHOUT + 1


def test_the_first_call_has_a_patience_of_its_own() -> None:
    """A process that has not computed yet does not know how long its calls are."""
    process = Process()
    process.turn.until = float("inf")

    is_ours, waited = process.call()

    assert not is_ours
    assert waited == pytest.approx(FIRST_PATIENCE, abs=2 * turns.POLL_SECONDS)


def test_a_turn_that_comes_again_is_taken_again() -> None:
    """After the calls without a turn the process asks for one, and patience is as at first."""
    process = Process()
    process.turn.until = FIRST_PATIENCE + CALL

    assert [process.call()[0] for _ in range(FEWEST_WITHOUT + 3)] == [*[False] * (FEWEST_WITHOUT + 1), True, True]


def test_a_call_that_fails_gives_its_turn_back() -> None:
    """What a call raises passes through, and others have their turn."""
    process = Process()

    with pytest.raises(ZeroDivisionError), process.turns.taken():
        raise ZeroDivisionError

    assert process.call() == (True, 0.0)


@needs_locks
def test_a_lock_is_held_across_processes_and_ends_with_its_process(tmp_path: Path) -> None:
    """Another process has it or we do; one that is killed holds nothing."""
    path = tmp_path / "turn.lock"
    program = (
        "import sys; from pathlib import Path; from marco_cli.engine.turns import FileLock;"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    lock = FileLock(path)
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not lock.acquire()
        other.kill()
        other.wait()

    assert lock.acquire()
    assert not FileLock(path).acquire()
    lock.release()
    assert FileLock(path).acquire()


@needs_locks
def test_a_folder_that_cannot_be_had_means_no_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made, calls are made without turns."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    turns.of_this_user.cache_clear()

    assert turns.of_this_user() is None

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    turns.of_this_user.cache_clear()

    assert turns.of_this_user() is turns.of_this_user() is not None
    turns.of_this_user.cache_clear()


@pytest.mark.parametrize(
    ("cores", "threads", "expected"),
    [
        (1, 1, False),
        (2, 1, False),
        (2, 2, True),
        (8, 8, True),
        (8, 5, True),
        (8, 4, False),
        (8, 2, False),
        (1, 2, True),
    ],
)
def test_processes_that_fit_beside_each_other_take_no_turns(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, *, expected: bool
) -> None:
    """Turns are for processes of which two have more threads than there are cores."""
    monkeypatch.setattr(defaults, "physical_cores", lambda: cores)

    assert defaults.takes_turns(threads) is expected

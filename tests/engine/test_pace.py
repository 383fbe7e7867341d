"""How many threads a decode call runs on while other programs want the cores."""

from collections.abc import Callable

import pytest

from marco_cli.engine.pace import REST, TRIAL, Pace

Machine = Callable[[int], tuple[float, float]]
"""Threads → seconds of a call, and the share of the processor time that it gets."""


def run(pace: Pace, machine: Machine, calls: int, *, num_rows: int = 1) -> list[int]:
    """Make calls on a machine; return the threads of each."""
    used = []
    for _ in range(calls):
        used.append(pace.threads)
        seconds, share = machine(pace.threads)
        pace.took(num_rows, seconds, share * seconds * pace.threads)
    return used


def idle(threads: int) -> tuple[float, float]:
    """Behave as a machine that does nothing else."""
    return 1 / threads, 0.97


def busy(threads: int) -> tuple[float, float]:
    """Behave as two cores beside a busy loop on each."""
    return {1: 1.5, 2: 3.0}[threads], {1: 0.67, 2: 0.5}[threads]


def test_an_idle_machine_uses_all_threads() -> None:
    """Nothing is tried where nothing can be gained."""
    assert set(run(Pace(2), idle, 1000)) == {2}


def test_beside_other_programs_fewer_threads_are_used() -> None:
    """After a few calls; the trials of more threads that follow are few."""
    used = run(Pace(2), busy, 1000)
    assert used[: 2 * TRIAL] == [2] * TRIAL + [1] * TRIAL
    assert used[2 * TRIAL :].count(2) < 20


def test_all_threads_come_back_when_the_others_are_gone() -> None:
    """Within one rest and a trial."""
    pace = Pace(2)
    run(pace, busy, 2 * TRIAL)
    assert run(pace, idle, REST + 3 * TRIAL)[-1] == 2


@pytest.mark.parametrize("most", [2, 3, 8, 64])
def test_where_fewer_threads_are_no_faster_they_are_not_used(most: int) -> None:
    """A machine that is short of processor time, but serves more threads better, gets trials and nothing else."""
    used = run(Pace(most), lambda threads: (1 / threads, 0.5), 2000)
    assert used.count(most) > 0.95 * len(used)


def test_calls_of_other_sizes_are_not_compared() -> None:
    """A trial that meets longer calls ends, and decides nothing."""
    pace = Pace(2)
    run(pace, busy, TRIAL + 2)
    assert pace.threads == 1
    run(pace, busy, 1, num_rows=16)
    assert pace.threads == 2

import os
from pathlib import Path

import pytest

from marco_cli.engine.hardware import available_memory, physical_cores


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [("100000 100000\n", 1), ("50000 100000\n", 1), ("max 100000\n", None), ("nonsense\n", None), (None, None)],
)
def test_a_container_gets_no_more_threads_than_its_quota(
    tmp_path: Path, cpu_max: str | None, expected: int | None
) -> None:
    """Threads beyond the quota would wait for each other; without a quota the machine's cores count."""
    if cpu_max is not None:
        (tmp_path / "cpu.max").write_text(cpu_max)

    cores = physical_cores(tmp_path)

    assert cores == expected if expected else 1 <= cores <= (os.cpu_count() or 1)


def test_a_container_gets_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    """What is left below the limit counts; cached files are not counted as used."""
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\nfile 500000\n")

    assert available_memory(tmp_path) == 600_000


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    """Some memory is available on any machine that runs this."""
    memory = available_memory(tmp_path)

    assert memory is None or memory > 1_000_000

"""Any lines at all through `marco batch -`: what a pipe gets back, and the exit code that goes with it."""

import json
import os

import pytest
from batch.any_lines import LINES_AN_EXAMPLE, inputs
from batch.scripted_solver import open_scripted
from commands.program import Marco
from hypothesis import HealthCheck, assume, given, settings

LINES = int(os.environ.get("MARCO_TEST_FUZZ_LINES", "400")) // 4
"""A run of the command costs more than the rows do."""


def test_any_lines_end_with_the_right_code(marco: Marco, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each line that is not blank, 3 if one of them failed and else 0, and never a traceback."""
    monkeypatch.setattr("marco_cli.commands._batching.open_solver", open_scripted)
    monkeypatch.setenv("MARCO_MODEL", "marco-nano")
    monkeypatch.delenv("MARCO_TEST_FUZZ_LINES", raising=False)

    @settings(
        max_examples=max(1, 2 * LINES // LINES_AN_EXAMPLE),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(inputs)
    def check(lines: list[tuple[bool, bytes]]) -> None:
        stdin = b"".join(line + b"\n" for _, line in lines)
        assume(not stdin.startswith(b"\x1f\x8b"))  # it would be gzip, and damaged as a whole
        run = marco("batch", "-", "--preset", "generic", "--max-tokens", "32", stdin=stdin)
        rows = [json.loads(line) for line in run.out.split("\n")[:-1]]
        filled = [line for _, line in lines if line.removeprefix(b"\xef\xbb\xbf").strip()]

        assert run.code == (3 if any(row["status"] != "ok" for row in rows) else 0), run.err
        assert len(rows) == len(filled), run.err
        assert "Traceback" not in run.err

    check()

import json
from pathlib import Path

import pytest
from commands.program import Marco

pytestmark = pytest.mark.weights

QUESTION = "What is 12 + 30?"


def kept(tmp_path: Path) -> list[Path]:
    """Return the files of the traces in the state directory."""
    return sorted((tmp_path / "state").rglob("*.jsonl"))


def test_asking_keeps_a_trace(marco: Marco, tmp_path: Path) -> None:
    """Every answer leaves one private file, whose id `--json` tells; nothing more is said about it."""
    run = marco("ask", QUESTION, "--json")
    (file,) = kept(tmp_path)

    assert json.loads(run.out)["trace"] == file.stem
    assert json.loads(file.read_bytes())["question"] == QUESTION
    assert file.stat().st_mode & 0o777 == 0o600
    assert "trace" not in run.err


@pytest.mark.parametrize("how", ["flag", "environment", "file"])
def test_traces_can_be_switched_off(marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Once with a flag, for a shell with a variable, for good with `marco config set trace false`."""
    if how == "environment":
        monkeypatch.setenv("MARCO_TRACE", "off")
    elif how == "file":
        assert marco("config", "set", "trace", "false").code == 0
    run = marco("ask", QUESTION, "--json", *(["--no-trace"] if how == "flag" else []))

    assert json.loads(run.out)["trace"] is None
    assert kept(tmp_path) == []


def test_a_trace_that_cannot_be_kept_costs_one_line(marco: Marco, tmp_path: Path) -> None:
    """Without a place to write to, the answer comes as ever, with one line on stderr that names the way out."""
    (tmp_path / "state").write_text("no folder")
    run = marco("ask", QUESTION)
    as_json = marco("ask", QUESTION, "--json", "-q")

    assert run.code == as_json.code == 0
    assert "42" in run.out
    notices = [line for line in run.err.splitlines() if "trace" in line]
    assert len(notices) == 1
    assert "--no-trace" in notices[0]
    assert json.loads(as_json.out)["trace"] is None


def test_the_oldest_traces_make_room(marco: Marco, tmp_path: Path) -> None:
    """`trace_limit` megabytes are kept: older traces go when a new one comes."""
    marco("ask", QUESTION)
    (old,) = kept(tmp_path)
    with old.open("r+b") as file:
        file.truncate(1_000_001)
    marco("config", "set", "trace_limit", "1")
    marco("ask", QUESTION)

    assert len(kept(tmp_path)) == 1
    assert not old.exists()

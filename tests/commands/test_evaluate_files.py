"""What `marco eval` does to the files it is given, and when."""

from pathlib import Path

import pytest
from commands.program import Marco


@pytest.mark.parametrize("name", ["run/rows.jsonl", "run/rows.jsonl.meta.json", "own.jsonl"])
def test_traces_go_to_a_file_of_their_own(marco: Marco, tmp_path: Path, name: str) -> None:
    """A file of traces that is the run's rows, their description or the data set is refused before a model is sought."""
    options = ("-o", tmp_path / "run", "--data", tmp_path / "own.jsonl", "--model", "no-such-model")
    run = marco("eval", "nano", *options, "--traces", tmp_path / name)

    assert run.code == 2
    assert "--traces" in run.err
    assert not (tmp_path / "run").exists()

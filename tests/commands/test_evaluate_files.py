"""What `marco eval` does to the files it is given, and when."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco

from marco_cli import nano
from marco_cli.commands import _evaluating
from marco_cli.evals.runner import EvaluationJob, run_jobs
from marco_cli.trace.record import Trace

BUNDLED = Path(nano.__file__).with_name("marco-nano.gguf")
SMALL = ("eval", "nano", "--limit", "3", "--strategy", "cot")


@pytest.fixture
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer by a script."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", open_scripted)


@pytest.mark.parametrize(
    "name",
    [
        "run/rows.jsonl", "run/rows.jsonl.meta.json", "run/summary.json", "run/table.md", "run/../run/report.html",
        "own.jsonl",
    ],
)  # fmt: skip
def test_traces_go_to_a_file_of_their_own(marco: Marco, tmp_path: Path, name: str) -> None:
    """A file of traces that is one of the run's own or the data set is refused before a model is sought."""
    options = ("-o", tmp_path / "run", "--data", tmp_path / "own.jsonl", "--model", "no-such-model")
    run = marco("eval", "nano", *options, "--traces", tmp_path / name)

    assert run.code == 2
    assert "--traces" in run.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["absent/traces.jsonl", "folder"])
def test_traces_without_a_place_are_refused_before_a_row(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A file of traces that cannot be added to ends the run before the model is loaded; old rows stay as they are."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", None)
    (tmp_path / "folder").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rows.jsonl").write_text("old")
    run = marco(*SMALL, "-o", tmp_path / "run", "--overwrite", "--traces", tmp_path / name)

    assert run.code == 7
    assert "--traces" in run.err
    assert (tmp_path / "run" / "rows.jsonl").read_text() == "old"


@pytest.mark.usefixtures("_scripted")
def test_a_trace_that_cannot_be_kept_costs_no_row(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows and reports are there, and the loss is said once, also with --quiet."""

    def fail(_trace: Trace, _path: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr("marco_cli.commands._trace_file.append", fail)
    run = marco(*SMALL, "-o", tmp_path / "run", "--traces", tmp_path / "traces.jsonl", "-q")

    assert run.code == 0, run.err
    assert (tmp_path / "run" / "rows.jsonl").read_bytes().count(b"\n") == 3
    assert (tmp_path / "run" / "report.html").exists()
    assert run.err.count("no more traces are kept") == 1


@pytest.mark.usefixtures("_scripted")
def test_another_model_under_the_same_name_is_refused(marco: Marco, tmp_path: Path) -> None:
    """A run knows its model by its content: with other weights it is gone on with by --force alone."""
    weights = tmp_path / "mine.gguf"
    weights.write_bytes(BUNDLED.read_bytes())
    call = (*SMALL, "-o", tmp_path / "run", "--model", weights, "--preset", "marco-nano")
    assert marco(*call).code == 0
    assert marco(*call, "--resume").code == 0
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    refused = marco(*call, "--resume")

    assert refused.code == 2
    assert "model.sha256 was" in refused.err
    assert marco(*call, "--resume", "--force").code == 0


def own_set(file: Path, *scorers: str) -> Path:
    """Write a data set of problems that the script answers right, each with its scorer, and return its path."""
    rows = (
        {"id": f"p{number}", "question": f"Say {number}", "target": str(number), "scorer": scorer}
        for number, scorer in enumerate(scorers, 1)
    )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.usefixtures("_scripted")
def test_a_run_grows_by_problems_of_another_scorer(marco: Marco, tmp_path: Path) -> None:
    """`--limit` then none: a file of several scorers is gone on with, whichever of them the first problems had."""
    data = own_set(tmp_path / "own.jsonl", "number", "exact", "contains")
    call = ("eval", "jsonl", "--model", "marco-nano", "--data", data, "--strategy", "cot", "-o", tmp_path / "run")
    assert marco(*call, "--limit", "1").code == 0
    run = marco(*call, "--resume")

    assert run.code == 0, run.err
    rows = [json.loads(line) for line in (tmp_path / "run" / "rows.jsonl").read_text().splitlines()]
    assert {(row["item"]["id"], row["item"]["scorer"]) for row in rows} == {
        ("p1", "number"), ("p2", "exact"), ("p3", "contains"),
    }  # fmt: skip


@pytest.mark.usefixtures("_scripted")
@pytest.mark.parametrize("strategy", ["cot", "sample"])
@pytest.mark.parametrize("option", [(), ("--scorer", "exact")])
def test_another_scorer_is_not_mixed_in(marco: Marco, tmp_path: Path, strategy: str, option: tuple[str, ...]) -> None:
    """In the file or by the flag: a row keeps no verdict of a scorer that is not its problem's, nor stands beside one."""
    data = own_set(tmp_path / "own.jsonl", "number")
    call = ("eval", "jsonl", "--model", "marco-nano", "--data", data, "-o", tmp_path / "run")
    assert marco(*call, "--strategy", "cot").code == 0
    before = (tmp_path / "run" / "rows.jsonl").read_bytes()
    own_set(data, "number" if option else "exact")
    run = marco(*call, "--strategy", strategy, "--resume", *option)

    assert run.code == 6
    assert "p1 that was scored by number, not by exact" in run.err
    assert (tmp_path / "run" / "rows.jsonl").read_bytes() == before


@pytest.mark.usefixtures("_scripted")
def test_what_a_run_is_described_by(marco: Marco, tmp_path: Path) -> None:
    """What describes a run of the bundled model alone is its data set, that model and the settings."""
    assert marco(*SMALL, "-o", tmp_path / "run").code == 0
    configuration = json.loads((tmp_path / "run" / "rows.jsonl.meta.json").read_bytes())["configuration"]

    assert list(configuration) == ["command", "dataset", "model", "settings"]
    assert set(configuration["model"]) == {"name", "sha256", "bytes"}
    assert isinstance(configuration["model"]["sha256"], str)


@pytest.mark.usefixtures("_scripted")
@pytest.mark.parametrize(
    ("num_rows", "words"),
    [
        (0, "marco: interrupted; nothing was overwritten yet: the same command begins again\n"),
        (1, "marco: interrupted; go on with: marco eval nano --limit 3 --strategy cot -o run --resume\n"),
    ],
)
def test_going_on_never_overwrites(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_rows: int, words: str
) -> None:
    """A run begun with --overwrite and interrupted names the command that goes on; without a new row the old ones stay."""
    monkeypatch.chdir(tmp_path)
    rows = tmp_path / "run" / "rows.jsonl"
    assert marco(*SMALL, "-o", "run").code == 0
    before = rows.read_bytes()

    async def interrupted(left: Sequence[EvaluationJob], **more: Any) -> bool:
        await run_jobs(left[:num_rows], **more)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(_evaluating, "run_jobs", interrupted)
        run = marco(*SMALL, "-o", "run", "--overwrite", "--seed", "0")

    assert run.code == 130
    assert run.err.endswith(words.replace("--resume", "--seed 0 --resume"))
    assert rows.read_bytes() == before if num_rows == 0 else rows.read_bytes().count(b"\n") == num_rows
    assert marco(*SMALL, "-o", "run", "--resume").code == 0
    assert rows.read_bytes().count(b"\n") == 3

"""What `marco eval` makes of runs that are on disk: `rescore`, `compare`, and `--resume` after them."""

import json
import shutil
from pathlib import Path

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco
from evals.examples import ITEMS, outcome

from marco_cli import jsonl
from marco_cli.evals.outcome import outcome_document

SMALL = ("eval", "nano", "--limit", "3", "--strategy", "cot,vote@3")


def past_run(directory: Path) -> Path:
    """Write the rows of a run of one variant and return its directory."""
    directory.mkdir(parents=True)
    rows = (outcome(item, [item.target], variant="cot", strategy="cot") for item in ITEMS)
    (directory / "rows.jsonl").write_bytes(b"".join(jsonl.encode(outcome_document(row)) for row in rows))
    return directory


@pytest.fixture
def _asked(marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a run in the directory `run`, answered by a script, and stand beside it."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", open_scripted)
    monkeypatch.chdir(tmp_path)
    assert marco(*SMALL, "-o", "run").code == 0


@pytest.mark.usefixtures("_asked")
@pytest.mark.parametrize(("rule", "name"), [("vote", "majority"), ("reward", "confidence"), ("scorer", "contains")])
def test_rescored_rows_are_not_gone_on_with_as_the_run_they_come_from(marco: Marco, rule: str, name: str) -> None:
    """New rows under the run's own rules do not join rows chosen, or scored, by another; the message names the rule."""
    assert marco("eval", "rescore", "run", f"--{rule}", name, "-o", "other").code == 0
    before = Path("other/rows.jsonl").read_bytes()
    run = marco(*SMALL, "-o", "other", "--resume", "--seeds", "2")

    assert run.code == 2
    assert f"rescored.{rule} was '{name}', now None" in run.err
    assert Path("other/rows.jsonl").read_bytes() == before


@pytest.mark.usefixtures("_asked")
def test_a_run_rescored_by_its_own_rules_is_gone_on_with(marco: Marco) -> None:
    """Nothing was chosen anew, so its rows are those of the run."""
    assert marco("eval", "rescore", "run", "-o", "other").code == 0

    assert marco(*SMALL, "-o", "other", "--resume", "--seeds", "2").code == 0


@pytest.mark.usefixtures("_asked")
def test_a_run_rescored_twice_names_both_rules(marco: Marco) -> None:
    """The last word of each rule counts, and what was changed before is not forgotten."""
    assert marco("eval", "rescore", "run", "--vote", "majority", "--reward", "agree", "-o", "one").code == 0
    assert marco("eval", "rescore", "one", "--vote", "best", "-o", "two").code == 0
    meta = json.loads(Path("two/rows.jsonl.meta.json").read_bytes())

    assert meta["configuration"]["rescored"] == {"vote": "best", "reward": "agree"}


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        (("a/mgsm", "b/nano"), ("mgsm/cot", "nano/cot")),
        (("a/mgsm", "b/mgsm"), ("a/mgsm/cot", "b/mgsm/cot")),
        (("a/mgsm", "b/mgsm", "b/nano"), ("a/mgsm/cot", "b/mgsm/cot", "nano/cot")),
        (("a/x/mgsm", "b/x/mgsm"), ("a/x/mgsm/cot", "b/x/mgsm/cot")),
        (("mgsm", "a/mgsm"), ("runs/mgsm/cot", "a/mgsm/cot")),
    ],
)
def test_compared_runs_are_told_apart(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    """By the name of their directories, and where these are alike by as much of the path as it takes."""
    for run in runs:
        past_run(tmp_path / "runs" / run)
    monkeypatch.chdir(tmp_path / "runs")
    comparisons = json.loads(marco("eval", "compare", *runs, "--json").out)["comparisons"]

    assert (comparisons[0]["baseline"], *(each["label"] for each in comparisons)) == labels


def test_the_run_in_the_current_directory_has_its_name(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`marco eval compare . ../other --baseline here/cot`."""
    past_run(tmp_path / "other")
    monkeypatch.chdir(past_run(tmp_path / "here"))
    compared = marco("eval", "compare", ".", "../other", "--baseline", "here/cot", "--json")

    assert compared.code == 0, compared.err
    assert json.loads(compared.out)["comparisons"][0]["label"] == "other/cot"


def test_files_of_one_directory_are_told_apart(marco: Marco, tmp_path: Path) -> None:
    """Rows that were put aside under another name are called by it."""
    run = past_run(tmp_path / "run")
    shutil.copy(run / "rows.jsonl", run / "old.jsonl")
    (comparison,) = json.loads(marco("eval", "compare", run, run / "old.jsonl", "--json").out)["comparisons"]

    assert (comparison["baseline"], comparison["label"]) == ("run/cot", "old.jsonl/cot")


@pytest.mark.parametrize("again", ["run", "run/rows.jsonl", "run/../run", "link"])
def test_a_run_is_not_compared_with_itself(
    marco: Marco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    """The same rows twice, by whatever path, are a slip and not two runs that agree."""
    (tmp_path / "link").symlink_to(past_run(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    compared = marco("eval", "compare", "run", again)

    assert compared.code == 2
    assert "named twice" in compared.err
    assert compared.out == ""


@pytest.mark.usefixtures("_asked")
@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        (("eval", "rescore", "run"), 6, "rows.jsonl line 3: damaged row"),
        (("eval", "compare", "run"), 6, "rows.jsonl line 3: damaged row"),
        ((*SMALL, "-o", "run", "--resume"), 7, "line 3 of"),
    ],
)
def test_a_row_whose_vote_is_for_nobody_is_named(marco: Marco, call: tuple[str, ...], code: int, words: str) -> None:
    """A damaged line is one message with its number, never an internal error."""
    file = Path("run/rows.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    row = json.loads(lines[2])
    row["votes"][0]["candidates"] = [99]
    file.write_bytes(b"".join((*lines[:2], jsonl.encode(row), *lines[3:])))
    run = marco(*call)

    assert run.code == code
    assert words in run.err
    assert "internal error" not in run.err

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands.program import Marco
from patience import PATIENCE

pytestmark = pytest.mark.weights

SMALL = ("eval", "nano", "--limit", "3", "--strategy", "cot,vote@3")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a small run, made by the program itself."""
    directory = tmp_path_factory.mktemp("eval") / "run"
    environ = os.environ | {"MARCO_MODELS_DIR": str(directory.parent / "models"), "HF_HUB_OFFLINE": "1"}
    subprocess.run(
        [sys.executable, "-m", "marco_cli", *SMALL, "-o", str(directory)], env=environ, check=True, capture_output=True
    )
    return directory


def test_one_command_measures_the_bundled_model(marco: Marco, tmp_path: Path) -> None:
    """`marco eval nano` needs no model, no download and no directory; stdout is the table, stderr for the person."""
    run = marco(*SMALL)

    assert run.code == 0
    lines = run.out.splitlines()
    assert [line.split()[1] for line in lines[2:4]] == ["cot", "vote@3"]
    assert lines[-1].startswith("- ")
    assert "\x1b" not in run.out + run.err
    assert not list(tmp_path.rglob("rows.jsonl"))


def test_a_kept_run_has_rows_figures_table_and_page(finished: Path) -> None:
    """`-o` leaves five files; the summary agrees with the rows."""
    rows = [json.loads(line) for line in (finished / "rows.jsonl").read_text().splitlines()]
    summary = json.loads((finished / "summary.json").read_text())

    assert {path.name for path in finished.iterdir()} == {
        "rows.jsonl", "rows.jsonl.meta.json", "summary.json", "table.md", "report.html",
    }  # fmt: skip
    assert len(rows) == 6
    assert summary["num_rows"] == 6
    right = sum(row["score"]["verdict"] == "right" for row in rows if row["variant"] == "cot")
    assert summary["variants"][0]["accuracy"]["value"] == pytest.approx(right / 3)
    assert all(candidate["signals"]["confidence"] > 0 for row in rows for candidate in row["candidates"])


def test_rescoring_prints_the_runs_own_table(marco: Marco, finished: Path, tmp_path: Path) -> None:
    """Without a change it is the same table and the same figures, byte for byte; nothing is generated."""
    again = marco("eval", "rescore", finished, "-o", tmp_path / "again", "-q")

    assert again.code == 0
    for name in ("summary.json", "table.md", "rows.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (finished / name).read_bytes()


def test_rescoring_under_another_rule_is_a_run_of_its_own(marco: Marco, finished: Path, tmp_path: Path) -> None:
    """It has its own directory, can be compared, and never replaces the rows it came from."""
    other = tmp_path / "majority"
    assert marco("eval", "rescore", finished, "--vote", "majority", "-o", other).code == 0
    compared = marco("eval", "compare", finished, other)

    assert compared.code == 0
    assert "run/cot" in compared.out
    assert "majority/vote@3" in compared.out
    assert marco("eval", "rescore", finished, "-o", finished, "--overwrite").code == 2
    assert marco("eval", "rescore", finished, "--vote", "most").code == 2


def test_a_finished_run_is_not_asked_again(marco: Marco, finished: Path) -> None:
    """The same command again refuses; --resume prints the report at once, more strategies add rows."""
    before = (finished / "rows.jsonl").read_bytes()
    refused = marco(*SMALL, "-o", finished)
    resumed = marco(*SMALL, "-o", finished, "--resume", "-q")

    assert refused.code == 2
    assert "--resume" in refused.err
    assert resumed.code == 0
    assert (finished / "rows.jsonl").read_bytes() == before


@pytest.mark.parametrize(("setting", "value"), [("temperature", "0.3"), ("simulations", "2")])
def test_another_configuration_is_not_mixed_in(marco: Marco, finished: Path, setting: str, value: str) -> None:
    """Rows of another temperature, or of another number of simulations that no label tells, do not belong to this run."""
    run = marco(*SMALL, "-o", finished, "--resume", f"--{setting}", value)

    assert run.code == 2
    assert setting in run.err


def test_another_variant_adds_its_rows(marco: Marco, finished: Path, tmp_path: Path) -> None:
    """A strategy with a number of simulations of its own goes into the same directory."""
    shutil.copytree(finished, tmp_path / "more")
    run = marco("eval", "nano", "--limit", "3", "--strategy", "cot,vote@2", "-o", tmp_path / "more", "--resume")

    assert run.code == 0
    rows = [json.loads(line) for line in (tmp_path / "more" / "rows.jsonl").read_text().splitlines()]
    assert [row["variant"] for row in rows].count("vote@2") == 3
    assert len(rows) == 9


def test_json_is_one_object(marco: Marco, finished: Path) -> None:
    """`--json` prints the summary, and comparisons."""
    summary = json.loads(marco("eval", "rescore", finished, "--json").out)
    comparisons = json.loads(marco("eval", "compare", finished, "--json").out)

    assert summary["v"] == comparisons["v"] == 1
    assert comparisons["comparisons"][0]["baseline"] == "cot"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("letters",), 2, "--model"),
        (("nanno",), 2, "did you mean nano?"),
        (("rescor", "x"), 2, "did you mean rescore?"),
        (("nano", "--strategy", "mtcs"), 2, "did you mean mcts?"),
        (("nano", "--resume"), 2, "-o"),
        (("nano", "--model", "absent"), 4, "absent"),
        (("rescore", "absent"), 6, "rows.jsonl"),
        (("jsonl", "--model", "marco-nano", "--data", "absent.jsonl"), 6, "absent.jsonl"),
    ],
)
def test_a_wrong_call_costs_one_line(marco: Marco, arguments: tuple[str, ...], code: int, words: str) -> None:
    """Exit code and remedy, before any model is loaded."""
    run = marco("eval", *arguments)

    assert run.code == code
    assert words in run.err
    assert run.out == ""
    assert run.err.count("\n") <= 3


def test_swapped_columns_end_before_the_model_is_loaded(marco: Marco, tmp_path: Path) -> None:
    """File, line, what was found and what was expected; exit 6."""
    (tmp_path / "mgsm_en.tsv").write_text("18\tHow many eggs?\n", encoding="utf-8")
    run = marco("eval", "mgsm", "--model", "marco-nano", "--data", tmp_path)

    assert run.code == 6
    assert "mgsm_en.tsv line 1: the target is 'How many eggs?', expected a number" in run.err


def test_a_model_that_never_answers_is_told_apart_from_a_wrong_one(marco: Marco, tmp_path: Path) -> None:
    """Not one answer: the table says so in its own column, and the exit code is 3 with a remedy."""
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "Hello!", "target": "B", "scorer": "choice"}) + "\n", encoding="utf-8")
    run = marco("eval", "jsonl", "--model", "marco-nano", "--data", file, "--strategy", "cot")

    assert run.code == 3
    assert "not one reply holds an answer" in run.err
    assert "--preset" in run.err


def test_ctrl_c_keeps_what_is_finished_and_resume_goes_on(marco: Marco, tmp_path: Path) -> None:
    """Interrupted in the middle: exit 130 and the word --resume; afterwards the figures are those of a run in one go."""
    call = ("eval", "nano", "--limit", "8", "--strategy", "cot,vote@3", "--rows", "2")
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    with subprocess.Popen(
        [sys.executable, "-m", "marco_cli", *call, "-o", str(parts)], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        rows = parts / "rows.jsonl"
        deadline = time.monotonic() + PATIENCE
        while not (rows.exists() and rows.read_bytes().count(b"\n") >= 2) and time.monotonic() < deadline:
            time.sleep(0.01)
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130
    assert b"--resume" in err
    assert 2 <= rows.read_bytes().count(b"\n") < 16

    assert marco(*call, "-o", parts, "--resume").code == marco(*call, "-o", whole).code == 0
    tables = [(directory / "rows.jsonl").read_text().splitlines() for directory in (parts, whole)]
    scores = [[(row["item"]["id"], row["variant"], row["text"]) for row in map(json.loads, table)] for table in tables]  # fmt: skip
    assert scores[0] == scores[1]


def test_sigterm_ends_with_whole_rows(tmp_path: Path) -> None:
    """A service manager's signal: exit 143, every row on disk whole, and no traceback."""
    environ = os.environ | {"MARCO_MODELS_DIR": str(tmp_path / "models"), "HF_HUB_OFFLINE": "1"}
    call = [sys.executable, "-m", "marco_cli", "eval", "nano", "--strategy", "vote@3", "-o", str(tmp_path / "run")]
    with subprocess.Popen(call, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        rows = tmp_path / "run" / "rows.jsonl"
        deadline = time.monotonic() + PATIENCE
        while not (rows.exists() and rows.read_bytes().count(b"\n") >= 2) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 143
    assert b"Traceback" not in err
    assert rows.read_bytes().endswith(b"\n")

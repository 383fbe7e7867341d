"""`marco eval --open`: the report while it is made."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from batch.scripted_solver import open_scripted
from commands.program import Marco
from evals.examples import ITEMS, outcome

from marco_cli.commands import _evaluating, _live_report, _page
from marco_cli.commands._live_report import LiveReport
from marco_cli.evals.report import About
from marco_cli.evals.runner import EvaluationJob, run_jobs

SMALL = ("eval", "nano", "--limit", "3", "--strategy", "cot")
ABOUT = About(dataset="sums", source="test", model="scripted")


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer by a script."""
    monkeypatch.setattr("marco_cli.commands._evaluating.open_solver", open_scripted)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the pages as they are when the browser is asked to open them."""
    pages: list[str] = []

    def look(link: str) -> bool:
        pages.append(Path(link.removeprefix("file://")).read_text(encoding="utf-8"))
        return True

    monkeypatch.setattr(_page, "_is_shown", look)
    return pages


def data_of(text: str) -> dict[str, Any]:
    """Return what the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_report_is_open_before_the_first_answer(marco: Marco, tmp_path: Path, seen: list[str]) -> None:
    """It opens once, live and empty; when the run is over, it holds every problem and waits for no more."""
    run = marco(*SMALL, "--open", "-o", tmp_path / "run")

    assert run.code == 0, run.err
    assert len(seen) == 1
    assert data_of(seen[0])["isLive"] is True
    assert "running: 0/3 rows" in seen[0]
    after = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert data_of(after)["isLive"] is False
    assert len(data_of(after)["problems"]) == 3
    assert f"marco: {(tmp_path / 'run' / 'report.html').as_uri()}\n" in run.err


def test_a_finished_run_opens_its_report(marco: Marco, tmp_path: Path, seen: list[str]) -> None:
    """With nothing left to ask, and after `rescore`, the page opens when it is written."""
    assert marco(*SMALL, "-o", tmp_path / "run").code == 0
    assert seen == []
    assert marco(*SMALL, "-o", tmp_path / "run", "--resume", "--open").code == 0
    assert marco("eval", "rescore", tmp_path / "run", "-o", tmp_path / "again", "--open").code == 0

    assert [len(data_of(text)["problems"]) for text in seen] == [3, 3]
    assert marco("eval", "rescore", tmp_path / "run", "--open").code == 2


def test_a_report_without_a_directory_stays_after_the_run(marco: Marco, seen: list[str]) -> None:
    """`--open` alone keeps the page, and says where it is."""
    run = marco(*SMALL, "--open")
    link = re.search(r"file://(\S+)", run.err)

    assert run.code == 0, run.err
    assert link is not None
    page = Path(link[1])
    assert page.exists()
    assert len(data_of(page.read_text(encoding="utf-8"))["problems"]) == 3
    for file in page.parent.iterdir():
        file.unlink()
    page.parent.rmdir()


def test_an_interrupted_run_leaves_a_page_that_says_so(
    marco: Marco, tmp_path: Path, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered is there to be read, and the page waits for no more."""

    async def interrupted(left: Sequence[EvaluationJob], **more: Any) -> bool:
        await run_jobs(left[:1], **more)
        return False

    monkeypatch.setattr(_evaluating, "run_jobs", interrupted)

    assert marco(*SMALL, "--open", "-o", tmp_path / "run").code == 130
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert data_of(text)["isLive"] is False
    assert "not finished: 1/3 rows" in text
    assert len(data_of(text)["problems"]) == 1


def test_rows_appear_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is due holds all rows so far; one that cannot be written is told once, and rows still come in."""
    monkeypatch.setattr(_live_report, "_PAUSES", (0.0, 0.0))
    page, said = tmp_path / "report.html", list[str]()
    live = LiveReport(page, ABOUT, [outcome(ITEMS[0], ["3"])], state=lambda: "2/3 rows", say=said.append)
    live.on_outcome(outcome(ITEMS[1], ["4"]))
    live.close(is_whole=True)

    assert len(data_of(page.read_text(encoding="utf-8"))["problems"]) == 2
    assert said == []

    lost = LiveReport(tmp_path / "nowhere" / "report.html", ABOUT, [], state=lambda: "0/3 rows", say=said.append)
    lost.on_outcome(outcome(ITEMS[1], ["4"]))
    lost.close(is_whole=True)
    assert len(said) == 1


def test_an_own_file_is_told_its_scorer_and_why(marco: Marco, tmp_path: Path) -> None:
    """`tokyo` against `Tokyo`: which rule decides, that letter case does not, and what else there is."""
    data = tmp_path / "own.jsonl"
    rows = [{"question": "Say 4", "target": "4"}, {"question": "Capital of Japan?", "target": "Tokyo"}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    call = ("eval", "jsonl", "--model", "marco-nano", "--data", data, "--strategy", "cot")
    run = marco(*call)

    assert "marco: scored by exact, because neither --scorer nor the rows name a scorer" in run.err
    assert "1 number, 1 text" in run.err
    assert "'tokyo' is 'Tokyo'" in run.err
    assert "scored by" not in marco(*call, "--scorer", "contains").err


@pytest.mark.parametrize("target", ["\x1b[31mTokyo", "</script>", "a" * 500])
def test_a_target_cannot_steer_the_terminal(marco: Marco, tmp_path: Path, target: str) -> None:
    """A notice that quotes a file shows control characters, and stays short."""
    data = tmp_path / "own.jsonl"
    data.write_text(json.dumps({"question": "?", "target": target}), encoding="utf-8")
    run = marco("eval", "jsonl", "--model", "marco-nano", "--data", data, "--strategy", "cot")

    assert "scored by exact" in run.err
    assert "\x1b" not in run.err
    assert "a" * 60 not in run.err

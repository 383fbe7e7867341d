from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evals.examples import ITEMS, adding_script, ask_all, variants
from loop import finished
from traced import scripted_solver

from marco_cli.engine.base import Request
from marco_cli.engine.prefix_cache import PrefixCache
from marco_cli.engine.scripted import END
from marco_cli.errors import InputError
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.report import About, build_report
from marco_cli.evals.runner import ROWS_FILE, ask, jobs, missing, read_outcomes

FEW = ITEMS[:4]


def rows_of(directory: Path) -> list[Outcome]:
    """Return the rows that a run has written."""
    return list(read_outcomes(directory / ROWS_FILE))


def figures(directory: Path) -> object:
    """Return the report's figures without those of the clock."""
    rows = [replace(row, seconds=0.0, usage=replace(row.usage, model_seconds=0.0, other_seconds=0.0)) for row in rows_of(directory)]  # fmt: skip
    report = build_report(rows, About(dataset="sums", source="test", model="scripted"))
    return replace(report, failures=())


def test_every_item_is_asked_under_every_variant_and_seed(tmp_path: Path) -> None:
    """One row a job, those of one item together; a greedy chain once, samples once a seed."""
    ask_all(tmp_path, "cot", "vote@3", items=FEW, num_seeds=2)
    rows = rows_of(tmp_path)

    assert Counter(row.variant for row in rows) == {"cot": 4, "vote@3": 8}
    assert [row.item.id for row in rows[:3]] == ["sum-1"] * 3
    assert [row.seed for row in rows[:3]] == [0, 0, 1]


@pytest.mark.parametrize("stop_after", [1, 3])
def test_an_interrupted_run_comes_to_the_same_figures(tmp_path: Path, stop_after: int) -> None:
    """Stopped in the middle and resumed, every figure is that of a run in one go."""
    ask_all(tmp_path / "whole", "cot", "vote@3", items=FEW)
    first = ask_all(tmp_path / "parts", "cot", "vote@3", items=FEW, stop_after=stop_after, in_flight=1)
    second = ask_all(tmp_path / "parts", "cot", "vote@3", items=FEW)

    assert stop_after <= len(first) < 8
    assert len(first) + len(second) == 8
    assert figures(tmp_path / "parts") == figures(tmp_path / "whole")


def test_a_torn_last_row_is_asked_again(tmp_path: Path) -> None:
    """Half a line at the end, as a power cut leaves it, is not a row."""
    ask_all(tmp_path / "whole", "cot", items=FEW)
    ask_all(tmp_path / "torn", "cot", items=FEW)
    file = tmp_path / "torn" / ROWS_FILE
    file.write_bytes(file.read_bytes()[:-40])

    assert len(rows_of(tmp_path / "torn")) == 3
    assert [row.item.id for row in ask_all(tmp_path / "torn", "cot", items=FEW)] == ["sum-4"]
    assert figures(tmp_path / "torn") == figures(tmp_path / "whole")


def test_a_run_is_extended_by_what_is_new(tmp_path: Path) -> None:
    """Another strategy, more items or more seeds later: only those are asked."""
    ask_all(tmp_path, "cot", items=FEW[:2])

    assert len(ask_all(tmp_path, "cot", "sample", items=FEW[:3], num_seeds=2)) == 1 + 3 * 2
    assert ask_all(tmp_path, "cot", items=FEW[:3]) == []


@pytest.mark.parametrize("variant", ["cot", "sample"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question": "5+2?", "target": "7"}, "another question with the id sum-1"),
        ({"target": "7"}, "another question with the id sum-1"),
        ({"target": "7", "scorer": "exact"}, "another question with the id sum-1"),
        ({"scorer": "exact"}, "sum-1 that was scored by number, not by exact"),
    ],
)
def test_a_changed_item_is_noticed(tmp_path: Path, change: dict[str, Any], words: str, variant: str) -> None:
    """Rows of another question, target or scorer are not passed off as this one's, nor put beside its rows."""
    ask_all(tmp_path, "cot", items=FEW[:1])

    with pytest.raises(InputError, match=words):
        missing(list(jobs([replace(FEW[0], **change)], variants(variant))), rows_of(tmp_path))


def test_items_that_are_not_asked_again_may_have_any_scorer(tmp_path: Path) -> None:
    """Each row tells its own scorer, so that a run grows by items of another one."""
    ask_all(tmp_path, "cot", items=FEW[:1])
    other = replace(FEW[1], scorer="exact")

    assert [row.item for row in ask_all(tmp_path, "cot", items=[FEW[0], other])] == [other]


def asked(question: str, **settings: Any) -> Outcome:
    """Ask one item of a scripted model."""

    async def work() -> Outcome:
        solver = scripted_solver(adding_script, **settings)
        try:
            (job,) = jobs([replace(ITEMS[0], question=question)], variants("cot", **settings))
            return (await ask(job, solver)).outcome
        finally:
            await solver.close()

    return finished(work())


@pytest.mark.parametrize(
    ("scorer", "settings", "words"),
    [
        ("number", {}, "1+2?"),
        ("simple-evals", {}, 'after "Answer:".\n\n1+2?'),
        ("chrf", {}, "Translate the following text into English."),
        ("chrf", {"prefix": "Into German: "}, "Into German: 1+2?"),
    ],
)
def test_a_scorer_that_relies_on_an_instruction_gives_it(scorer: str, settings: dict[str, Any], words: str) -> None:
    """What is asked is what the scorer can read; an instruction of the preset's own is not doubled."""
    seen: list[str] = []

    def script(text: str) -> dict[str, float]:
        seen.append(text)
        return {END: 1.0}

    async def work() -> None:
        solver = scripted_solver(script)
        try:
            (job,) = jobs([replace(ITEMS[0], scorer=scorer)], variants("cot", **settings))
            await ask(job, solver)
        finally:
            await solver.close()

    pytest.importorskip("sacrebleu")
    finished(work())
    assert any(words in text for text in seen)
    assert not any("Translate" in text for text in seen) or words.startswith("Translate")


def test_an_item_that_does_not_fit_is_a_failed_row(tmp_path: Path) -> None:
    """A question longer than the context costs its own row and no other."""
    row = asked("1+2?" + " " * 5000)

    assert row.error is not None
    assert row.error.type == "context_overflow"


def test_what_a_search_leaves_in_the_kv_memory_is_given_up() -> None:
    """Every cell in use makes every token dearer, and nothing goes on from the replies of a row that is done."""

    async def work() -> int:
        solver = scripted_solver(adding_script)
        try:
            for job in jobs(FEW, variants("vote@8")):
                await ask(job, solver)
            last = solver.problem("9+2?").prompt_ids
            await solver.engine.generate(Request(prompt_ids=last, max_tokens=0))
            cache: PrefixCache = solver.engine._scheduler.cache  # type: ignore[attr-defined]
            return cache.cells - len(last)
        finally:
            await solver.close()

    assert finished(work()) < len("<|im_end|><|im_start|>assistant")  # the end of a prompt, and no reply


def test_failed_rows_are_tried_again(tmp_path: Path) -> None:
    """A resumed run asks what failed, and the new row counts."""
    ask_all(tmp_path, "cot", items=FEW[:1], max_tokens=100_000)
    assert rows_of(tmp_path)[0].error is not None

    assert len(ask_all(tmp_path, "cot", items=FEW[:1])) == 1
    assert [row.error for row in rows_of(tmp_path)] == [None]


def test_a_cut_thought_is_no_answer_and_a_forced_output_is_marked() -> None:
    """A chain that runs out of room is closed by force and says so; a number in its thought is not taken."""
    row = asked("1+2?", max_tokens=24, output_reserve=12)

    assert row.is_forced
    assert row.text == ""
    assert row.score.verdict == "no_answer"


def test_other_files_are_no_runs(tmp_path: Path) -> None:
    """A missing file, and a file of something else, are told apart from damaged rows."""
    with pytest.raises(InputError, match="cannot read"):
        list(read_outcomes(tmp_path / "absent"))
    other = tmp_path / "other.jsonl"
    other.write_text('{"v": 7}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 1: no row of an evaluation"):
        list(read_outcomes(other))
    other.write_text('{"v": 1, "item": {"id": 3}}\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 1: damaged row"):
        list(read_outcomes(other))
    other.write_text("garbage\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.jsonl line 1: not JSON"):
        list(read_outcomes(other))

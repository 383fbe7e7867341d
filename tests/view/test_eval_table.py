import re

import pytest
from evals.examples import ITEMS, outcome
from rich.cells import cell_len

from marco_cli.evals.base import Item
from marco_cli.evals.report import About, build_report
from marco_cli.view.eval_sheets import Sheet, detail_sheets, result_sheet
from marco_cli.view.eval_table import comparison_text, markdown, summary_text, table

ABOUT = About(dataset="sums", source="test", model="scripted", price_per_hour=2.0)
ROWS = [
    outcome(item, ["3", item.target, "9"], variant=label, strategy="vote", reflects={2: 1})
    for item in ITEMS
    for label in ("cot", "vote@3")
]


def test_the_short_table_fits_eighty_columns() -> None:
    """Label, accuracy, interval and cost stand in one line each, and the verdicts below."""
    lines = summary_text(build_report(ROWS, ABOUT)).splitlines()

    assert len(lines) == 2 + 2 + 1
    assert all(len(line) <= 80 for line in lines[:4])
    assert lines[4].startswith("- no difference shown between vote@3 and cot")


def test_columns_are_aligned_by_what_one_sees() -> None:
    """Chinese characters take two cells; words stand to the left, figures to the right; pipes are escaped."""
    sheet = Sheet(title="", head=("what", "n"), rows=(("汉字", "7"), ("a|b", "123")))

    assert table(sheet).splitlines() == ["| what |   n |", "|------|----:|", "| 汉字 |   7 |", "| a\\|b | 123 |"]


def test_the_markdown_report_has_every_part() -> None:
    """Results, comparisons, languages, guesses, confidence and reflection, each under its title."""
    text = markdown(build_report(ROWS, ABOUT))

    for title in (
        "Compared problem by problem",
        "By language",
        "Guesses",
        "Thinking again",
        "How the answers were read",
    ):
        assert f"\n## {title}\n" in text
    assert "price of 1 000 right answers" in text


def test_mgsm_stands_beside_the_paper() -> None:
    """Five rows of the paper with standard errors, then the measured one, in the language that was asked."""
    items = [Item(id=f"mgsm-zh-{n:03d}", question=f"{n}?", target=str(n), scorer="number", lang="zh") for n in range(8)]
    report = build_report(
        [outcome(item, [item.target] * 8) for item in items], About(dataset="mgsm", source="test", model="scripted")
    )
    text = markdown(report)

    assert text.count("paper: ") == 5
    assert "80.0 ± 2.5" in text
    assert "measured: vote" in text
    assert "| zh " in text
    assert "| en " not in text


def test_translations_are_not_called_right_or_wrong() -> None:
    """Their table has chrF and BLEU, and no price of a right answer."""
    pytest.importorskip("sacrebleu")
    item = Item(id="t", question="?", target="This is good.", scorer="chrf")
    sheet = result_sheet(build_report([outcome(item, ["This is good."])], ABOUT))

    assert {"chrF", "corpus chrF", "BLEU"} <= set(sheet.head)
    assert not any("right" in name for name in sheet.head if "1 000" not in name)


def test_text_from_people_cannot_steer_the_terminal() -> None:
    """Escape sequences and line feeds in a label are shown, not obeyed."""
    text = summary_text(build_report([outcome(ITEMS[0], ["3"], variant="a\x1b[2J\nb")], ABOUT))

    assert "\x1b" not in text
    assert "a\\x1b[2J b" in text


def test_every_sheet_is_a_rectangle() -> None:
    """Each row has as many cells as the head."""
    for sheet in (result_sheet(build_report(ROWS, ABOUT)), *detail_sheets(build_report(ROWS, ABOUT))):
        assert {len(row) for row in sheet.rows} == {len(sheet.head)}


def test_comparisons_have_their_tests() -> None:
    """Won, lost, p and verdict."""
    text = comparison_text(build_report(ROWS, ABOUT).comparisons)

    assert "McNemar p" in text
    assert "1.000" in text
    assert text.endswith("shown to pay\n") or "no difference shown" in text


@pytest.mark.parametrize("width", [120, 80, 50, 30])
def test_a_narrow_terminal_breaks_no_word(width: int) -> None:
    """A table that is too wide becomes a paragraph a row, with all that was in it; verdicts are broken between words."""
    report = build_report(ROWS, ABOUT)
    texts = {
        summary_text(report): summary_text(report, width=width),
        comparison_text(report.comparisons): comparison_text(report.comparisons, width=width),
    }

    for whole, fitted in texts.items():
        assert all(cell_len(line) <= width for line in fitted.splitlines())
        assert set(re.findall(r"\w{2,}", whole)) == set(re.findall(r"\w{2,}", fitted))

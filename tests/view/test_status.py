from dataclasses import replace

import pytest
from tables import table

from marco_cli.view.line import Glyphs, Line
from marco_cli.view.numbers import duration, grouped
from marco_cli.view.snapshot import NodeSnapshot, Snapshot, VoteSnapshot
from marco_cli.view.status import short_line, totals_line, vote_line

UTF8 = Glyphs.of("utf-8")


def picture(**more: object) -> Snapshot:
    """Return a search in its middle."""
    usual = {
        "question": "?",
        "strategy": "mcts",
        "nodes": (NodeSnapshot(id=0, parent=None, label="?"),),
        "num_simulations": 14,
        "max_simulations": 32,
        "num_tokens": 3812,
        "seconds": 6.1,
    }
    return Snapshot(**(usual | more))  # type: ignore[arg-type]


def votes(*answers: str) -> tuple[VoteSnapshot, ...]:
    """Return votes of falling weight."""
    total = sum(range(1, len(answers) + 1))
    return tuple(
        VoteSnapshot(answer=answer, weight=(len(answers) - place) / total) for place, answer in enumerate(answers)
    )


def text(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line)


@table(
    [
        (119, "14/32 simulations  ━━━━━━━━━━──────────────  3 812 tokens  625 tokens/s  3.6 at once  6 s, ~8 s left"),
        (79, "14/32  ━━━━━━━━───────────  3 812 tokens  625 tokens/s  6 s, ~8 s left"),
        (49, "14/32  ━━━━━───────  3 812 tokens  6 s, ~8 s left"),
        (39, "14/32  ━━━━─────  3 812 tokens  6 s"),
        (19, "14/32  3 812 tokens"),
        (5, "14/32"),
        (3, "14/"),
    ]
)
def test_what_does_not_fit_is_left_out_by_rank(width: int, expected: str) -> None:
    """The count stays longest, then tokens, the bar, the seconds; batch width and words go first."""
    assert text(totals_line(picture(batch_width=3.6), width=width, glyphs=UTF8)) == expected


def test_a_search_without_budgets_has_no_bar() -> None:
    """Where nothing says how long it takes, nothing is promised."""
    line = text(totals_line(picture(max_simulations=None), width=119, glyphs=UTF8))

    assert line == "14 simulations  3 812 tokens  625 tokens/s  6 s"


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (79, "72 (40 %) · 24 (30 %) · 96 (20 %) · forty-two (10 %)"),
        (50, "72 (40 %) · 24 (30 %) · 96 (20 %) · 1 more"),
        (24, "72 (40 %) · 3 more"),
        (12, "72 (40 %)"),
    ],
)
def test_answers_that_do_not_fit_are_counted(width: int, expected: str) -> None:
    """The leader comes first and stays longest; how many others there are is said."""
    snapshot = picture(votes=votes("72", "24", "96", "forty-two"))

    assert text(vote_line(snapshot, width=width, glyphs=UTF8)) == expected


@pytest.mark.parametrize(
    ("width", "expected"),
    [(60, "14/32 · 72 (100 %) · 6 s · 3 812 tokens"), (30, "14/32 · 72 (100 %) · 6 s"), (12, "14/32")],
)
def test_one_line_tells_the_most_important(width: int, expected: str) -> None:
    """On a terminal too narrow for a tree the count and the leader remain."""
    assert text(short_line(picture(votes=votes("72")), width=width, glyphs=UTF8)) == expected


def test_texts_without_an_answer_have_no_shares() -> None:
    """Of an open-ended question the reply in the lead is told, and how many others there are."""
    texts = tuple(replace(vote, is_text=True) for vote in votes("Be kind", "Plant trees", "Sing"))

    assert text(vote_line(picture(votes=texts), width=60, glyphs=UTF8)) == "Be kind · 2 more"
    assert text(short_line(picture(votes=texts), width=60, glyphs=UTF8)) == "14/32 · Be kind · 6 s · 3 812 tokens"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "0 s"), (6.1, "6 s"), (119.4, "119 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_seconds_are_written_for_people(seconds: float, expected: str) -> None:
    """Without digits that flicker."""
    assert duration(seconds) == expected


def test_thousands_are_apart() -> None:
    """3 812, not 3,812, which half of the world reads as a fraction."""
    assert [grouped(number) for number in (0, 999, 3812, 1234567.8)] == ["0", "999", "3 812", "1 234 568"]

"""Whole screens, compared character by character with the files in `golden/`.

`WRITE_GOLDEN=1 pytest tests/view/test_search_screen.py` writes the files anew; read the difference before keeping it.
"""

import io
import os
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from view.story import Story, candidate

from marco_cli.search.events import CandidateFound, NodesAdded, Noticed, SearchStarted, VoteChanged
from marco_cli.search.tree import NodeState
from marco_cli.search.vote import count_votes, majority
from marco_cli.view.line import Glyphs, width_of
from marco_cli.view.search_screen import as_text, screen_lines
from marco_cli.view.snapshot import Recorder, Snapshot

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((120, 40), (80, 24), (40, 20), (20, 10))
UTF8 = Glyphs.of("utf-8")


@cache
def snapshot_of(language: str, simulations: int = 24) -> Snapshot:
    """Return the picture of a story in the middle of its budget."""
    story, recorder = Story(language=language, simulations=2 * simulations, seed=3), Recorder()
    for event in story.events():
        recorder.fold(event)
        if story.progress.num_simulations == simulations:
            break
    return recorder.snapshot()


def printed(snapshot: Snapshot, width: int, height: int, encoding: str = "utf-8") -> str:
    """Return what a terminal of that size would be sent, colours aside; what it cannot write raises an error."""
    data = io.BytesIO()
    file = io.TextIOWrapper(data, encoding=encoding, errors="strict", newline="")
    console = Console(
        file=file, width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False, _environ={}
    )
    for line in screen_lines(snapshot, width=width, height=height, glyphs=Glyphs.of(encoding)):
        console.print(as_text(line))
    file.flush()
    return data.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("language", "width", "height", "encoding"),
    [(language, *size, encoding) for language, size, encoding in product(("en", "zh"), SIZES, ("utf-8", "ascii"))],
)
def test_a_screen_is_drawn_exactly_so(language: str, width: int, height: int, encoding: str) -> None:
    """The screen at the middle of a search is the stored one: alignment, cropping, guides and all."""
    screen = printed(snapshot_of(language), width, height, encoding)
    path = GOLDEN / f"{language}-{width}x{height}-{encoding}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(screen, encoding="utf-8", newline="")

    assert screen == path.read_bytes().decode()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_size_is_kept_within(language: str) -> None:
    """From 20 to 200 columns and on any height, no line reaches the last column and no screen the last row."""
    snapshot = snapshot_of(language)
    for width, height in product((20, 21, 39, 40, 41, 57, 80, 121, 199, 200), (1, 2, 5, 6, 7, 15, 24, 31, 60)):
        lines = screen_lines(snapshot, width=width, height=height, glyphs=UTF8)

        assert lines
        assert len(lines) <= max(1, height - 1)
        assert all(width_of(line) <= width - 1 for line in lines), (width, height)


def test_a_display_does_not_shrink() -> None:
    """Rows once taken stay taken: what stands below the tree does not jump when the tree loses a row."""
    lines = screen_lines(snapshot_of("en", 3), width=80, height=24, glyphs=UTF8, least=20)

    assert len(lines) == 20
    assert lines[-2:] == screen_lines(snapshot_of("en", 3), width=80, height=24, glyphs=UTF8)[-2:]


def test_the_question_is_shown_once() -> None:
    """The root of the tree is the question."""
    assert printed(snapshot_of("en"), 120, 40).count("Natalia sold clips to 48") == 1


def hostile(text: str) -> Snapshot:
    """Return a search in which everything that can be text is `text`."""
    recorder = Recorder()
    progress = Story().progress
    recorder.fold(SearchStarted(question=text, strategy="mcts", parallel=1, progress=progress))
    state = NodeState(
        id=1, parent=0, depth=1, text=text, visits=1, value=0.5, confidence=None, num_tokens=1, is_forced=False,
        is_terminal=True, is_closed=True, candidate_id=0,
    )  # fmt: skip
    recorder.fold(NodesAdded(nodes=(state,)))
    reply = candidate(0, thought=text, output=text, node_id=1)
    recorder.fold(CandidateFound(candidate=reply))
    recorder.fold(VoteChanged(votes=count_votes([reply], majority), certainty=0.5))
    recorder.fold(Noticed(text=text))
    return recorder.snapshot()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    "text",
    [
        "[red]markup[/red] [link=x]",
        "[/]",
        "\x1b[2J\x1b[H\x1b]0;title\x07 escape",
        "\r\b\x00\x7f\x9b31m control",
        "\u202ereversed\u2066 \u200b\u200d\ufeff",
        "x" * 20_000,
        "四" * 20_000,
        "word " * 4_000,
        "\n" * 4_000,
        "e\u0301\U0001f469\u200d\U0001f680 \U0001f1e8\U0001f1f3",
        "\ufffd",
        "",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_text_is_harmless(text: str, encoding: str) -> None:
    """Text from a model, a file or a user is neither markup nor a command to the terminal, and never breaks a line."""
    screen = printed(hostile(text), 80, 40, encoding)

    assert len(screen.splitlines()) <= 39
    assert all(cell_len(line) < 80 for line in screen.splitlines())
    assert not {character for character in screen if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0} - {"\n"}
    assert "\u202e" not in screen
    if text.startswith("[red]"):
        assert "[red]markup[/red]" in screen


def test_the_first_thought_fills_the_time_until_there_is_an_answer() -> None:
    """Before the first reply is finished its thought is shown as it grows, on small screens too."""
    recorder = Recorder()
    recorder.fold(SearchStarted(question="2+2?", strategy="mcts", parallel=1, progress=Story().progress))
    recorder.hear(b"<Thought>\nLet me add 2 and 2.\n")

    assert "Let me add 2 and 2." in printed(recorder.snapshot(), 80, 24)
    assert "<Thought>" not in printed(recorder.snapshot(), 80, 24)


def test_a_notice_is_on_the_screen() -> None:
    """What the user should know is said while the search runs, not only afterwards."""
    recorder = Recorder()
    recorder.fold(Noticed(text="the first reply has none of the preset's tags"))

    assert "! the first reply has none of the preset's tags" in printed(recorder.snapshot(), 80, 24)

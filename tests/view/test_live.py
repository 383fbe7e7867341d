"""The live view on a pseudo-terminal, from the first frame to the clean screen."""

import os
import pty
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from view.replay import Replay
from view.story import Story

from marco_cli.engine.base import Usage
from marco_cli.view import live
from marco_cli.view.line import Line, Span
from marco_cli.view.live import LiveSearch

PROGRAM = (sys.executable, str(Path(__file__).parent / "show_story.py"))
ROOT = "Natalia sold clips"


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """Return a stream on a terminal that nobody looks at."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


def shown(replay: Replay) -> list[str]:
    """Return everything that is left in the terminal, scrolled off or not, without blank lines."""
    return [line for line in (*replay.history, *replay.lines) if line]


def is_drawn_for(replay: Replay, columns: int, rows: int) -> bool:
    """Say whether there is one display, and of that size: the question reaches to its edge, the tree to its bottom."""
    roots = [len(line) for line in replay.lines if ROOT in line]
    totals = [row for row, line in enumerate(replay.lines) if "/40" in line]
    if columns < 40:
        return not roots and len(totals) == 1
    is_full = len(totals) == 1 and totals[0] >= min(rows, 24) - 2
    return is_full and len(roots) == 1 and columns - 4 <= roots[0] < columns


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (40, 12), (24, 8)])
def test_a_run_leaves_a_clean_screen(columns: int, rows: int) -> None:
    """Whatever was drawn is gone: before and after the display stand the lines that were there to stay, and the cursor."""
    with Replay((*PROGRAM, "12", "0.07"), columns=columns, rows=rows) as replay:
        replay.wait_for_text(ROOT if columns >= 40 else "/12")
        assert replay.hides_cursor()
        code = replay.end()
        left = shown(replay)

    assert code == 0
    assert left[:2] == ["a line before", "a line that stays"]
    assert not any(ROOT in line or "├" in line or "━" in line for line in left)
    assert any(line.startswith("stopped: simul") for line in left)
    assert left[-1] == "The answer is 72."
    assert not replay.hides_cursor()


def test_the_root_is_on_the_screen_once() -> None:
    """At any moment of the run there is one question on the screen and none above it."""
    with Replay((*PROGRAM, "24", "0.05"), columns=100, rows=16) as replay:
        replay.wait_for_text(ROOT)
        most = 0
        while replay._feed():
            most = max(most, sum(ROOT in line for line in (*replay.history, *replay.lines)))
        assert replay.end() == 0

    assert most == 1
    assert not any(ROOT in line for line in replay.history)


def test_a_resize_leaves_nothing_behind() -> None:
    """Wider, taller, narrower, while frames are drawn: one tree on the screen each time, and a clean one at the end."""
    with Replay((*PROGRAM, "40", "0.04", "finish"), columns=100, rows=20, TERM="linux") as replay:
        for columns, rows in ((100, 20), (120, 20), (120, 30), (64, 30), (30, 30), (90, 30)):
            replay.resize(columns, rows)
            replay.wait_for(lambda size=(columns, rows): is_drawn_for(replay, *size))  # type: ignore[misc]
        replay.process.send_signal(signal.SIGUSR1)
        assert replay.end() == 0
        left = shown(replay)

    assert left[:2] == ["a line before", "a line that stays"]
    assert not any(ROOT in line or "├" in line for line in left)
    assert not replay.hides_cursor()


@pytest.mark.parametrize(
    ("ending", "stop", "code", "last"),
    [
        ("finish", signal.SIGUSR1, 0, "The answer is 72."),
        ("finish", signal.SIGTERM, 143, "a line that stays"),
        ("finish", signal.SIGINT, -signal.SIGINT, "KeyboardInterrupt"),
        ("crash", signal.SIGUSR1, 1, "RuntimeError: a bug elsewhere"),
    ],
)
def test_every_way_out_gives_the_cursor_back(ending: str, stop: int, code: int, last: str) -> None:
    """A signal or an error ends the display as the end of the search does: nothing of it is left, the cursor is."""
    with Replay((*PROGRAM, "8", "0.05", ending)) as replay:
        replay.wait_for_text("8/8")
        assert replay.hides_cursor()
        replay.process.send_signal(stop)
        assert replay.end() == code

    assert not replay.hides_cursor()
    left = shown(replay)
    assert not any(ROOT in line or "├" in line for line in left)
    assert left[0] == "a line before"
    assert left[-1] == last


def test_a_short_search_draws_nothing() -> None:
    """A search that is over in a moment does not flash."""
    with Replay((*PROGRAM, "3", "0")) as replay:
        assert replay.end() == 0

    assert b"\x1b" not in replay.data


def play(view: LiveSearch, seconds: float) -> None:
    """Send the events of a large search for so many seconds, or longer, until a first frame or an error is there."""
    story = Story(simulations=10_000, has_votes=False)
    events = story.events()
    until = time.monotonic() + seconds
    while time.monotonic() < until or (view.num_frames == 0 and view.error is None):
        view.on_event(next(events))
        time.sleep(0.002)


def test_drawing_stays_within_its_budget(terminal: TextIO) -> None:
    """Under a stream of events there are at most eight frames a second, which take at most 2 % of the time."""
    with LiveSearch(terminal) as view:
        started = time.monotonic()
        play(view, 1.2)
        elapsed = time.monotonic() - started
        spent, frames = view.frame_seconds, view.num_frames

    assert view.error is None
    assert 1 <= frames <= 8 * elapsed + 1
    assert spent <= 0.02 * elapsed + spent / frames


def test_dear_frames_come_rarely(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine the view draws less often instead of taking more: 25 ms a frame is one frame in 1.25 s."""

    def dear(*_: object, **__: object) -> tuple[Line, ...]:
        until = time.thread_time() + 0.025
        while time.thread_time() < until:
            pass
        return ((Span("frame"),),)

    monkeypatch.setattr(live, "screen_lines", dear)
    with LiveSearch(terminal) as view:
        started = time.monotonic()
        play(view, 1.2)
        frames, elapsed = view.num_frames, time.monotonic() - started

    assert 1 <= frames <= 1 + elapsed / 1.2


def test_nothing_new_is_not_drawn(terminal: TextIO) -> None:
    """While nothing happens there is one frame a second, for the seconds."""
    with LiveSearch(terminal) as view:
        started = time.monotonic()
        view.on_event(next(Story().events()))
        time.sleep(1.2)
        frames, elapsed = view.num_frames, time.monotonic() - started

    assert frames <= 2 + elapsed


def test_an_error_of_the_view_is_not_the_searchs(terminal: TextIO) -> None:
    """The search goes on without a display, and the user learns why it went."""
    calls = 0

    def meter() -> Usage:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise ValueError("no \x1b[31mmeter")
        return Usage()

    with LiveSearch(terminal, meter=meter) as view:
        play(view, 0.6)
        view.on_token(1, b"x")
        view.say("still here")

    assert isinstance(view.error, ValueError)
    assert view.num_frames == 0


def test_a_wrong_event_is_not_the_searchs_problem_either(terminal: TextIO) -> None:
    """An event that the view cannot make sense of ends the view quietly."""
    story = Story(simulations=3)
    with LiveSearch(terminal) as view:
        for event in list(story.events())[2:]:
            view.on_event(event)

    assert view.error is not None

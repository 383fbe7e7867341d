import io

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from marco_cli.view.line import Line, Span
from marco_cli.view.painter import Painter, Size, rewraps


class Terminal(io.StringIO):
    """A stream that pyte reads."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(columns, rows)
        self._feed = pyte.Stream(self.screen).feed
        self.sent: list[str] = []

    def write(self, text: str) -> int:
        """Show the text."""
        self.sent.append(text)
        self._feed(text)
        return len(text)

    @property
    def size(self) -> Size:
        """How large the screen is."""
        return Size(self.screen.columns, self.screen.lines)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without blanks at the ends."""
        return [line.rstrip() for line in self.screen.display]


def painter_on(terminal: Terminal, *, is_rewrapping: bool = False) -> Painter:
    """Return a painter for that terminal."""
    console = Console(file=terminal, force_terminal=True, color_system="256", legacy_windows=False, _environ={})
    return Painter(console, size=lambda: terminal.size, is_rewrapping=is_rewrapping)


def block(*texts: str) -> tuple[Line, ...]:
    """Return a bold line for each text."""
    return tuple((Span(text, "bold"),) if text else () for text in texts)


def test_a_block_replaces_the_one_before() -> None:
    """Longer, shorter, taller or lower: on the screen is what was painted last, below what was there before."""
    terminal = Terminal(20, 8)
    terminal.write("before\r\n")
    painter = painter_on(terminal)
    for texts in (("one",), ("one", "two", "three"), ("1", "", "three is long"), ("only",)):
        painter.paint(block(*texts))

        assert terminal.lines == ["before", *texts, *[""] * (7 - len(texts))]
    painter.close()
    assert terminal.lines == ["before", *[""] * 7]
    assert (terminal.screen.cursor.x, terminal.screen.cursor.y) == (0, 1)


def test_a_block_at_the_bottom_scrolls_once() -> None:
    """Where there is no room below, the screen moves up as far as is needed, and later frames do not move it again."""
    terminal = Terminal(20, 4)
    terminal.write("a\r\nb\r\nc\r\n")
    painter = painter_on(terminal)
    for turn in range(5):
        painter.paint(block(f"one {turn}", "two"))

    assert terminal.lines == ["b", "c", "one 4", "two"]
    assert len(terminal.screen.history.top) == 1


@settings(max_examples=40)
@given(num_before=st.integers(0, 12), heights=st.lists(st.one_of(st.integers(1, 9), st.just(0)), max_size=12))
def test_no_line_that_was_there_is_lost(num_before: int, heights: list[int]) -> None:
    """Whatever is painted, said (0 stands for it) and removed: what stood there before still does, in its order."""
    terminal = Terminal(20, 10)
    kept = [f"before {number}" for number in range(num_before)]
    terminal.write("".join(f"{line}\r\n" for line in kept))
    painter = painter_on(terminal)
    for turn, height in enumerate(heights):
        if height:
            painter.paint(block(*(f"{turn} {row % 3}" for row in range(height))))
        else:
            painter.write_above(f"said {turn}")
            kept.append(f"said {turn}")
    painter.close()

    scrolled = ["".join(line[column].data for column in range(20)).rstrip() for line in terminal.screen.history.top]
    assert [line for line in (*scrolled, *terminal.lines) if line] == kept


def test_only_what_changed_is_written() -> None:
    """A line that stayed the same is not sent again, but for the last one, which may hold the echo of a key."""
    terminal = Terminal(40, 8)
    painter = painter_on(terminal)
    painter.paint(block("same", "old", "last"))
    terminal.sent.clear()
    terminal.write("^C")
    painter.paint(block("same", "new", "last"))

    assert "same" not in "".join(terminal.sent)
    assert terminal.lines[:3] == ["same", "new", "last"]


def test_the_cursor_is_hidden_only_while_there_is_a_block() -> None:
    """A painter that never painted writes nothing at all; one that did shows the cursor when it closes."""
    terminal = Terminal(20, 4)
    painter_on(terminal).close()
    assert terminal.sent == []

    painter = painter_on(terminal)
    painter.paint(block("one"))
    assert terminal.screen.cursor.hidden
    painter.close()
    assert not terminal.screen.cursor.hidden


def test_the_screen_is_never_erased_as_a_whole() -> None:
    """Tmux and others copy a screen that is erased at once into their history, where it would stay for good."""
    terminal = Terminal(20, 4)
    painter = painter_on(terminal)
    painter.paint(block("one", "two", "three", "four"))
    terminal.sent.clear()
    painter.erase()

    assert terminal.lines == [""] * 4
    assert "\x1b[J" not in "".join(terminal.sent)
    assert "\x1b[2J" not in "".join(terminal.sent)


def test_a_line_that_stays_goes_above() -> None:
    """It stands where the block began; the next block begins below it."""
    terminal = Terminal(20, 6)
    painter = painter_on(terminal)
    painter.paint(block("one", "two"))
    painter.write_above("stays")
    painter.paint(block("one", "two"))

    assert terminal.lines == ["stays", "one", "two", "", "", ""]


@pytest.mark.parametrize(("is_rewrapping", "rows_up"), [(True, 4), (False, 2)])
def test_a_narrower_terminal_has_wrapped_the_block(is_rewrapping: bool, rows_up: int) -> None:
    """Three lines of 25, 9 and 15 cells are five rows at 10 columns, unless the terminal cuts lines instead."""
    terminal = Terminal(30, 10)
    painter = painter_on(terminal, is_rewrapping=is_rewrapping)
    painter.paint(block("四" * 12 + "x", "x" * 9, "x" * 5))
    terminal.screen.resize(10, 10)
    terminal.sent.clear()
    assert painter.is_resized
    painter.erase()

    assert terminal.sent[0].startswith(f"\r\x1b[{rows_up}A")
    assert not painter.is_resized


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "tmux-256color"}, True),
        ({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(390)"}, False),
        ({"TERM": "linux"}, False),
        ({"TERM": "screen", "STY": "1.x"}, False),
    ],
)
def test_terminals_that_cut_lines_say_who_they_are(environ: dict[str, str], expected: bool) -> None:
    """Rewrapping is what terminals do; xterm, the Linux console and GNU screen are known not to."""
    assert rewraps(environ) is expected

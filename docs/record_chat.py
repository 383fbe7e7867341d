"""Record docs/chat.svg: a conversation with marco-nano on a terminal.

    python docs/record_chat.py

The program runs on a pseudo-terminal in an empty home; the picture is what is left on the terminal, and every word in it was
typed or printed. Needs the test dependencies.
"""

import os
import sys
import tempfile
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from view.replay import Replay  # noqa: E402 (found through the line above)

COLUMNS, ROWS = 88, 36
LINES = (
    "How many r's are in strawberry?",
    "/thought",
    "/effort high",
    "Tom has 5 apples and buys 7 more. How many apples does he have?",
    "/efort none",
)
BACKGROUND, INK, DIM = "#16181d", "#d5d8de", "#8a919e"
COLOURS = {"red": "#d5635c", "green": "#8fb573", "brown": "#d8b26a", "blue": "#6a9fd8", "cyan": "#62b3b2"}
TITLE = "A conversation with marco-nano in a terminal"
WIDTH, HEIGHT, MARGIN = 8.4, 18, 16


class DimScreen(pyte.HistoryScreen):
    """A screen that remembers what is dimmed, which pyte does not: as struck through, which nothing here is."""

    def select_graphic_rendition(self, *attributes: int, **more: Any) -> None:
        """Take colours and styles."""
        dimmed = [9 if code == 2 else code for code in attributes]
        super().select_graphic_rendition(*dimmed, *((29,) if 22 in attributes else ()), **more)


def converse() -> DimScreen:
    """Type the lines, each when its prompt is there, and return the screen."""
    with tempfile.TemporaryDirectory() as home:
        command = (sys.executable, "-m", "marco_cli", "chat", "--model", "marco-nano")
        with Replay(command, columns=COLUMNS, rows=ROWS, HOME=home, PROMPT_TOOLKIT_NO_CPR="1") as replay:
            replay.screen = DimScreen(COLUMNS, ROWS, history=1000)
            replay._stream = pyte.ByteStream(replay.screen)  # noqa: SLF001 (the replay of the tests, with another screen)

            def wait_for_prompt() -> None:
                replay.wait_for(lambda: next((line for line in reversed(replay.lines) if line), "") == ">")

            for line in LINES:
                wait_for_prompt()
                os.write(replay._terminal, f"{line}\r".encode())  # noqa: SLF001 (it only ever reads)
                replay.wait_for(lambda line=line: any(line in shown for shown in replay.lines))  # type: ignore[misc]
            wait_for_prompt()
            return replay.screen


def style(cell: Any) -> tuple[str, str]:
    """Return colour and weight of a cell."""
    colour = DIM if cell.strikethrough else COLOURS.get(cell.fg, INK if cell.fg == "default" else f"#{cell.fg}")
    return colour, "bold" if cell.bold else "normal"


def picture(screen: DimScreen) -> str:
    """Return a screen as SVG: one text a run of cells of one style, stretched to its cells whatever the font."""
    lines = [*screen.history.top, *(screen.buffer[row] for row in range(screen.lines))]
    texts = ["".join(line[column].data for column in range(COLUMNS)).rstrip() for line in lines]
    num_rows = max(row for row, text in enumerate(texts) if text) + 1
    width, height = COLUMNS * WIDTH + 2 * MARGIN, num_rows * HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img" aria-label="{TITLE}">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14">',
    ]
    for row in range(num_rows):
        cells = [(column, lines[row][column]) for column in range(COLUMNS)]
        for (colour, weight), group in groupby(cells, key=lambda cell: style(cell[1])):
            run = list(group)
            text = "".join(cell.data for _, cell in run).rstrip()
            if not text:
                continue
            lead = len(text) - len(text.lstrip())
            x, y = MARGIN + (run[0][0] + lead) * WIDTH, MARGIN + row * HEIGHT + 13
            length = (len(text) - lead) * WIDTH
            parts.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" fill="{colour}" '
                f'font-weight="{weight}" xml:space="preserve">{escape(text.lstrip())}</text>'
            )
    return "\n".join((*parts, "</g>", "</svg>", ""))


def main() -> None:
    """Record the picture."""
    (ROOT / "docs" / "chat.svg").write_text(picture(converse()), encoding="utf-8")


if __name__ == "__main__":
    main()

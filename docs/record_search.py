"""Record docs/search-tree.svg: the live tree of a search by marco-nano, as it stands when the search ends.

    python docs/record_search.py

The search is real, and the picture is what the terminal shows, drawn by the same code on a console that records.
"""

import asyncio
import os
import re
from io import StringIO
from pathlib import Path

from rich.console import Console

from marco_cli.solver import open_solver, resolve_settings
from marco_cli.view.line import Glyphs
from marco_cli.view.search_screen import as_text, screen_lines
from marco_cli.view.snapshot import Recorder

QUESTION = "Emma has 22 oranges and buys 7 more, throws away 15 and then gets 4 packs of 5, how many left?"
COLUMNS, ROWS = 100, 32
PICTURE = Path(__file__).with_name("search-tree.svg")


async def search() -> Recorder:
    """Search as `marco ask --effort high` does, and keep what a view would know."""
    settings, model = resolve_settings({"model": "marco-nano", "effort": "high"}, os.environ)
    solver = open_solver(settings, model, os.environ)
    recorder = Recorder()
    await solver.solve(solver.problem(QUESTION), on_event=recorder.fold)
    await solver.close()
    return recorder


def main() -> None:
    """Search, and draw the last frame."""
    recorder = asyncio.run(search())
    console = Console(record=True, width=COLUMNS, height=ROWS, file=StringIO(), force_terminal=True)
    for line in screen_lines(recorder.snapshot(), width=COLUMNS, height=ROWS, glyphs=Glyphs.of("utf-8")):
        console.print(as_text(line))
    picture = console.export_svg(title='marco ask --effort high "Emma has 22 oranges …"', unique_id="marco")
    # Rich names a font on the network; whoever looks at the picture has a monospaced one.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    PICTURE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()

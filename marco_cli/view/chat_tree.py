"""The tree of a search that is over, to scroll back to.

In: a `Snapshot`. Out: lines on a stream, best path bold, cropped to what one can take in.
"""

import os
from collections.abc import Mapping
from typing import Final, TextIO

from rich.console import Console

from marco_cli.view.line import Glyphs
from marco_cli.view.search_screen import as_text
from marco_cli.view.snapshot import Snapshot
from marco_cli.view.status import totals_line, vote_line
from marco_cli.view.terminal import columns, wants_colour
from marco_cli.view.tree import legend, tree_lines

_MOST_ROWS: Final = 60
_LEAST_WIDTH: Final = 24
_USUAL_WIDTH: Final = 100
"""Columns where they are not known."""


def show_tree(snapshot: Snapshot, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
    """Write the tree, the vote and the totals."""
    width = max(_LEAST_WIDTH, (columns(stream) or _USUAL_WIDTH) - 1)
    glyphs = Glyphs.of(getattr(stream, "encoding", None) or "utf-8")
    is_coloured = wants_colour(stream, environ)
    console = Console(
        file=stream,
        force_terminal=is_coloured,
        no_color=not is_coloured,
        highlight=False,
        width=width,
        _environ=environ,
    )
    lines = (
        *tree_lines(snapshot, width=width, max_rows=_MOST_ROWS, glyphs=glyphs),
        legend(width=width, glyphs=glyphs),
        vote_line(snapshot, width=width, glyphs=glyphs),
        totals_line(snapshot, width=width, glyphs=glyphs),
    )
    for line in lines:
        console.print(as_text(line), soft_wrap=True)

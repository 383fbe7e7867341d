"""What the terminal allows: colours, and how wide a line may be."""

import os
from collections.abc import Mapping
from typing import TextIO


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream may be coloured: `NO_COLOR` forbids, `FORCE_COLOR` demands, else a terminal decides."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (stream.isatty() and environ.get("TERM") != "dumb")


def columns(stream: TextIO) -> int | None:
    """Return the columns of the terminal behind a stream; None when there is none, or it says that it has none."""
    return (os.get_terminal_size(stream.fileno()).columns or None) if stream.isatty() else None

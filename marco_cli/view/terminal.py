"""What the terminal allows: colours, and redrawing."""

import os
from collections.abc import Mapping
from typing import TextIO


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream may be coloured: `NO_COLOR` forbids, `FORCE_COLOR` demands, else a terminal decides."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (stream.isatty() and environ.get("TERM") != "dumb")

"""Paths as people type them."""

import os
from pathlib import Path


def expanded(path: str) -> Path:
    """Return a path in which `~` stands for a home; where there is none (`~nobody/x`) it stays a name like any other."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (pathlib's own raises for a home that is none)

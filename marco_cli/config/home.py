"""Paths as people type them: they may begin with a `~`, and lead anywhere or nowhere."""

import os
from pathlib import Path


def expanded(path: str) -> Path:
    """Return a path in which `~` stands for a home; where there is none (`~nobody/x`) it stays a name like any other."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (pathlib's own raises for a home that is not one)


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; what may not be looked at, or is too long for a name, is not one."""
    return os.path.isfile(path)  # noqa: PTH113 (pathlib's own raises for those)


def is_directory(path: Path) -> bool:
    """Say whether a path leads to a directory; what may not be looked at, or is too long for a name, is not one."""
    return os.path.isdir(path)  # noqa: PTH112 (pathlib's own raises for those)


def is_there(path: Path) -> bool:
    """Say whether a path leads to something; what may not be looked at, or is too long for a name, is not there."""
    return os.path.exists(path)  # noqa: PTH110 (pathlib's own raises for those)

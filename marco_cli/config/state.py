"""Where what the program remembers between runs lies: the state directory, private to the user."""

from collections.abc import Mapping
from pathlib import Path

import platformdirs

from marco_cli.config.home import expanded


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return `MARCO_STATE_DIR`, or the platform's directory for state."""
    chosen = environ.get("MARCO_STATE_DIR")
    return expanded(chosen) if chosen else Path(platformdirs.user_state_dir("marco", appauthor=False))

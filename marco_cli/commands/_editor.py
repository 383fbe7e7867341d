"""The user's editor: $VISUAL or $EDITOR, with its arguments."""

import shlex
from collections.abc import Mapping

from marco_cli.errors import ConfigError, quoted


def editor_command(environ: Mapping[str, str]) -> list[str] | None:
    """Return the words of the command; None where none is named.

    Raises:
        ConfigError: the words cannot be told apart.
    """
    for name in ("VISUAL", "EDITOR"):
        chosen = environ.get(name, "").strip()
        if chosen:
            try:
                return shlex.split(chosen)
            except ValueError as error:
                raise ConfigError(
                    f"{name} is {quoted(chosen)}, which is not a command: {error}", hint=f"set {name} to your editor"
                ) from error
    return None

"""What a conversation says in its own name: lines on stderr, as wide as it is."""

from marco_cli.commands._output import say, stderr_width
from marco_cli.errors import MarcoError
from marco_cli.view.chat import own_words


def note(text: str) -> None:
    """Say a line."""
    say(own_words(text, stderr_width()))


def complain(error: MarcoError) -> None:
    """Say what went wrong, with the remedy."""
    note(error.message + (f" ({error.hint})" if error.hint else ""))

"""What is known of a terminal."""

import io
import os

import pytest

from marco_cli.view.terminal import columns


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True

    def fileno(self) -> int:
        """Have one."""
        return 2


@pytest.mark.parametrize(("said", "known"), [(72, 72), (0, None)])
def test_a_terminal_is_as_wide_as_it_says(said: int, known: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that says it has no columns is like a file: nobody knows where to break a line."""
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((said, 24)))

    assert columns(Terminal()) == known
    assert columns(io.StringIO()) is None

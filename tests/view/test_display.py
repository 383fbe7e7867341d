import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from marco_cli.view.display import Display, choose_view
from marco_cli.view.live import LiveSearch
from marco_cli.view.plain import PlainSearch

XTERM = {"TERM": "xterm-256color"}


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """Return a stream on a terminal that nobody looks at."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


@pytest.mark.parametrize(
    ("display", "environ", "is_live"),
    [
        ("auto", XTERM, True),
        ("auto", {**XTERM, "CI": "true"}, False),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {**XTERM, "NO_COLOR": "1"}, True),
        ("live", {**XTERM, "CI": "true"}, True),
        ("live", {"TERM": "dumb"}, False),
        ("plain", XTERM, False),
    ],
)
def test_a_terminal_gets_the_tree_unless_something_speaks_against_it(
    terminal: TextIO, display: Display, environ: dict[str, str], is_live: bool
) -> None:
    """CI logs and dumb terminals get plain lines; `live` overrules CI, `plain` everything."""
    assert isinstance(choose_view(display, terminal, environ=environ), LiveSearch if is_live else PlainSearch)


@pytest.mark.parametrize("display", ["auto", "live", "plain"])
def test_a_pipe_never_gets_cursor_movements(display: Display) -> None:
    """Not even when colours are forced: what goes into a file must make sense there."""
    view = choose_view(display, io.StringIO(), environ={**XTERM, "FORCE_COLOR": "1"})

    assert isinstance(view, PlainSearch)

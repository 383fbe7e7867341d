"""Pages that commands make: their links, and the browser that shows them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from marco_cli.commands._output import say

Open = Annotated[bool, typer.Option("--open", help="Show the page in a browser.")]

_SHOW: Final = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
_PATIENCE: Final = 5.0
"""Seconds after which a browser that is still busy with the link counts as open."""


def show_page(page: Path, *, is_opened: bool, is_quiet: bool = False) -> None:
    """Print the link of a page, or of a folder of pages, and show it in a browser if that is wanted."""
    link = page.absolute().as_uri()
    if is_opened and not _is_shown(link):
        say(f"marco: no browser can be opened here; the page is {link}")
    elif not is_quiet:
        say(f"marco: {link}")


def _is_shown(link: str) -> bool:
    """Start the user's browser, as `webbrowser` finds it, and say whether there is one.

    A process of its own keeps what a browser prints off this program's streams. Without TERM it passes over the browsers that
    run inside a terminal: they show no pictures and run no scripts.
    """
    without_terminal = {key: value for key, value in os.environ.items() if key != "TERM"}
    browser = subprocess.Popen(  # noqa: S603 (our own interpreter and code; the link is an argument)
        [sys.executable, "-I", "-c", _SHOW, link],
        env=without_terminal,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return browser.wait(_PATIENCE) == 0
    except subprocess.TimeoutExpired:
        return True

"""A page that a command made: its link on stderr, and with `--open` the page in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from marco_cli.commands._output import say

Open = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]


def show_page(path: Path, *, is_opened: bool, is_quiet: bool = False) -> None:
    """Say where a page is, as a link that a terminal can follow; open it if that was asked for.

    Args:
        path: the page, which is there already.
        is_opened: whether `--open` was given.
        is_quiet: whether the link is left out.

    """
    link = path.resolve().as_uri()
    if not is_quiet:
        say(f"marco: {link}")
    if is_opened and not _open(link):
        say(f"marco: no browser could be started; open it yourself: {link}")


def _open(link: str) -> bool:
    """Hand a link to the browser that the person has chosen; say whether there was one."""
    import webbrowser

    try:
        return webbrowser.open(link)
    except (webbrowser.Error, OSError):
        return False

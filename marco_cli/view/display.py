"""Which view shows a search: a live tree on a real terminal, plain lines elsewhere."""

import os
from collections.abc import Mapping
from typing import Literal, Protocol, Self, TextIO

from rich.console import detect_legacy_windows

from marco_cli.search.events import SearchEvent
from marco_cli.view.live import LiveSearch, Meter
from marco_cli.view.plain import PlainSearch

Display = Literal["auto", "live", "plain"]


class SearchView(Protocol):
    """A place that shows a search while it is open."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def on_event(self, event: SearchEvent) -> None:
        """Show what happened."""

    def on_token(self, _token: int, piece: bytes) -> None:
        """Show a piece of the first reply."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


def choose_view(
    display: Display,
    stream: TextIO,
    *,
    is_verbose: bool = False,
    meter: Meter | None = None,
    environ: Mapping[str, str] = os.environ,
) -> SearchView:
    """Return the view for a stream, usually stderr.

    `auto` is live on a terminal that can redraw, unless `CI` is set; `live` disregards `CI`, but cannot make a terminal of a
    pipe; `plain` is plain.
    """
    is_live = display != "plain" and can_redraw(stream, environ) and (display == "live" or not environ.get("CI"))
    if not is_live:
        return PlainSearch(stream, is_verbose=is_verbose)
    return LiveSearch(stream, meter=meter, environ=environ)


def can_redraw(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream is a terminal that understands cursor movements."""
    return stream.isatty() and environ.get("TERM") not in ("dumb", "unknown") and not detect_legacy_windows()

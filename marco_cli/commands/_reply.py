"""The view of one reply for the terminal at hand: stderr has the thought, stdout the output."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from marco_cli.commands._output import say, say_all, show, stderr_width, write
from marco_cli.engine.base import Engine
from marco_cli.search.base import SearchResult
from marco_cli.view.chain import ChainView
from marco_cli.view.chat_reply import FRAMES_A_SECOND, FoldedReply
from marco_cli.view.display import Display, SearchView, can_redraw, choose_view
from marco_cli.view.output import Output, RawOutput, RenderedOutput
from marco_cli.view.summary import summary
from marco_cli.view.terminal import columns, wants_colour
from marco_cli.view.trust import verdict

Reply = ChainView | FoldedReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How answers are shown while they come to be."""

    display: Display
    is_quiet: bool
    is_verbose: bool
    is_raw: bool = False
    """Whether outputs are written as the model wrote them, on a terminal too."""

    def output(self) -> Output:
        """Return what writes outputs."""
        return output_to_stdout(is_raw=self.is_raw)

    def search(self, engine: Engine) -> SearchView:
        """Return the view of a search."""
        display = "plain" if self.is_quiet else self.display
        return choose_view(display, sys.stderr, is_verbose=self.is_verbose, meter=lambda: engine.usage)


def output_to_stdout(*, is_raw: bool) -> Output:
    """Return what writes outputs: rendered on a terminal, unless `is_raw`, and as they are into a pipe."""
    if is_raw or not sys.stdout.isatty():
        return RawOutput(_to_stdout)
    return RenderedOutput(
        _to_stdout, width=lambda: (columns(sys.stdout) or 80) - 1, is_coloured=wants_colour(sys.stdout)
    )


def reply_view(*, thought: str, is_quiet: bool, display: Display, output: Output | None, remedy: str) -> Reply:
    """Return the view of a reply: on a terminal its thought folds when the output begins, unless it is wanted in full.

    `remedy` says how a folded thought is shown whole.
    """
    if sys.stderr.isatty() and thought != "full" and not is_quiet:
        return FoldedReply(
            stream=sys.stderr,
            can_redraw=display != "plain" and can_redraw(sys.stderr),
            shows_thought=thought == "auto",
            output=output,
            remedy=remedy,
        )
    return ChainView(
        show_thought=show if thought == "full" and not is_quiet else None,
        output=output,
        is_coloured=wants_colour(sys.stderr),
        thought_width=thought_width,
    )


def thought_width() -> int | None:
    """Return the columns that a thought on stderr is broken at; None where it goes into a file."""
    width = stderr_width()
    return None if width is None else max(1, width - 1)


def say_how(result: SearchResult, *, doubt_below: float | None, is_verbose: bool) -> None:
    """Say how far the answer may be trusted; verbose, how the votes stand, too."""
    say_all(verdict(result, doubt_below=doubt_below, is_verbose=is_verbose))
    if is_verbose and len(result.candidates) > 1:
        say(summary(result, width=stderr_width(), encoding=sys.stderr.encoding))


@asynccontextmanager
async def ticking(reply: Reply | None) -> AsyncIterator[None]:
    """Keep the seconds of a folded thought moving inside the block, while nothing is written yet."""
    task = asyncio.ensure_future(_tick(reply))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tick(reply: Reply | None) -> None:
    while isinstance(reply, FoldedReply):
        reply.tick()
        await asyncio.sleep(1 / FRAMES_A_SECOND)


def _to_stdout(text: str) -> None:
    write(text.encode(errors="replace"))

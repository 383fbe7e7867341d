"""Show what happened in a trace again, at its pace."""

import sys
import time
from collections.abc import Iterator

from marco_cli.commands._output import show
from marco_cli.commands._reply import output_to_stdout, thought_width
from marco_cli.trace.playback import Cue, cues
from marco_cli.trace.record import Trace
from marco_cli.trace.timeline import Spoken, Started
from marco_cli.view.answering import AnsweringView
from marco_cli.view.chain import ChainView
from marco_cli.view.display import Display, choose_view
from marco_cli.view.terminal import wants_colour

_LONGEST_NAP = 0.05
"""Seconds between two looks at the clock, so that Ctrl-C ends a replay at once."""


def show_again(trace: Trace, *, speed: float, display: Display) -> bool:
    """Drive the views of `marco ask` by a trace; return whether the output has been shown on stdout.

    `speed` 2 takes half the time. The clock of the display runs as fast, so that it shows the seconds of the search.
    """
    chain = _chain_view(trace) if _begins_with_chain(trace) else None
    view = AnsweringView(
        chain=chain,
        open_search=lambda: choose_view(display, sys.stderr, is_verbose=True, clock=lambda: time.monotonic() * speed),
    )
    with view:
        for cue in _paced(cues(trace), speed):
            if cue.event is not None:
                view.on_event(cue.event)
            elif cue.piece:
                view.on_token(0, cue.piece)
    return chain is not None and chain.has_shown_output and not _has_search(trace)


def _paced(script: Iterator[Cue], speed: float) -> Iterator[Cue]:
    """Yield each cue when its time has come; what came before the first is not waited for."""
    started, first = time.monotonic(), None
    for cue in script:
        first = cue.seconds if first is None else first
        due = started + (cue.seconds - first) / speed
        while (left := due - time.monotonic()) > 0:
            time.sleep(min(left, _LONGEST_NAP))
        yield cue


def _has_search(trace: Trace) -> bool:
    return any(isinstance(moment, Started) for moment in trace.timeline)


def _begins_with_chain(trace: Trace) -> bool:
    """Say whether a reply was written before a search began, or no search began at all."""
    begun = next((moment.seconds for moment in trace.timeline if isinstance(moment, Started)), None)
    spoken = next((moment.seconds for moment in trace.timeline if isinstance(moment, Spoken)), None)
    return begun is None or (spoken is not None and spoken < begun)


def _chain_view(trace: Trace) -> ChainView:
    return ChainView(
        trace.problem.tags,
        trace.problem.prefill,
        show_thought=show,
        output=output_to_stdout(is_raw=False) if sys.stdout.isatty() else None,
        is_coloured=wants_colour(sys.stderr),
        thought_width=thought_width,
    )

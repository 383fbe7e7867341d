"""What a person sees while a question is answered: the first chain as it is written, then the tree of a search.

In: tokens of the first reply and the events of a search, if one follows. Out: text on the streams, through the views that
are given. A search that begins replaces the chain's stream; whatever happens, every view is closed.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol, Self

from marco_cli.search.base import Candidate
from marco_cli.search.events import CandidateFound, EventListener, SearchEvent
from marco_cli.sections import Tags
from marco_cli.view.display import SearchView


class ReplyView(Protocol):
    """A place that shows one reply while it is written."""

    def begin(self, tags: Tags, prefill: str) -> None:
        """Read the reply by this format, after the beginning that the prompt ends with."""

    def on_token(self, _token: int, piece: bytes) -> None:
        """Show a piece of it."""

    def finish(self) -> None:
        """Show what was held back; the reply is over."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


class AnsweringView:
    """The views of one answer, one after the other."""

    def __init__(
        self,
        *,
        chain: ReplyView | None,
        open_search: Callable[[], SearchView],
        record: EventListener | None = None,
        purpose: Callable[[Candidate], str] | None = None,
    ) -> None:
        """Take the views: `chain` shows the first reply, None when the search is on the screen from the beginning.

        `record` hears every event besides; `purpose` makes, of the chain's reply, the line that tells what the search
        after it is for.
        """
        self._chain = chain
        self._open_search = open_search
        self._record = record
        self._purpose = purpose
        self._search: SearchView | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._chain is None:
            self._search = self._stack.enter_context(self._open_search())
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        try:
            if self._search is None and self._chain is not None:
                self._chain.finish()
        finally:
            self._stack.close()

    def on_token(self, token: int, piece: bytes) -> None:
        """Show a token of the first reply."""
        view = self._search or self._chain
        if view is not None:
            view.on_token(token, piece)

    def on_event(self, event: SearchEvent) -> None:
        """Show what a search does; its first event ends the chain's stream, and its first candidate is the chain's reply."""
        if self._search is None:
            if self._chain is not None:
                self._chain.finish()
            self._search = self._stack.enter_context(self._open_search())
        if self._purpose is not None and isinstance(event, CandidateFound) and event.candidate.id == 0:
            self._search.say(self._purpose(event.candidate))
        self._search.on_event(event)
        if self._record is not None:
            self._record(event)

    @property
    def is_searching(self) -> bool:
        """Whether a search is on the screen."""
        return self._search is not None

    def say(self, text: str) -> None:
        """Show a line that stays."""
        if self._search is not None:
            self._search.say(text)
        elif self._chain is not None:
            self._chain.say(text)

"""Take one turn of a conversation and show it on the terminal at hand.

In: a question and a dialogue. Out: what came of it; the output on stdout, everything else on stderr. The first Ctrl-C asks for
an answer from what there is, the second drops the turn.
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass

from marco_cli.commands._chat_saying import note
from marco_cli.commands._output import say, show, stderr_width, write
from marco_cli.config.settings import Settings
from marco_cli.conversation.dialogue import Dialogue, Taken
from marco_cli.search.base import Problem
from marco_cli.search.budget import Stop
from marco_cli.search.events import SearchEvent
from marco_cli.sections import NONE
from marco_cli.solver import search_plan
from marco_cli.trace.timeline import Moment, Timeline
from marco_cli.view import chat
from marco_cli.view.answering import AnsweringView, ReplyView
from marco_cli.view.chain import ChainView
from marco_cli.view.chat_reply import FRAMES_A_SECOND, FoldedReply
from marco_cli.view.display import Display, can_redraw, choose_view
from marco_cli.view.printable import printable
from marco_cli.view.snapshot import Recorder, Snapshot
from marco_cli.view.summary import summary
from marco_cli.view.terminal import wants_colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How turns are shown."""

    display: Display
    is_streamed: bool
    is_quiet: bool
    is_verbose: bool
    edits_lines: bool
    """Whether the prompt edits lines; keys pressed before it is there are then kept for it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A turn that was taken and shown."""

    taken: Taken
    search: Snapshot | None
    """The search as it ended; None for a single chain."""
    moments: tuple[Moment, ...]
    """When what happened."""


class TurnInProgress:
    """One turn; `interrupt` takes a Ctrl-C."""

    def __init__(self, dialogue: Dialogue, screen: Screen, settings: Settings) -> None:
        config, is_routed = search_plan(settings)
        self._dialogue = dialogue
        self._screen = screen
        self._settings = settings
        self._is_chain = config.strategy in ("cot", "sample")
        self._recorder = Recorder()
        self._timeline = Timeline()
        self._has_searched = False
        self._stop = Stop()
        self._num_interrupts = 0
        self._task: asyncio.Task[Taken] | None = None
        self._reply = self._reply_view() if self._is_chain or is_routed else None
        self._view = AnsweringView(
            chain=self._reply,
            open_search=lambda: choose_view(
                "plain" if screen.is_quiet else screen.display,
                sys.stderr,
                is_verbose=screen.is_verbose,
                meter=lambda: dialogue.solver.engine.usage,
            ),
            record=self._record,
        )

    def interrupt(self) -> None:
        """Ask for the answer; the second time, give the turn up."""
        self._num_interrupts += 1
        if self._num_interrupts == 1:
            self._stop.set()
            self._view.say(chat.own_words("answering from what there is (Ctrl-C again drops the turn)", stderr_width()))
        elif self._task is not None:
            if isinstance(self._reply, FoldedReply):
                self._reply.close()
            self._task.cancel()
            self._dialogue.solver.engine.cancel()

    async def take(self, question: str, *, replaces_last: bool) -> Shown | None:
        """Take the turn; None when it was given up.

        Raises:
            MarcoError: the question cannot be answered.

        """
        self._task = asyncio.ensure_future(self._ask(question, replaces_last=replaces_last))
        ticking = asyncio.ensure_future(self._tick())
        try:
            taken = await self._task
        except asyncio.CancelledError:
            if self._num_interrupts < 2:
                raise
            return None
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
        self._conclude(taken)
        search = self._recorder.snapshot() if self._has_searched else None
        return Shown(taken=taken, search=search, moments=self._timeline.moments)

    async def _ask(self, question: str, *, replaces_last: bool) -> Taken:
        try:
            with self._view:
                return await self._dialogue.ask(
                    question,
                    replaces_last=replaces_last,
                    settings=self._settings,
                    on_problem=self._begin,
                    on_event=None if self._is_chain else self._view.on_event,
                    on_token=self._hear,
                    stop=self._stop,
                )
        finally:
            if isinstance(self._reply, FoldedReply):
                self._reply.close()

    def _begin(self, problem: Problem) -> None:
        if self._reply is not None:
            self._reply.begin(problem.tags, problem.prefill)

    async def _tick(self) -> None:
        """Keep the seconds moving while nothing is written yet."""
        while isinstance(self._reply, FoldedReply):
            self._reply.tick()
            await asyncio.sleep(1 / FRAMES_A_SECOND)

    def _hear(self, token: int, piece: bytes) -> None:
        self._timeline.on_token(token, piece)
        self._view.on_token(token, piece)

    def _record(self, event: SearchEvent) -> None:
        self._has_searched = True
        self._recorder.fold(event)
        self._timeline.on_event(event)

    def _conclude(self, taken: Taken) -> None:
        """Write what is not on the screen yet: evidence on stderr, then the output on stdout."""
        result, is_quiet = taken.result, self._screen.is_quiet
        if not is_quiet and len(result.candidates) > 1:
            say(summary(result, width=stderr_width(), encoding=sys.stderr.encoding))
        elif not is_quiet:
            for told in result.notices:
                note(told)
        output = taken.turn.output
        if output and not self._has_shown(taken):
            write(f"{printable(output)}\n".encode())
        if not is_quiet and taken.num_dropped:
            note(chat.dropped(taken.num_dropped, self._dialogue.conversation))
        if self._screen.is_verbose:
            note(chat.cost_line(taken.turn))
        if self._screen.edits_lines and not is_quiet:
            say("")

    def _has_shown(self, taken: Taken) -> bool:
        if isinstance(self._reply, FoldedReply):
            return self._reply.shown_output == taken.turn.output
        result = taken.result
        is_first = result.reply is (result.first or result.reply)
        return isinstance(self._reply, ChainView) and self._reply.has_shown_output and is_first

    def _reply_view(self) -> ReplyView:
        thought, screen = self._settings.thought, self._screen
        is_terminal = sys.stderr.isatty() and not screen.is_quiet
        show_output = _to_stdout if screen.is_streamed and sys.stdout.isatty() else None
        if is_terminal and thought != "full":
            return FoldedReply(
                NONE,
                "",
                stream=sys.stderr,
                can_redraw=screen.display != "plain" and can_redraw(sys.stderr),
                shows_thought=thought == "auto",
                show_output=show_output,
            )
        return ChainView(
            NONE,
            "",
            show_thought=show if thought == "full" and not screen.is_quiet else None,
            show_output=show_output,
            is_coloured=wants_colour(sys.stderr),
        )


def _to_stdout(text: str) -> None:
    write(text.encode(errors="replace"))

"""Take one turn of a conversation and show it on the terminal at hand.

In: a question and a dialogue. Out: what came of it; the output on stdout, everything else on stderr. The first Ctrl-C asks for
an answer from what there is, the second drops the turn.
"""

import asyncio
import sys
from dataclasses import dataclass

from marco_cli.commands._chat_saying import note
from marco_cli.commands._output import say, stderr_width
from marco_cli.commands._reply import Screen, reply_view, ticking
from marco_cli.conversation.dialogue import Dialogue, Taken
from marco_cli.plan import SearchPlan
from marco_cli.search.base import Problem
from marco_cli.search.budget import Stop
from marco_cli.search.events import SearchEvent
from marco_cli.view import chat
from marco_cli.view.answering import AnsweringView
from marco_cli.view.chain import ChainView
from marco_cli.view.chat_reply import FoldedReply
from marco_cli.view.snapshot import Recorder, Snapshot
from marco_cli.view.summary import replacement, summary
from marco_cli.view.trust import verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatScreen(Screen):
    """How turns are shown."""

    is_streamed: bool
    edits_lines: bool
    """Whether the prompt edits lines; keys pressed before it is there are then kept for it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """A turn that was taken and shown."""

    taken: Taken
    search: Snapshot | None
    """The search as it ended; None for a single chain."""


class TurnInProgress:
    """One turn; `interrupt` takes a Ctrl-C."""

    def __init__(self, dialogue: Dialogue, screen: ChatScreen, plan: SearchPlan) -> None:
        self._dialogue = dialogue
        self._screen = screen
        self._plan = plan
        self._recorder = Recorder()
        self._has_searched = False
        self._stop = Stop()
        self._num_interrupts = 0
        self._task: asyncio.Task[Taken] | None = None
        shows_output = screen.is_streamed and sys.stdout.isatty()
        self._reply = (
            reply_view(
                thought=plan.settings.thought,
                is_quiet=screen.is_quiet,
                display=screen.display,
                output=screen.output() if shows_output else None,
                remedy="/thought",
            )
            if plan.begins_with_chain
            else None
        )
        self._view = AnsweringView(
            chain=self._reply, open_search=lambda: screen.search(dialogue.solver.engine), record=self._record
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

    async def ask(self, question: str, *, replaces_last: bool) -> Shown | None:
        """Take the turn; None when it was given up.

        Raises:
            MarcoError: the question cannot be answered.
        """
        self._task = asyncio.ensure_future(self._ask(question, replaces_last=replaces_last))
        try:
            async with ticking(self._reply):
                taken = await self._task
        except asyncio.CancelledError:
            if self._num_interrupts < 2:
                raise
            return None
        self._conclude(taken)
        search = self._recorder.snapshot() if self._has_searched else None
        return Shown(taken=taken, search=search)

    async def _ask(self, question: str, *, replaces_last: bool) -> Taken:
        try:
            with self._view:
                return await self._dialogue.ask(
                    question,
                    replaces_last=replaces_last,
                    plan=self._plan,
                    on_problem=self._begin,
                    on_event=None if self._plan.is_chain else self._view.on_event,
                    on_token=self._view.on_token,
                    stop=self._stop,
                )
        finally:
            if isinstance(self._reply, FoldedReply):
                self._reply.close()

    def _begin(self, problem: Problem) -> None:
        if self._reply is not None:
            self._reply.begin(problem.tags, problem.prefill)

    def _record(self, event: SearchEvent) -> None:
        self._has_searched = True
        self._recorder.fold(event)

    def _conclude(self, taken: Taken) -> None:
        """Write what is not on the screen yet: the output on stdout, then how far to trust it on stderr."""
        result, screen, output = taken.result, self._screen, taken.turn.output
        is_quiet = screen.is_quiet
        if output and not self._has_shown(taken):
            if self._has_begun and not is_quiet:
                note(replacement(result))
            written = screen.output()
            written.write(output)
            written.end()
        if not is_quiet:
            for told in verdict(result, doubt_below=self._plan.config.doubt_below, is_verbose=screen.is_verbose):
                note(told)
        if not is_quiet and screen.is_verbose and len(result.candidates) > 1:
            say(summary(result, width=stderr_width(), encoding=sys.stderr.encoding))
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

    @property
    def _has_begun(self) -> bool:
        """Whether any output is on the screen."""
        return self._reply is not None and self._reply.has_shown_output

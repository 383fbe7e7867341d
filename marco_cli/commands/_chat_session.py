"""A conversation from its first line to its last: lines in, turns and commands out.

In: a line reader and a dialogue. Out: an exit code. An error ends a turn, never the session; while the next line is waited
for, the engine works ahead.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from marco_cli.commands._chat_journal import Journal
from marco_cli.commands._chat_saying import complain, note
from marco_cli.commands._chat_turn import ChatScreen, Shown, TurnInProgress
from marco_cli.commands._output import say, stderr_width
from marco_cli.conversation.anticipation import Anticipation
from marco_cli.conversation.dialogue import Dialogue, retried
from marco_cli.conversation.setup import Setup, switched
from marco_cli.conversation.slash import Command, read_line
from marco_cli.conversation.turn import Conversation, Turn
from marco_cli.errors import EngineLostError, IncompleteError, MarcoError
from marco_cli.plan import SearchPlan
from marco_cli.view import chat


class LineReader(Protocol):
    """Where lines come from."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person types them."""
        ...

    @property
    def can_draft(self) -> bool:
        """Whether `read` offers a text for changing."""
        ...

    async def read(self, draft: str = "", *, on_change: Callable[[str], None]) -> str | None:
        """Return the next text; None at the end. `on_change` hears what it has grown to, where keys are read."""
        ...

    def interrupt(self) -> None:
        """Take a Ctrl-C that came while waiting for a line."""
        ...


Action = Callable[["Session", Command], Awaitable[None]]
"""Does what a slash command says."""


class Session:
    """A conversation with what its commands need: the setup, the last turn, the file it was saved to."""

    def __init__(
        self, dialogue: Dialogue, *, setup: Setup, reader: LineReader, screen: ChatScreen, journal: Journal, act: Action
    ) -> None:
        self.dialogue = dialogue
        self.setup = setup
        self.screen = screen
        self.shown: Shown | None = None
        """The last turn."""
        self.question: str | None = None
        """The last question, whatever became of it."""
        self._is_kept = False
        """Whether the last turn of the conversation is one of the last question."""
        self.file: str | None = None
        """Where the conversation was saved to, or loaded from."""
        self.draft: str | None = None
        """The last question, to be changed at the next prompt."""
        self.is_over = False
        self._reader = reader
        self._act = act
        self._journal = journal
        self._turn: TurnInProgress | None = None
        self._attempt = 0
        self._num_failed = 0
        self._anticipation = Anticipation(dialogue)
        self._remember()

    @property
    def can_draft(self) -> bool:
        """Whether the last question can be offered for changing."""
        return self._reader.can_draft

    @property
    def last(self) -> Turn | None:
        """The last turn, even if its reply has no output; None when there is none."""
        turns = self.dialogue.conversation.turns
        return self.shown.taken.turn if self.shown else turns[-1] if turns else None

    async def run(self) -> None:
        """Read and answer to the end.

        Raises:
            EngineLostError: there is no model any more to answer with.
            IncompleteError: lines came from a pipe and some of them could not be answered or obeyed.
        """
        try:
            await self._read_and_answer()
        finally:
            await self._anticipation.end()
        if self._num_failed and not self._reader.is_terminal:
            lines = "1 line" if self._num_failed == 1 else f"{self._num_failed} lines"
            raise IncompleteError(f"{lines} could not be answered", hint="see the messages above")

    async def _read_and_answer(self) -> None:
        self._make_room()
        while not self.is_over:
            self._take_interrupts()
            draft, self.draft = self.draft, None
            try:
                line = await self._next_line(draft)
                if line is None:
                    break
                self._take_interrupts()
                await self._obey(line, is_draft=draft is not None)
            except EngineLostError:
                raise
            except MarcoError as error:
                self._num_failed += 1
                complain(error)

    async def _next_line(self, draft: str | None) -> str | None:
        # The first line of a pipe is there already.
        if self._reader.is_terminal or self.dialogue.conversation.turns:
            self._anticipation.begin()
        hear = partial(self._anticipation.hear, replaces_last=draft is not None and self._is_kept)
        return await self._reader.read(draft or "", on_change=hear)

    async def ask(self, question: str, *, replaces_last: bool = False, plan: SearchPlan | None = None) -> None:
        """Take a turn; `plan` is for it alone.

        Raises:
            MarcoError: the question cannot be answered.
        """
        await self.stop_working_ahead()
        if plan is None:
            self._attempt = 0
        replaces = self._is_kept = replaces_last and self._is_kept
        self.question = question
        self._turn = TurnInProgress(self.dialogue, self.screen, plan or self.dialogue.plan)
        try:
            shown = await self._turn.ask(question, replaces_last=replaces)
        finally:
            self._turn = None
        if shown is None:
            note("the turn is dropped; /retry asks again")
            return
        self.shown = shown
        self._is_kept = shown.taken.is_kept or replaces
        self._journal.save(shown, self.dialogue)
        if not shown.taken.is_kept:
            self._num_failed += 1
            note("the reply has no output, so it is not told to the model later; /retry or /effort may help")
        self._make_room()

    async def retry(self) -> None:
        """Ask the last question again, sampled with a new seed."""
        if self.question is None:
            note("there is no question yet")
            return
        self._attempt += 1
        plan = retried(self.dialogue.plan, self._attempt)
        self.tell(f"sampled with seed {plan.config.seed}, temperature {plan.config.sampling.temperature:g}")
        await self.ask(self.question, replaces_last=True, plan=plan)

    async def change(self, setup: Setup) -> None:
        """Go on with other settings.

        Raises:
            MarcoError: they cannot be had; the conversation goes on with those before.
        """
        await self.stop_working_ahead()
        self.dialogue.solver, found = await switched(self.dialogue.solver, setup)
        if isinstance(found, MarcoError):
            raise found
        self.dialogue.plan, self.setup = found, setup
        self._make_room()

    def go_on_with(self, conversation: Conversation) -> None:
        """Put another conversation in the place of this one."""
        self.dialogue.conversation = conversation
        self._journal = Journal(self.setup.environ)
        self.shown = None
        self._remember()
        self._make_room()

    def recap(self) -> None:
        """Say where the conversation stands."""
        if not self.screen.is_quiet:
            say(chat.recap(self.dialogue.conversation, width=stderr_width()))

    def tell(self, text: str) -> None:
        """Say something that `--quiet` leaves out."""
        if not self.screen.is_quiet:
            note(text)

    async def stop_working_ahead(self) -> None:
        """Have the engine for what cannot wait."""
        await self._anticipation.end()

    async def _obey(self, line: str, *, is_draft: bool) -> None:
        found = read_line(line)
        if isinstance(found, Command):
            await self._act(self, found)
        elif found:
            await self.ask(found, replaces_last=is_draft)

    def _remember(self) -> None:
        """Take the last turn for the one that was asked last."""
        turns = self.dialogue.conversation.turns
        self._is_kept = bool(turns)
        self.question = turns[-1].question if turns else None

    def _make_room(self) -> None:
        """Make room for the next question now, while nobody waits for what all that follows costs."""
        if self.dialogue.conversation.turns and (num_dropped := self.dialogue.make_room()):
            self.tell(chat.dropped(num_dropped, self.dialogue.conversation))

    def _take_interrupts(self) -> None:
        """Let Ctrl-C end a turn and not the program; line editors take it for themselves while they read."""
        with suppress(NotImplementedError):  # Windows: there it ends the program
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        if self._turn is not None:
            self._turn.interrupt()
        else:
            self._reader.interrupt()

"""What the engine does while the user does not wait for it: between two turns it evaluates what is known of the next prompt.

In: a dialogue, and the next question as it is typed. Out: a KV memory that holds the conversation, and after each pause of
typing the whole prompt that this text would make, so that a question sent then has its first token a single token later,
however long the conversation. Nothing that is evaluated here is ever shown or told, and whatever is sent may be another text.
"""

import asyncio
from contextlib import suppress
from typing import Final

from marco_cli.conversation.dialogue import Dialogue
from marco_cli.conversation.slash import Command, read_line
from marco_cli.errors import MarcoError

PAUSE: Final = 0.25
"""Seconds without a key after which a text is evaluated: longer than from key to key, shorter than before Enter."""


class Anticipation:
    """Works ahead for the next turn of a dialogue, from `begin` to `end`."""

    def __init__(self, dialogue: Dialogue, *, pause: float = PAUSE) -> None:
        self._dialogue = dialogue
        self._pause = pause
        self._line = ""
        self._replaces_last = False
        self._typed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Evaluate what the next prompt begins with, then what is typed; when that is under way, go on."""
        if self._task is None:
            self._typed.clear()
            self._task = asyncio.ensure_future(self._work())

    def hear(self, line: str, *, replaces_last: bool = False) -> None:
        """Take note of what is typed so far, perhaps in place of the last question."""
        self._line, self._replaces_last = line, replaces_last
        self._typed.set()

    async def end(self) -> None:
        """Let go of the engine; what it has evaluated stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
            if not task.cancelled():
                task.result()

    async def _work(self) -> None:
        await self._warm("")
        while True:
            await self._typed.wait()
            while self._typed.is_set():
                self._typed.clear()
                await asyncio.sleep(self._pause)
            await self._warm(self._line)

    async def _warm(self, line: str) -> None:
        # What a model or the conversation refuses here, and half a command, they refuse again when it is sent, and say so.
        with suppress(MarcoError):
            found = read_line(line)
            if not isinstance(found, Command):
                await self._dialogue.warm(found, replaces_last=self._replaces_last)

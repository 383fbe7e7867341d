"""Line editing at the prompt of a conversation: the only door to prompt_toolkit.

In: keys on a terminal. Out: texts, one a turn. The prompt is drawn on stderr, so that stdout holds outputs and nothing else.
What was typed is kept in a file that only the user may read.
"""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

from marco_cli.commands._chat_completion import complete_line
from marco_cli.commands._chat_saying import note
from marco_cli.commands._editor import editor_command
from marco_cli.errors import ConfigError

_HISTORY_SIZE: Final = 1 << 20
"""Bytes of the history file beyond which its older half goes."""


class PromptLines:
    """Asks for lines."""

    can_draft: Final = True
    is_terminal: Final = True

    def __init__(self, history: Path | None) -> None:
        """Take over the terminal while a line is read; `history` None keeps nothing."""
        self._history = _open_history(history)
        self._is_told = False
        self._session: PromptSession[str] = PromptSession(
            [("bold", "> ")],
            multiline=True,
            prompt_continuation="  ",
            history=self._history,
            completer=_SlashCompleter(),
            complete_while_typing=True,
            key_bindings=_bindings(),
            enable_open_in_editor=_has_editor(),
            enable_suspend=True,
            reserve_space_for_menu=6,
            output=create_output(stdout=sys.stderr),
        )

    async def read(self, draft: str = "", *, on_change: Callable[[str], None]) -> str | None:
        """Return what was typed, blank lines aside; None after Ctrl-D."""

        def hear(buffer: Buffer) -> None:
            on_change(buffer.text)

        if draft:
            on_change(draft)
        changed = self._session.default_buffer.on_text_changed
        changed += hear
        try:
            return await self._read(draft)
        finally:
            changed -= hear

    async def _read(self, draft: str) -> str | None:
        while True:
            try:
                text = await self._session.prompt_async(default=draft)
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    note("Ctrl-D leaves")
                if draft:  # given up: what is typed next is not in its place
                    return ""
                continue
            except EOFError:
                return None
            self._tell_what_is_lost()
            if text.strip() or draft:
                return text

    def _tell_what_is_lost(self) -> None:
        if isinstance(self._history, _FileHistory) and self._history.problem is not None and not self._is_told:
            self._is_told = True
            note(f"what you type is no longer remembered: {self._history.problem.strerror}")

    def interrupt(self) -> None:
        """Do nothing: at the prompt, Ctrl-C is a key."""


class _FileHistory(FileHistory):
    """What was typed, in a file for as long as that can be written; it is written while a key is handled, where nothing may be said."""

    problem: OSError | None = None
    """Why the file is no longer written; None while it is."""

    def store_string(self, string: str) -> None:
        if self.problem is None:
            try:
                super().store_string(string)
            except OSError as error:
                self.problem = error


class _SlashCompleter(Completer):
    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        for offer in complete_line(document.text_before_cursor):
            yield Completion(offer.text, start_position=-offer.replaces, display_meta=offer.help)


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    @bindings.add("c-j")
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def _has_editor() -> bool:
    """Say whether Ctrl-X Ctrl-E can work: prompt_toolkit fails on a command whose quotes are open."""
    try:
        for name in ("VISUAL", "EDITOR"):  # it looks at both
            editor_command({name: os.environ.get(name, "")})
    except ConfigError as error:
        note(f"no editor opens: {error.message}")
        return False
    return True


def _open_history(path: Path | None) -> History:
    """Open the file, private to the user; where it cannot be written, the session remembers for itself."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        path.chmod(0o600)
        if path.stat().st_size > _HISTORY_SIZE:
            data = path.read_bytes()
            path.write_bytes(data[data.find(b"\n# ", len(data) // 2) + 1 :])
    except OSError as error:
        note(f"what you type is not remembered: {error.strerror}")
        return InMemoryHistory()
    return _FileHistory(str(path))

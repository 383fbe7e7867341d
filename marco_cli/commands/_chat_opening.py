"""Open a conversation: find the model, load it, choose where lines come from, and close it whatever happens."""

import sys
import time

from marco_cli.commands._chat_commands import obey
from marco_cli.commands._chat_journal import Journal
from marco_cli.commands._chat_saying import note
from marco_cli.commands._chat_session import LineReader, Session
from marco_cli.commands._chat_turn import ChatScreen
from marco_cli.config.state import state_directory
from marco_cli.conversation.dialogue import Dialogue
from marco_cli.conversation.recall import Recalled, recall
from marco_cli.conversation.setup import Setup
from marco_cli.conversation.turn import Conversation
from marco_cli.models.choice import BUNDLED_NOTICE
from marco_cli.solver import open_solver
from marco_cli.trace.store import trace_directory
from marco_cli.view import chat


async def converse(setup: Setup, screen: ChatScreen, *, goes_on: bool = False, past: str | None = None) -> None:
    """Hold a conversation to its end; with `goes_on` that of the id `past`, or of a trace with it, None being the last one.

    Raises:
        MarcoError: it cannot begin, or lines of a pipe failed.
    """
    recalled = None
    if goes_on:
        recalled = recall(trace_directory(setup.environ), past, lambda skipped: note(str(skipped)))
        setup = _as_before(setup, recalled)
    settings, model = setup.resolve()
    if model.source == "bundled" and settings.model is None and not screen.is_quiet:
        note(BUNDLED_NOTICE)
    if sys.stdin.isatty() and not screen.is_quiet:
        note(f"{chat.seat(settings, model.name)}; /help lists the commands, Ctrl-D leaves")
    reader = _reader(setup, screen)
    conversation = recalled.conversation if recalled else Conversation()
    started = time.perf_counter()
    dialogue = Dialogue(open_solver(settings, model, setup.environ), conversation=conversation)
    for notice in () if screen.is_quiet else dialogue.solver.phrasing().notices:
        note(notice)
    if screen.is_verbose:
        note(chat.loading_line(dialogue.solver.engine.info, time.perf_counter() - started))
    journal = Journal(setup.environ)
    if recalled is not None:
        journal = Journal(setup.environ, session=recalled.session, num_lost=recalled.num_lost)
    session = Session(dialogue, setup=setup, reader=reader, screen=screen, journal=journal, act=obey)
    try:
        if recalled is not None:
            session.recap()
        await session.run()
    finally:
        await session.dialogue.close()


def _as_before(setup: Setup, recalled: Recalled) -> Setup:
    """Take the model, the preset and the system prompt of a conversation unless others are named."""
    given, before = setup.flags, recalled.settings
    if given.get("model") is None:
        setup = setup.changed("model", before.model)
        if given.get("preset") is None:
            setup = setup.changed("preset", before.preset)
    if given.get("system") is None:
        setup = setup.changed("system", before.system)
    return setup


def _reader(setup: Setup, screen: ChatScreen) -> LineReader:
    if screen.edits_lines:
        from marco_cli.commands._chat_prompt import PromptLines

        return PromptLines(state_directory(setup.environ) / "chat-history")
    from marco_cli.commands._chat_lines import PlainLines

    return PlainLines()

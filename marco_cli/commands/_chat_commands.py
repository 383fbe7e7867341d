"""What each slash command of a conversation does.

In: a session and a parsed command. Out: changes of the session, and lines on stderr.
"""

import sys
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Final

from marco_cli.commands._chat_saying import note
from marco_cli.commands._chat_session import Session
from marco_cli.commands._output import say, stderr_width
from marco_cli.config.home import expanded
from marco_cli.config.settings import OPTIONS
from marco_cli.conversation.document import Saved, read_saved, write_saved
from marco_cli.conversation.slash import Command, Name, line_of
from marco_cli.conversation.transcript import transcript
from marco_cli.draft import put
from marco_cli.errors import ConfigError, InputError, StorageError
from marco_cli.jsonl import MAX_LINE
from marco_cli.view import chat
from marco_cli.view.chat_tree import show_tree
from marco_cli.view.terminal import wants_colour

_DEFAULT: Final = "default"
_THOUGHTS: Final = MappingProxyType(
    {"auto": "thoughts are folded", "full": "thoughts are shown whole", "hide": "thoughts are not shown"}
)


async def obey(session: Session, command: Command) -> None:
    """Do what a command says.

    Raises:
        MarcoError: it cannot be done.
    """
    await _ACTIONS[command.name](session, command.argument)


def _setting(key: str) -> Callable[[Session, str], Awaitable[None]]:
    """Return the action of a command that changes one setting."""

    async def change(session: Session, value: str) -> None:
        if not value:
            note(f"{_now(session, key)}; {_choices(key)}")
            return
        wanted = None if value == _DEFAULT and key in ("strategy", "effort") else value
        try:
            await session.change(session.setup.changed(key, wanted))
        except ConfigError as error:
            message = error.message.replace(f"flag {OPTIONS[key].flag}:", f"/{key}:")
            raise ConfigError(message, hint=error.hint) from error
        session.tell(_now(session, key))

    return change


def _now(session: Session, key: str) -> str:
    """Say what a setting has come to."""
    dialogue = session.dialogue
    if key in ("model", "preset"):
        return chat.seat(dialogue.plan.settings, dialogue.solver.model.name)
    return chat.plan(dialogue.plan)


def _choices(key: str) -> str:
    from marco_cli.commands._completion import completer_of

    completer = completer_of(key)
    return f"/{key} takes {', '.join(completer('')) if completer else OPTIONS[key].expected}"


async def _system(session: Session, text: str) -> None:
    if not text:
        system = session.dialogue.plan.settings.system
        note(
            "no system prompt of yours; the model has its own" if system is None else f"the system prompt is: {system}"
        )
        return
    await session.change(session.setup.changed("system", None if text == "-" else text))
    session.tell("the system prompt is back to the preset's" if text == "-" else "the system prompt is changed")


async def _thought(session: Session, how: str) -> None:
    if how in _THOUGHTS:
        await session.change(session.setup.changed("thought", how))
        session.tell(_THOUGHTS[how])
    elif how:
        raise InputError(f"/thought got {how[:40]!r}, expected nothing or one of {', '.join(_THOUGHTS)}")
    elif session.last is None:
        note("there is no reply yet")
    else:
        say(chat.thought_text(session.last, is_coloured=wants_colour(sys.stderr)))


async def _tree(session: Session, _: str) -> None:
    if session.shown is None or session.shown.search is None:
        note("the last turn was no search; /effort high makes the next one search")
    else:
        show_tree(session.shown.search, sys.stderr)


async def _retry(session: Session, _: str) -> None:
    await session.retry()


async def _edit(session: Session, text: str) -> None:
    if session.question is None:
        note("there is no question yet")
    elif text:
        await session.ask(text, replaces_last=True)
    elif session.can_draft:
        session.draft = line_of(session.question)
    else:
        raise InputError("/edit needs the new text here", hint="/edit TEXT")


async def _save(session: Session, name: str) -> None:
    file = name or session.file
    if file is None:
        raise InputError("there is no file yet to save to", hint="/save FILE")
    dialogue = session.dialogue
    saved = Saved(
        conversation=dialogue.conversation, system=dialogue.plan.settings.system, model=dialogue.solver.model.name
    )
    _write(file, write_saved(saved), may_replace=file == session.file)
    session.file = file
    session.tell(f"saved to {file}; /load or a later /save take the same name")


async def _load(session: Session, name: str) -> None:
    saved = read_saved(_read(name), name=name)
    if saved.system != session.dialogue.plan.settings.system:
        await session.change(session.setup.changed("system", saved.system))
    await session.stop_working_ahead()
    session.file = name  # first: a turn too long to go on from must not leave /save with the file before
    session.go_on_with(saved.conversation)
    session.recap()


async def _export(session: Session, name: str) -> None:
    conversation, system = session.dialogue.conversation, session.dialogue.plan.settings.system
    _write(name, transcript(conversation, system=system, file=name), may_replace=False)
    session.tell(f"written to {name}")


async def _stats(session: Session, _: str) -> None:
    dialogue = session.dialogue
    used = len(dialogue.known_prefix())
    usage = dialogue.solver.engine.usage
    say(chat.stats_text(dialogue.conversation, used=used, limit=dialogue.prompt_limit, usage=usage))


async def _help(_session: Session, _: str) -> None:
    say(chat.help_text(stderr_width()))


async def _quit(session: Session, _: str) -> None:
    session.is_over = True


def _read(name: str) -> bytes:
    try:
        with expanded(name).open("rb") as file:
            data = file.read(MAX_LINE + 1)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}", hint="check the path") from error
    except ValueError as error:  # a NUL
        raise InputError(f"cannot read {name!r}: {error}", hint="check the path") from error
    if len(data) > MAX_LINE:
        raise InputError(f"{name} is larger than {MAX_LINE // 1_000_000} MB", hint="give a file that /save wrote")
    return data


def _write(name: str, data: bytes, *, may_replace: bool) -> None:
    """Write a file; one that may be replaced is there whole, the old or the new, whatever happens."""
    try:
        if may_replace and expanded(name).is_file():
            put(expanded(name), data)
        else:
            with expanded(name).open("xb") as file:
                file.write(data)
    except FileExistsError as error:
        raise StorageError(f"{name} exists", hint="name another file") from error
    except OSError as error:
        raise StorageError(f"cannot write {name}: {error.strerror}", hint="name another file") from error
    except ValueError as error:  # a NUL
        raise StorageError(f"cannot write {name!r}: {error}", hint="name another file") from error


_ACTIONS: Final = MappingProxyType[Name, Callable[[Session, str], Awaitable[None]]](
    {
        **{name: _setting(name) for name in ("strategy", "effort", "preset", "model")},
        "system": _system,
        "thought": _thought,
        "tree": _tree,
        "retry": _retry,
        "edit": _edit,
        "save": _save,
        "load": _load,
        "export": _export,
        "stats": _stats,
        "help": _help,
        "quit": _quit,
    }
)

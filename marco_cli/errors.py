"""Every error that a user can meet, with the exit code that it ends the program with.

    MarcoError                    1   (a bug if raised bare)
    ├── ConfigError               2   options, presets, configuration files
    ├── IncompleteError           3   finished, but without (all of) what was asked for
    ├── ModelNotFoundError        4   the model is not on this machine
    ├── EngineError               5   the model cannot be loaded or run
    │   ├── DecodeError           5   llama.cpp refused a batch
    │   └── EngineLostError       5   a conversation has no model any more
    ├── InputError                6   what was given to read is unusable
    │   └── ContextOverflowError  6   a prompt does not fit the context
    ├── StorageError              7   checksum mismatch, disk full, no permission
    └── NetworkError              8   a download failed; trying again may help

A message is one line that says what was found and what was expected; `hint` is the next thing to type.
Nothing but `commands.app` catches these to end the program, and this module imports nothing of the program.
"""

import difflib
import reprlib
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

EXIT_HUNG_UP = 129
EXIT_INTERRUPTED = 130
EXIT_QUIT = 131
EXIT_TERMINATED = 143
EXIT_STDOUT_CLOSED = 141

# Windows has neither SIGHUP nor SIGQUIT.
EXIT_OF_SIGNAL: Final[Mapping[signal.Signals, int]] = {
    getattr(signal, name): code
    for name, code in (("SIGTERM", EXIT_TERMINATED), ("SIGHUP", EXIT_HUNG_UP), ("SIGQUIT", EXIT_QUIT))
    if hasattr(signal, name)
}
"""The signals that end the program, Ctrl-C aside, each with its exit code."""

_QUOTED_LENGTH = 60


def quoted(value: object) -> str:
    """Return a value from a file, a row or a command line as an error message may show it: 60 characters at most."""
    if isinstance(value, str):
        return cut(repr(value[: _QUOTED_LENGTH + 1]))
    return cut(reprlib.repr(value) if isinstance(value, (list, tuple, dict)) else repr(value))


def cut(text: str) -> str:
    """Return the first 60 characters of a text; the last of them is an ellipsis where more follow."""
    return text if len(text) <= _QUOTED_LENGTH else f"{text[: _QUOTED_LENGTH - 1]}…"


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """Return the choice that a mistyped word most likely means, letter case and hyphens aside; None if nothing is near."""
    spellings = {choice.lower().replace("-", "_"): choice for choice in choices}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), spellings, n=1, cutoff=cutoff)
    return spellings[close[0]] if close else None


class MarcoError(Exception):
    """The root of the tree: a message for the user and, where there is one, the remedy."""

    exit_code: int = 1
    code: str = "internal"
    """A stable word for machines (`--json`, batch rows)."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MarcoError):
    """An option, a preset or the configuration file is wrong."""

    exit_code = 2
    code = "config"


class IncompleteError(MarcoError):
    """The work ended, but something that was asked for is missing from the result."""

    exit_code = 3
    code = "incomplete"


class ModelNotFoundError(MarcoError):
    """The model is not installed on this machine."""

    exit_code = 4
    code = "model_missing"


class EngineError(MarcoError):
    """The model cannot be loaded or run."""

    exit_code = 5
    code = "engine"


class DecodeError(EngineError):
    """llama.cpp refused to evaluate a batch."""

    code = "decode"


class EngineLostError(EngineError):
    """There is no model left to go on with."""


class InputError(MarcoError):
    """A prompt, a file or a row cannot be used."""

    exit_code = 6
    code = "input"


class ContextOverflowError(InputError):
    """A request needs more tokens than the context holds; nothing is ever truncated silently."""

    code = "context_overflow"

    def __init__(self, *, prompt_tokens: int, wanted_tokens: int, context_size: int) -> None:
        """Say how many tokens the prompt has, how many were to be generated, and how many fit altogether."""
        room = context_size - prompt_tokens
        if room < 1:
            message = f"the prompt has {prompt_tokens} tokens, the context holds {context_size}"
            hint = "shorten the prompt, or enlarge the context with --ctx (up to the model's limit)"
        else:
            message = (
                f"the prompt has {prompt_tokens} tokens and {wanted_tokens} more were asked for, "
                f"but the context of {context_size} leaves room for {room}"
            )
            hint = f"use --max-tokens {room} or less, a shorter prompt, or a larger --ctx"
        super().__init__(message, hint=hint)
        self.prompt_tokens = prompt_tokens
        self.wanted_tokens = wanted_tokens
        self.context_size = context_size
        self.room = max(0, room)


class StorageError(MarcoError):
    """A file is damaged, or cannot be written."""

    exit_code = 7
    code = "storage"


class NetworkError(MarcoError):
    """A transfer failed; what had arrived is kept."""

    exit_code = 8
    code = "network"


@contextmanager
def os_errors_as(kind: type[MarcoError], what: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn an error of the operating system inside the block into one of the tree: `WHAT: No space left on device`."""
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {error.strerror}", hint=hint) from error

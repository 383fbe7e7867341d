"""The prompt of a conversation as a line reader, keys from a pipe."""

import asyncio
import errno
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from marco_cli.commands._chat_prompt import PromptLines


def test_a_history_that_cannot_be_written_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a disk that fills up every line is still read, a note says what is lost, and the file is left alone from then on."""
    tries: list[str] = []

    def store(_: object, text: str) -> None:
        tries.append(text)
        raise OSError(errno.ENOSPC, "No space left on device")

    async def read(prompt: PromptLines) -> list[str | None]:
        return [await prompt.read(on_change=lambda _: None) for _ in range(3)]

    monkeypatch.setattr("prompt_toolkit.history.FileHistory.store_string", store)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text("one\rtwo\rthree\r")
        lines = asyncio.run(read(PromptLines(tmp_path / "history")))

    assert lines == ["one", "two", "three"]
    assert tries == ["one"]
    said = capsys.readouterr()
    assert said.err.count("marco: what you type is no longer remembered: No space left on device") == 1
    assert said.out == ""


def typed(keys: str, *, draft: str = "") -> tuple[str | None, list[str]]:
    """Type at the prompt; return the line and what was heard of it before."""
    heard: list[str] = []
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        line = asyncio.run(PromptLines(None).read(draft, on_change=heard.append))
    return line, heard


def test_every_change_of_the_line_is_heard() -> None:
    """Whoever listens knows the text after each key, deletions too, before Enter."""
    assert typed("Hi?\x7f!\r") == ("Hi!", ["H", "Hi", "Hi?", "Hi", "Hi!"])


def test_a_draft_is_heard_before_the_first_key() -> None:
    """A text that is offered for changing is there from the start."""
    line, heard = typed("!\r", draft="Hi")

    assert line == "Hi!"
    assert heard[0] == "Hi"
    assert heard[-1] == "Hi!"

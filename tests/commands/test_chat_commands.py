"""What slash commands do to a session, without a model."""

import asyncio
from types import SimpleNamespace

import pytest

from marco_cli.commands._chat_commands import obey
from marco_cli.conversation.slash import Command, read_line


@pytest.mark.parametrize("question", ["What is 12 + 30?", "/like this", "/usr/bin/env does what?"])
def test_edit_offers_a_line_that_asks_the_same(question: str) -> None:
    """Enter on what `/edit` puts at the prompt asks the last question again, also one that begins with a slash."""
    session = SimpleNamespace(question=question, can_draft=True, draft=None)
    asyncio.run(obey(session, Command(name="edit", argument="")))  # type: ignore[arg-type]  # what `/edit` needs of it

    assert session.draft is not None
    assert read_line(session.draft) == question

"""The tree of a search that is over, as a conversation shows it."""

import os

import pytest
from view.story import Story
from view.test_terminal import Terminal

from marco_cli.view.chat_tree import show_tree
from marco_cli.view.snapshot import Recorder


@pytest.mark.parametrize(("said", "widest"), [(60, 59), (0, 99)])
def test_the_tree_is_as_wide_as_the_terminal(said: int, widest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are cropped to its width; one that says it has no columns gets as much as a file."""
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((said, 24)))
    recorder, stream = Recorder(), Terminal()
    for event in Story(simulations=40).events():
        recorder.fold(event)
    show_tree(recorder.snapshot(), stream, {"NO_COLOR": "1"})
    widths = [len(line) for line in stream.getvalue().splitlines()]

    assert widest - 30 < max(widths) <= widest

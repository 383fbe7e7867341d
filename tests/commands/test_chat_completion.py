"""What Tab offers at the prompt of a conversation."""

from pathlib import Path

import pytest

from marco_cli.commands._chat_completion import complete_line


@pytest.mark.parametrize("command", ["/save", "/load", "/export", "/model", "/preset"])
@pytest.mark.parametrize("typed", ["~nobody-here/", "missing/", "a" * 300 + "/"])
def test_a_folder_that_is_none_offers_nothing(command: str, typed: str) -> None:
    """Offers are looked for at every key, so a path that leads nowhere must never be an error."""
    assert [offer.text for offer in complete_line(f"{command} {typed}")] == []


def test_files_are_offered_with_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders end with a slash, hidden files are left out, `~` stays as it was typed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("one.chat", "other.chat", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "old").mkdir()

    assert [offer.text for offer in complete_line("/load ~/o")] == ["~/old/", "~/one.chat", "~/other.chat"]

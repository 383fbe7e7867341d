import webbrowser
from pathlib import Path

import pytest

from marco_cli.commands._page import show_page


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the browser is asked to open; no browser starts."""
    links: list[str] = []

    def note(link: str) -> bool:
        links.append(link)
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    return links


def test_a_page_is_announced_by_a_link_that_works(
    tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The link is absolute, spaces and signs in the name are encoded, stdout stays empty, and nothing is opened unasked."""
    show_page(tmp_path / "a b#1.html", is_opened=False)

    out, err = capsys.readouterr()
    assert (out, err) == ("", f"marco: {tmp_path.as_uri()}/a%20b%231.html\n")
    assert opened == []


def test_open_hands_the_link_to_the_browser(
    tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--open` opens that link; `--quiet` says nothing and opens it all the same."""
    show_page(tmp_path / "page.html", is_opened=True, is_quiet=True)

    assert opened == [f"{tmp_path.as_uri()}/page.html"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [None, webbrowser.Error("none"), OSError("none")])
def test_a_machine_without_a_browser_is_told_the_link(
    error: Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However the start fails, the command goes on, and the link is there to be opened elsewhere."""

    def fail(_: str) -> bool:
        if error is not None:
            raise error
        return False

    monkeypatch.setattr(webbrowser, "open", fail)

    show_page(tmp_path / "page.html", is_opened=True, is_quiet=True)

    assert f"open it yourself: {tmp_path.as_uri()}/page.html" in capsys.readouterr().err

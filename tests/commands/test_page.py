from pathlib import Path

import pytest

from marco_cli.commands._page import show_page


def test_a_page_is_announced_by_a_link_that_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The link is absolute, spaces and signs in the name are encoded, stdout stays empty."""
    show_page(tmp_path / "a b#1.html", is_opened=False)

    out, err = capsys.readouterr()
    assert (out, err) == ("", f"marco: {tmp_path.as_uri()}/a%20b%231.html\n")

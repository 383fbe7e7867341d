"""docs/help.md and docs/marco.1 say what the commands say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marco_cli.config.settings import OPTIONS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENTRIES = [
    path.stem for path in (ROOT / "marco_cli/commands").glob("[a-z]*.py") if path.stem not in ("app", "__init__")
]


def test_the_pages_are_what_the_commands_say() -> None:
    """A change of an option comes with `python docs/make_help.py` run in the same commit."""
    ran = subprocess.run(
        [sys.executable, str(DOCS / "make_help.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "40", "MARCO_DISPLAY": "live"},
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("name", ["help.md", "marco.1"])
def test_the_pages_hold_every_command_and_setting(name: str) -> None:
    """Nothing that can be typed is missing from them."""
    text = (DOCS / name).read_text(encoding="utf-8").replace("\\-", "-")

    commands = ["eval" if entry == "evaluate" else entry for entry in ENTRIES]
    assert [command for command in commands if f"marco {command}" not in text] == []
    assert [key for key, option in OPTIONS.items() if key not in text or option.variable not in text] == []
    assert "--repeat-penalty" in text


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None, reason="shows manual pages")
def test_the_manual_page_has_no_mistakes() -> None:
    """Roff understands every line of it."""
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(DOCS / "marco.1")], capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")

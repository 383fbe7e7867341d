import io
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main
from commands.program import Marco, Run
from warm_program import Warm

from marco_cli.commands.app import main

_command = cache(typer.main.get_command)
"""The commands, made of their functions once and not for each line: that takes longer than many of them."""


@pytest.fixture
def marco(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> Iterator[Marco]:
    """Return a function that runs `marco ARGUMENTS…` in this process, in an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MARCO_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("MARCO_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("typer.main.get_command", _command)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]

    def run(*arguments: str | Path, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "argv", ["marco", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfdbinary.readouterr()
        code = left.value.code
        return Run(code=code if isinstance(code, int) else 0, out=out.decode(), err=err.decode())

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """Yield a `marco` that starts at once."""
    with Warm(tmp_path_factory.mktemp("warm")) as program:
        yield program

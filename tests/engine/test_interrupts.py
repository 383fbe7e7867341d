"""Signals that come while C code runs."""

import asyncio
import ctypes
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import llama_cpp
import pytest

from marco_cli.engine.interrupts import kept_signals
from marco_cli.engine.llamacpp import LlamaOptions, open_engine
from marco_cli.errors import EngineError

END_OF = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}


@pytest.fixture(params=END_OF, ids=["int", "term"])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """Return a signal that ends the program, handled as the program handles it."""
    found: signal.Signals = request.param
    before = signal.signal(found, lambda *_: pytest.fail("the signal was not kept"))
    yield found
    signal.signal(found, before)


def test_a_signal_inside_a_callback_of_c_is_kept(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    """Ctypes drops what is raised in a callback; the signal counts when the C code is left, and nothing is printed."""
    callback = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(number))

    def work() -> None:
        with kept_signals() as is_interrupted:
            callback()
            assert is_interrupted()

    with pytest.raises(END_OF[number]):
        work()
    assert capfd.readouterr().err == ""


def test_a_signal_is_stronger_than_the_error_that_it_led_to(number: signal.Signals) -> None:
    """Work that was given up fails; what the user hears of is the signal."""

    def work() -> None:
        with kept_signals():
            signal.raise_signal(number)
            raise EngineError("given up")

    with pytest.raises(END_OF[number]):
        work()


def test_without_a_signal_nothing_changes() -> None:
    """Handlers are put back, errors pass."""
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with kept_signals() as is_interrupted:
            assert not is_interrupted()
            raise EngineError("bad")

    with pytest.raises(EngineError):
        work()
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.weights
def test_loading_is_given_up(number: signal.Signals, nano_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal at the first report of progress ends the loading of a model, and the next one loads."""
    real = llama_cpp.llama_progress_callback
    calls = []

    def signalled(goes_on: Callable[[float, object], bool]) -> object:
        def report(share: float, data: object) -> bool:
            calls.append(share)
            signal.raise_signal(number)
            return goes_on(share, data)

        return real(report)

    monkeypatch.setattr(llama_cpp, "llama_progress_callback", signalled)
    with pytest.raises(END_OF[number]):
        open_engine(nano_gguf, LlamaOptions(cells=64))

    assert len(calls) == 1
    monkeypatch.undo()
    asyncio.run(open_engine(nano_gguf, LlamaOptions(cells=64)).close())

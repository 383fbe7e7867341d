"""What a person sees of a transfer."""

import errno
import io

import pytest

from marco_cli.hub.download import EventKind, TransferEvent
from marco_cli.view.transfer import TransferView, open_view


class Terminal(io.StringIO):
    """A stream that says it is a screen."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.now


def event(kind: EventKind, megabytes: int, detail: str = "") -> TransferEvent:
    """Return an event of a file of 100 MB."""
    return TransferEvent(kind=kind, name="m.gguf", done=megabytes * 10**6, total=10**8, detail=detail)


def play(view: TransferView, clock: Clock) -> None:
    """Show a transfer that is interrupted once: 100 MB in 20 seconds, a chunk a second."""
    with view:
        for megabytes in range(0, 55, 5):
            view.on_event(event("receiving", megabytes))
            clock.now += 1
        view.on_event(event("retrying", 50, "the connection was closed early, trying again in 1 s"))
        for megabytes in range(50, 105, 5):
            view.on_event(event("receiving", megabytes))
            clock.now += 1
        view.on_event(event("done", 100))


def test_off_a_terminal_a_line_now_and_then_says_how_far_it_is() -> None:
    """One line at the start, one every five seconds, one for each thing that happens, one at the end."""
    stream, clock = io.StringIO(), Clock()
    play(TransferView(stream, clock, is_live=False), clock)

    assert stream.getvalue().splitlines() == [
        "m.gguf: 0.0 MB of 100.0 MB (0 %)",
        "m.gguf: 25.0 MB of 100.0 MB (25 %), 5.0 MB/s, 15 s left",
        "m.gguf: 50.0 MB of 100.0 MB (50 %), 5.0 MB/s, 10 s left",
        "m.gguf: the connection was closed early, trying again in 1 s",
        "m.gguf: 50.0 MB of 100.0 MB (50 %)",
        "m.gguf: 75.0 MB of 100.0 MB (75 %), 5.0 MB/s, 5 s left",
        "m.gguf: 100.0 MB of 100.0 MB (100 %), 5.0 MB/s, 0 s left",
        "m.gguf: 100.0 MB, verified",
    ]


def test_speed_counts_what_came_in_this_run_only() -> None:
    """A transfer that continues at 50 MB is not fifty times faster than its connection."""
    stream, clock = io.StringIO(), Clock()
    view = TransferView(stream, clock, is_live=False)
    view.on_event(event("hashing", 50))
    clock.now = 0.1
    view.on_event(event("receiving", 51))
    clock.now = 5.1
    view.on_event(event("receiving", 61))

    assert stream.getvalue().splitlines()[-1] == "m.gguf: 61.0 MB of 100.0 MB (61 %), 2.0 MB/s, 20 s left"


def test_on_a_terminal_a_line_is_written_over_at_most_eight_times_a_second() -> None:
    """A thousand chunks in a second are eight frames, and what happened stays."""
    stream, clock = Terminal(), Clock()
    with TransferView(stream, clock, is_live=True) as view:
        for step in range(1000):
            clock.now = step / 1000
            view.on_event(event("receiving", step // 10))
        frames = stream.getvalue().count("\r\x1b[K")
        view.on_event(event("retrying", 99, "lost [bold]markup[/bold]\x1b[2J"))

    assert 6 <= frames <= 8
    assert stream.getvalue().endswith("m.gguf: lost [bold]markup[/bold]\\x1b[2J\n")


class Gone(Terminal):
    """A screen that has been taken away."""

    num_tries = 0

    def write(self, text: str) -> int:
        """Refuse."""
        self.num_tries += 1
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("is_live", [True, False])
def test_nobody_who_watches_ends_no_transfer(*, is_live: bool) -> None:
    """A stderr that is full or gone costs what would have been shown, and what cannot be shown is not piled up."""
    stream, clock = Gone(), Clock()
    play(TransferView(stream, clock, is_live=is_live), clock)

    assert 1 <= stream.num_tries <= 60


@pytest.mark.parametrize(
    ("stream", "environ", "is_live"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (io.StringIO(), {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
    ],
)
def test_only_a_real_terminal_gets_a_line_that_is_written_over(
    *, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environ: dict[str, str], is_live: bool
) -> None:
    """Not a pipe, not a CI log, not a dumb terminal, whatever asks for colours."""
    monkeypatch.delenv("CI", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert open_view(stream).is_live is is_live

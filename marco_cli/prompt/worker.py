"""The process in which chat templates run: started once, asked for each prompt, killed when a template does not end.

A template is a program of unknown origin, and a Python process cannot interrupt itself inside one long call. So every
template, known or not, runs in a child process under a deadline and a limit of its memory; there is no list of trusted ones,
since a template may behave until the conversation is the one that it waits for. The child is started before the model is
loaded and is ready before the model is; a prompt then costs a message to it and back.

The child is not part of the terminal's foreground: Ctrl-C reaches this process alone, which ends the child with itself.
"""

import atexit
import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from marco_cli.errors import EXIT_OF_SIGNAL, ConfigError

DEADLINE = 4.0
"""Seconds that a request may take; real templates take milliseconds."""
_REMEMBERED = 60.0
"""Seconds for which a template that did not end is not run again: several places ask for it in turn."""
_START = 20.0  # seconds until a new child answers, on a machine that does everything else first
_PATIENCE = 0.5  # seconds of waiting after which signals are handled here
_SLICE = 0.1  # seconds; on Windows a wait cannot be interrupted
_CODE = (
    "import sys; sys.path[:] = sys.argv[2:]; from marco_cli.prompt.sandbox import serve; print('{}', flush=True); "
    "serve(float(sys.argv[1]))"
)


def run_template(
    template: str, runs: Sequence[Mapping[str, object]], seconds: float = DEADLINE
) -> list[dict[str, str]]:
    """Return what a template makes of each set of variables: `{"text": …}`, or `{"fault": kind, "says": …}`.

    Among the variables are `messages` and `now`, an ISO time. All runs together may take `seconds`.

    Raises:
        ConfigError: it is not Jinja2, did not end in time, or ended the process that it ran in.
    """
    return _checked(_ask({"template": template, "runs": list(runs)}, seconds))["runs"]  # type: ignore[no-any-return]  # JSON


def template_contents(template: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the names that a template reads and the texts that it can compare with.

    Raises:
        ConfigError: as for `run_template`.
    """
    reply = _checked(_ask({"template": template, "runs": []}))
    return frozenset(reply["names"]), tuple(reply["constants"])


def start() -> None:
    """Start the child ahead of its first request."""
    with _lock:
        _running()


def stop() -> None:
    """End the child; the next request starts another one."""
    with _lock:
        _stop()


def fault_error(fault: Mapping[str, str], *, hint: str | None = None) -> ConfigError:
    """Return the error that a fault stands for."""
    lead = {"refused": "refused the conversation", "syntax": "is not valid Jinja2"}.get(fault["fault"], "failed")
    separator = ", " if fault["fault"] == "syntax" else ": "
    return ConfigError(f"the chat template {lead}{separator}{fault['says']}", hint=hint)


class _Child:
    """A running child, and the lines that it wrote."""

    def __init__(self) -> None:
        """Start it with the paths that this process imports from; `-S` saves the search for them."""
        found = find_spec("jinja2")
        roots = [Path(__file__).parents[2], *([Path(found.origin).parents[1]] if found and found.origin else [])]
        paths = dict.fromkeys([*sys.path, *map(str, roots)])
        self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and code)
            [sys.executable, "-E", "-S", "-c", _CODE, str(3 * DEADLINE), *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **_apart(),
        )
        self._stdin, self._stdout = cast("IO[bytes]", self.process.stdin), cast("IO[bytes]", self.process.stdout)
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.is_ready = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, request: Mapping[str, object]) -> None:
        """Hand a request over."""
        with contextlib.suppress(OSError):  # it has ended: the wait for its reply finds out
            self._stdin.write(json.dumps(request).encode() + b"\n")
            self._stdin.flush()

    def wait(self, seconds: float) -> bytes:
        """Return the next line, b"" once the child has ended.

        Raises:
            TimeoutError: it did not come in time.
        """
        begin = time.monotonic()
        with contextlib.suppress(queue.Empty):
            return self.lines.get(timeout=min(_PATIENCE, seconds))
        with _signals_raised():
            while time.monotonic() - begin < seconds:
                with contextlib.suppress(queue.Empty):
                    return self.lines.get(timeout=_SLICE)
        raise TimeoutError

    def end(self) -> int:
        """Kill it and return its exit code."""
        self.process.kill()
        code = self.process.wait()
        self._reader.join()
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):  # what was not yet handed over
                stream.close()
        return code

    def _read(self) -> None:
        for line in self._stdout:
            self.lines.put(line)
        self.lines.put(b"")


_lock = threading.Lock()
_endless: dict[str, float] = {}
"""Templates that did not end, and when that was."""
_child: _Child | None = None


def _running() -> _Child:
    global _child  # noqa: PLW0603 (one child a process)
    if _child is None:
        _child = _Child()
    return _child


@atexit.register
def _stop() -> None:
    global _child
    if _child is not None:
        ending, _child = _child, None
        ending.end()


def _ask(request: Mapping[str, object], seconds: float = DEADLINE) -> dict[str, Any]:
    template = str(request["template"])
    with _lock:
        if time.monotonic() - _endless.get(template, -_REMEMBERED) < _REMEMBERED:
            raise _endless_error()
        is_answered = False
        try:
            child = _running()
            if not child.is_ready:
                child.is_ready = bool(child.wait(_START))
            child.send(request)
            reply = child.wait(seconds)
            is_answered = bool(reply)
        except TimeoutError:
            _endless[template] = time.monotonic()
            raise _endless_error() from None
        finally:
            if not is_answered:  # in the middle of something, or dead
                _stop()
    if not reply:
        raise ConfigError("the chat template ended the process that it ran in", hint="try --chat-template chatml")
    return json.loads(reply)  # type: ignore[no-any-return]  # an object


def _endless_error() -> ConfigError:
    return ConfigError(f"the chat template did not end within {DEADLINE:.0f} s", hint="try --chat-template chatml")


def _checked(reply: dict[str, Any]) -> dict[str, Any]:
    if "fault" in reply:
        raise fault_error(reply, hint="try --chat-template chatml")
    return reply


def _apart() -> dict[str, Any]:
    """Return what keeps the terminal's Ctrl-C away from a child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """Let Ctrl-C and what else ends the program end a wait at once: an event loop, if one runs, would hear of it after it only."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, *EXIT_OF_SIGNAL):
            if signal.getsignal(number) not in (None, signal.SIG_IGN):
                handler = signal.default_int_handler if number == signal.SIGINT else _terminate
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _terminate(number: int, _frame: object) -> None:
    sys.exit(EXIT_OF_SIGNAL[signal.Signals(number)])

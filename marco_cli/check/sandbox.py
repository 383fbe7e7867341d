"""Run an untrusted program within limits.

In: a command line, what its stdin says, `Limits`, and how far it is shut in (`check.jail`). Out: an `Outcome`, always: whatever
the program does, it and all that it started have ended by then. It gets a session and a temporary directory of its own and
nothing of the user's environment, but for where a command finds programs. `check.warden`, a process between marco and the program, sets the limits and ends what breaks them;
marco ends the warden if that one does not answer in time.
"""

import asyncio
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, get_args

from marco_cli.check.jail import Jail
from marco_cli.check.limits import Limits

WARDEN: Final = Path(__file__).with_name("warden.py")
BROKEN: Final = 120
"""Exit code of the warden for a broken limit; stderr then says which one."""
_GRACE: Final = 2.0
"""Seconds that the warden may take to end what it watches."""
_TICK: Final = 0.05
_CHUNK: Final = 1 << 16

Limit = Literal["", "time", "memory", "processes", "files", "output", "start"]
"""The limit that was broken; `start`: the program could not be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended."""

    code: int
    """Its exit code; 128 + n when signal n ended it."""
    limit: Limit = ""
    output: bytes = b""
    """What it wrote to stdout, up to the limit."""


async def run(
    command: Sequence[str],
    *,
    data: bytes,
    limits: Limits,
    jail: Jail,
    files: dict[str, bytes],
    path: str = os.defpath.lstrip(":"),
) -> Outcome:
    """Run a program to its end.

    Args:
        command: the program, as an absolute path, and its arguments.
        data: its stdin.
        limits: what it may use.
        jail: what it may see.
        files: name → content of what lies in its directory.
        path: where it finds other programs.

    """
    stop = threading.Event()
    work = asyncio.get_running_loop().run_in_executor(
        None, lambda: _run(command, data=data, limits=limits, jail=jail, files=files, path=path, stop=stop)
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([work])
        raise


def _run(
    command: Sequence[str],
    *,
    data: bytes,
    limits: Limits,
    jail: Jail,
    files: dict[str, bytes],
    path: str,
    stop: threading.Event,
) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="marco-check-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        order = {"command": jail.command(command, folder), "limits": limits.plain(), **jail.orders(folder)}
        with subprocess.Popen(  # noqa: S603 (our own warden)
            [sys.executable, "-I", "-S", "-B", str(WARDEN), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(folder, path),
            start_new_session=True,
        ) as warden:
            try:
                return _watch(warden, data, limits, stop)
            finally:
                _end(warden)


def environment(folder: Path, path: str) -> dict[str, str]:
    """Return all that a checked program knows of its surroundings."""
    return {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}


def _watch(warden: "subprocess.Popen[bytes]", data: bytes, limits: Limits, stop: threading.Event) -> Outcome:
    """Feed and read a warden until it ends, is told to, or breaks a limit."""
    output, report = bytearray(), bytearray()
    kept = {warden.stdout: output, warden.stderr: report}
    deadline = time.monotonic() + limits.seconds + _GRACE
    left = memoryview(data)
    with selectors.DefaultSelector() as selector:
        for stream in (warden.stdin, *kept):
            os.set_blocking(stream.fileno(), False)  # type: ignore[union-attr]  # all three are pipes
            selector.register(stream, selectors.EVENT_WRITE if stream is warden.stdin else selectors.EVENT_READ)  # type: ignore[arg-type]
        while not stop.is_set() and time.monotonic() < deadline and len(output) <= limits.output:
            has_ended = warden.poll() is not None
            ready = selector.select(0 if has_ended else _TICK)
            for key, _ in ready:
                stream = key.fileobj  # type: ignore[assignment]  # what was registered
                if stream is warden.stdin:
                    left = _fed(key.fd, left)
                    is_done = not left
                else:
                    is_done = not _read(key.fd, kept[stream])
                if is_done:
                    selector.unregister(stream)  # type: ignore[arg-type]
                    if stream is warden.stdin:
                        _close(warden.stdin)
            if has_ended and not any(key.fileobj is not warden.stdin for key, _ in ready):
                return _outcome(warden.returncode, output, report, limits)
    is_full = len(output) > limits.output
    return Outcome(code=BROKEN, limit="output" if is_full else "time", output=bytes(output[: limits.output]))


def _outcome(code: int, output: bytearray, report: bytearray, limits: Limits) -> Outcome:
    said = report.decode(errors="replace").split()
    limit: Limit = ""
    if code == BROKEN and said[:1] == ["limit"]:
        limit = next((name for name in get_args(Limit) if name == said[1]), "start")
    return Outcome(code=code if code >= 0 else 128 - code, limit=limit, output=bytes(output[: limits.output]))


def _fed(fd: int, left: memoryview) -> memoryview:
    """Write what a pipe takes; the program need not read it."""
    try:
        return left[os.write(fd, left[:_CHUNK]) :]
    except BlockingIOError:
        return left
    except OSError:
        return memoryview(b"")


def _read(fd: int, kept: bytearray) -> bool:
    """Read what has come; say whether more may come."""
    try:
        piece = os.read(fd, _CHUNK)
    except BlockingIOError:
        return True
    kept += piece
    return bool(piece)


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.close()


def _end(warden: "subprocess.Popen[bytes]") -> None:
    """End a warden, which ends what it watches; one that does not obey is killed with its session."""
    if warden.poll() is None:
        warden.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            warden.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(warden.pid, signal.SIGKILL)
    for stream in (warden.stdin, warden.stdout, warden.stderr):
        _close(stream)

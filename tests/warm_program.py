"""`marco` for tests that start it a hundred times: forked from a process that has imported it, in place of half a second each.

What a shell sees is the same: arguments, environment, directory, streams and exit code. `Warm` starts that process and puts a
`marco` into a directory, for PATH; the file itself is the server, and by the name `marco` the client.
"""

import array
import fcntl
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

IMPORTED: Final = (
    *(f"commands.{name}" for name in ("app", "_answering", "_batching", "_evaluating", "_chat_opening", "_continuing")),
    "engine.llamacpp",
    "trace.export.page",
    "view.eval_page",
)
"""Not the hub's client, which reads the environment when it is imported."""
_CLIENT: Final = """#!{python} -IS
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    message = json.dumps([sys.argv, os.getcwd(), dict(os.environ), False]).encode()
    streams = array.array("i", [0, 1, 2])
    server.sendmsg([len(message).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    server.sendall(message)
    server.recv(4)
    sys.exit(int.from_bytes(server.recv(1), "big"))
"""


class Warm:
    """Keeps the process; `path` is the directory with the program."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = address = str(path / "socket")
        program = path / "marco"
        program.write_text(_CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
        program.chmod(0o755)
        self._server = subprocess.Popen([sys.executable, __file__, address], stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.communicate()


class WarmProcess:
    """A `marco` that runs; what `subprocess.Popen` calls so."""

    def __init__(
        self, warm: Warm, arguments: Sequence[str], environ: Mapping[str, str], streams: Sequence[int]
    ) -> None:
        """Start it with these descriptors, in a session of its own whose terminal is its stdin."""
        self.returncode: int | None = None
        message = json.dumps([["marco", *arguments], str(Path.cwd()), dict(environ), True]).encode()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(warm.address)
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))]
        self._server.sendmsg([len(message).to_bytes(4, "big")], passed)
        self._server.sendall(message)
        self.pid = int.from_bytes(self._server.recv(4), "big")

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, as a shell says it; TimeoutError where it does not end."""
        if self.returncode is None:
            self._server.settimeout(timeout)
            self.returncode = int.from_bytes(self._server.recv(1), "big")
            self._server.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code if there is one."""
        try:
            return self.wait(0)
        except (BlockingIOError, TimeoutError):
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def serve(address: str) -> None:
    """Answer each connection in a process of its own."""
    for name in IMPORTED:
        importlib.import_module(f"marco_cli.{name}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listener.accept()
            if os.fork():
                connection.close()
                _reap()
                continue
            listener.close()
            _answer(connection)


def _reap() -> None:
    """Forget the processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _answer(connection: socket.socket) -> None:
    """Run the program for a connection, send its exit code and end."""
    streams = array.array("i")
    size, ancillary, *_ = connection.recvmsg(4, socket.CMSG_SPACE(3 * streams.itemsize))
    streams.frombytes(ancillary[0][2])
    with connection.makefile("rb") as file:
        message = json.loads(file.read(int.from_bytes(size, "big")))
    program = os.fork()
    if not program:
        connection.close()
        os._exit(_run(*message, streams=streams))
    for stream in streams:
        os.close(stream)
    connection.sendall(program.to_bytes(4, "big"))
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    connection.sendall((128 - code if code < 0 else code).to_bytes(1, "big"))  # as a shell says it
    os._exit(0)


def _run(
    arguments: list[str], directory: str, environ: dict[str, str], is_on_terminal: bool, *, streams: "array.array[int]"
) -> int:
    """Be the program; return its exit code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if is_on_terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = arguments
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115 (it is the program's)
    main: Any = importlib.import_module("marco_cli.commands.app").main
    try:
        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    serve(sys.argv[1])

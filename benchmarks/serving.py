"""Programs that serve HTTP on this machine, for as long as they are measured: started, asked, and ended."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

READY = 120
"""Seconds that a server may take to start."""


@contextmanager
def serving(command: Sequence[str], health: str, env: dict[str, str] | None = None) -> Iterator[None]:
    """Start a server and end it afterwards."""
    process = subprocess.Popen(
        list(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | (env or {})
    )
    try:
        deadline = time.monotonic() + READY
        while not is_up(health):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[0]} does not serve, exit code {process.poll()}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def is_up(url: str) -> bool:
    """Say whether a server answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 (our own server)
            return bool(reply.status == 200)
    except OSError:
        return False


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send JSON, return JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=1800) as reply:  # noqa: S310 (our own server)
        document: dict[str, Any] = json.load(reply)
        return document


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def generated(url: str) -> float:
    """Return the tokens that a llama-server has generated since its start."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as reply:  # noqa: S310 (our own server)
        lines = reply.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("llamacpp:tokens_predicted_total "))

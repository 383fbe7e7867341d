"""How far a checked program is shut in, by what this machine has.

In: what the program is (the user's own command, or Python that a model wrote). Out: a `Jail`, which wraps command lines and tells
the warden what to close. On Linux that is bubblewrap, or, without it, Landlock, a filter of system calls and namespaces; on
macOS `sandbox-exec`; elsewhere nothing but the limits.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

Means = Literal["bubblewrap", "landlock", "sandbox-exec", "limits"]

_CREATE_RULESET: Final = 444
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Jail:
    """What a program may see and do: it writes to its directory alone, and there is no network."""

    means: Means
    readable: tuple[Path, ...] = (Path("/"),)
    """Folders that it may read and run programs from."""
    may_fork: bool = True

    @property
    def is_closed(self) -> bool:
        """Whether files and network are closed, not only the amounts limited."""
        return self.means != "limits"

    def command(self, command: Sequence[str], folder: Path) -> list[str]:
        """Return the command line that runs a program in the jail."""
        if self.means == "bubblewrap":
            return [*self._bubblewrap(folder), *command]
        if self.means == "sandbox-exec":
            return ["/usr/bin/sandbox-exec", "-p", self._profile(folder), *command]
        return list(command)

    def orders(self, folder: Path) -> dict[str, object]:
        """Return what the warden is to close."""
        if self.means == "bubblewrap":
            return {"is_separate": True, "may_fork": self.may_fork}
        if self.means != "landlock":
            return {}
        return {
            "readable": [str(path) for path in self.readable],
            "writable": [str(folder)],
            "devices": list(_DEVICES),
            "may_fork": self.may_fork,
        }

    def _bubblewrap(self, folder: Path) -> list[str]:
        binds = [word for path in self.readable for word in ("--ro-bind", str(path), str(path))]
        return [
            str(shutil.which("bwrap")), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            *binds, *(("--proc", "/proc") if self.may_fork else ()), "--dev", "/dev", "--bind", str(folder), str(folder),
            "--remount-ro", "/", "--chdir", str(folder), "--",
        ]  # fmt: skip

    def _profile(self, folder: Path) -> str:
        readable = " ".join(f"(subpath {_quoted(path)})" for path in self.readable)
        fork = "(allow process-fork)" if self.may_fork else ""
        return (
            "(version 1)(deny default)(allow process-exec)(allow sysctl-read)(allow mach-lookup)(allow signal (target self))"
            f'{fork}(allow file-read* {readable} (subpath {_quoted(folder)}) (literal "/dev/null") (literal "/dev/urandom"))'
            f'(allow file-write* (subpath {_quoted(folder)}) (literal "/dev/null"))'
        )


_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def means() -> Means:
    """Return the strongest means of this machine."""
    system = platform.system()
    if system == "Linux":
        program = shutil.which("bwrap")
        if program is not None and _works(program):
            return "bubblewrap"
        return "landlock" if has_landlock() else "limits"
    return "sandbox-exec" if system == "Darwin" and Path("/usr/bin/sandbox-exec").exists() else "limits"


@lru_cache(maxsize=4)
def _works(bwrap: str) -> bool:
    """Say whether this machine lets bubblewrap make its namespaces: some distributions and containers do not."""
    try:
        tried = subprocess.run(  # noqa: S603 (the program that was found)
            [
                bwrap,
                "--unshare-all",
                "--ro-bind",
                "/",
                "/",
                "--proc",
                "/proc",
                "--dev",
                "/dev",
                "--",
                "/bin/sh",
                "-c",
                "exit 0",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def has_landlock() -> bool:
    """Say whether the kernel can close files to a process (Linux 5.13 and later)."""
    if platform.machine() not in ("x86_64", "aarch64"):
        return False
    return int(ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION)) > 0


def open_jail() -> Jail:
    """Return the jail of the user's own command, which may read what the user may."""
    return Jail(means=means())


def python_jail() -> Jail:
    """Return the jail of Python that a model wrote: it sees the interpreter and its own directory."""
    folders = {
        Path(sys.base_prefix),
        Path(sys.prefix),
        *(Path(name) for name in ("/usr", "/lib", "/lib64", "/bin", "/System", "/Library")),
    }
    there = {place for path in folders if path.exists() for place in (path, path.resolve())}
    return Jail(means=means(), readable=tuple(sorted(there)), may_fork=False)


def _quoted(path: Path) -> str:
    text = os.fspath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'

"""The process between marco and a checked program; run as a script, by itself, without the rest of the package.

In: one argument, a JSON object: the command line, the limits, and what is to be closed. Out: the exit code of the program, 128 + n
when signal n ended it, or 120 and a line `limit NAME` on stderr when it broke a limit. All that the program started has ended by
then; all of it ends, too, when the warden gets SIGTERM or marco is gone.
"""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import resource
import signal
import struct
import sys
import time

BROKEN = 120
TICK = 0.05
NICENESS = 5
"""So that what is checked does not slow down what generates."""
MOST_FILES = 10_000
LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
NEW_NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000
"""Of users, processes, network and IPC."""
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
RUN, WRITE, READ, LIST, TRUNCATE, DEVICE_CONTROL = 1, 2, 4, 8, 1 << 14, 1 << 15
FILES_OF_VERSION = (0, 13, 14, 15, 15, 16)
"""How many kinds of access to files each version of Landlock closes."""
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machine → its number for seccomp."""
FORBIDDEN = {
    "x86_64": (41, 53, 272, 308, 165, 101, 321, 323, 298, 250),
    "aarch64": (198, 199, 97, 268, 40, 117, 280, 282, 241, 219),
}
"""Numbers of socket, socketpair, unshare, setns, mount, ptrace, bpf, userfaultfd, perf_event_open and keyctl."""
FORKS = {"x86_64": (57, 58), "aarch64": ()}
"""Of fork and vfork."""
CLONE = {"x86_64": 56, "aarch64": 220}
IO_URING_SETUP, CLONE3 = 425, 435
CLONE_THREAD = 0x10000
EPERM, EACCES, ENOSYS = 1, 13, 38

libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Run the program and watch it."""
    order = json.loads(sys.argv[1])
    limits = order["limits"]
    parent = os.getppid()
    is_ended = False

    def end(_number: int, _frame: object) -> None:
        nonlocal is_ended
        is_ended = True

    signal.signal(signal.SIGTERM, end)
    has_own_users = LINUX and separate(is_done="is_separate" in order)
    deadline = time.monotonic() + limits["seconds"]
    child = os.fork()
    if child == 0:
        reap(order, limits, has_own_users=has_own_users)
    os.close(0)
    os.close(1)
    broken, wait = "", 0.001
    while not broken:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if is_ended or os.getppid() != parent or time.monotonic() > deadline:
            broken = "time"
        elif wait > TICK / 4:
            broken = excess(limits)
        time.sleep(wait)
        wait = min(TICK, 2 * wait)
    kill_all(child)
    if broken:
        os.write(2, f"limit {broken}\n".encode())
        return BROKEN
    return os.waitstatus_to_exitcode(status) % 256


def separate(*, is_done: bool) -> bool:
    """Give what comes next users, processes and a network of its own, where the kernel lets a user do that; say whether.

    With `is_done` the program that is run does that by itself.
    """
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if is_done:
        return False
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(NEW_NAMESPACES) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with contextlib.suppress(OSError), pathlib.Path("/proc/self", name).open("w", encoding="ascii") as file:
            file.write(text)
    return True


def reap(order: "dict[str, list[str]]", limits: "dict[str, float]", *, has_own_users: bool) -> None:
    """Start the program and end with it, as what it leaves behind then does in a process namespace."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if LINUX:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    program = os.fork()
    if program == 0:
        begin(order, limits, has_own_users=has_own_users)
    os.close(0)
    os.close(1)
    while True:
        pid, status = os.wait()
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def begin(order: "dict[str, list[str]]", limits: "dict[str, float]", *, has_own_users: bool) -> None:
    """Become the program, within the limits."""
    report = os.dup(2)
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.nice(NICENESS)
        for name, most in (
            ("RLIMIT_CPU", limits["cpu_seconds"]),
            ("RLIMIT_AS", limits["memory"]),
            ("RLIMIT_FSIZE", limits["file_size"]),
            ("RLIMIT_CORE", 0),
            ("RLIMIT_NOFILE", 256),
            *([("RLIMIT_NPROC", limits["processes"])] if has_own_users else []),
        ):
            limit(name, int(most))
        if LINUX:
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if "readable" in order:
            close_files(order)
            close_calls(may_fork=bool(order["may_fork"]))
        run(with_filter(order) if "is_separate" in order else order["command"])
    except BaseException as error:  # noqa: BLE001 (this process becomes the program or ends)
        os.write(report, f"limit start {error}\n".encode())
        os._exit(BROKEN)


def run(command: "list[str]") -> None:
    """Become a program; a script that does not say what reads it is read by the shell, as everywhere."""
    try:
        os.execv(command[0], command)  # noqa: S606 (that is what this is for)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        os.execv("/bin/sh", ["/bin/sh", *command])  # noqa: S606


def limit(name: str, most: int) -> None:
    """Set a limit, which is never raised."""
    kind = getattr(resource, name, None)
    if kind is None:
        return
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has no limit of the address space
        resource.setrlimit(kind, (most, most))


def close_files(order: "dict[str, list[str]]") -> None:
    """Close all files but those named (Landlock: https://docs.kernel.org/userspace-api/landlock.html)."""
    version = libc.syscall(LANDLOCK_CREATE, None, 0, 1)
    files = (1 << FILES_OF_VERSION[min(version, len(FILES_OF_VERSION) - 1)]) - 1
    # Files, TCP since version 4, signals and abstract sockets since version 6.
    ruleset = struct.pack("QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)[
        : 8 * (1 + (version >= 4) + (version >= 6))
    ]
    fd = libc.syscall(LANDLOCK_CREATE, ruleset, len(ruleset), 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "Landlock has no rules")
    for key, allowed in (
        ("readable", RUN | READ | LIST),
        ("writable", files & ~DEVICE_CONTROL),
        ("devices", READ | WRITE),
    ):
        for path in order[key]:
            with contextlib.suppress(OSError):
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
                libc.syscall(LANDLOCK_ADD, fd, 1, struct.pack("=Qi", allowed & files, place), 0)
                os.close(place)
    if libc.syscall(LANDLOCK_RESTRICT, fd, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock cannot be used")


def with_filter(order: "dict[str, list[str]]") -> "list[str]":
    """Return bubblewrap's command line with the filter of system calls, which it installs at the last moment."""
    if os.uname().machine not in MACHINES:
        return order["command"]
    place = os.memfd_create("filter", 0)
    os.write(place, call_filter(may_fork=bool(order["may_fork"])))
    os.lseek(place, 0, os.SEEK_SET)
    return [order["command"][0], "--seccomp", str(place), *order["command"][1:]]


def close_calls(*, may_fork: bool) -> None:
    """Refuse the system calls that lead out: sockets, which Landlock leaves open, and other processes."""
    program = call_filter(may_fork=may_fork)
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.create_string_buffer(filters, len(filters)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls cannot be used")


def call_filter(*, may_fork: bool) -> bytes:
    """Return a program for seccomp (classic BPF); without `may_fork` threads are all that can be started."""
    machine = os.uname().machine
    load, equal, larger, has_bits, result = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill = 0x7FFF0000, 0x80000000

    def instruction(code: int, operand: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("HBBI", code, yes, no, operand)

    def refused(number: int, error: int) -> bytes:
        return instruction(equal, number, 0, 1) + instruction(result, 0x00050000 | error)

    number, first_argument = 0, 16  # where the kernel puts them; the machine lies at 4
    steps = [
        instruction(load, 4),
        instruction(equal, MACHINES[machine], 1, 0),
        instruction(result, kill),
        instruction(load, number),
        instruction(larger, 0x40000000, 0, 1),  # the numbers of x32, another set of system calls
        instruction(result, kill),
        *(refused(each, EACCES) for each in (*FORBIDDEN[machine], IO_URING_SETUP)),
    ]
    if not may_fork:
        steps += [
            *(refused(each, EPERM) for each in FORKS[machine]),
            refused(CLONE3, ENOSYS),  # whose flags no filter sees; the C library then uses clone
            instruction(equal, CLONE[machine], 0, 4),
            instruction(load, first_argument),
            instruction(has_bits, CLONE_THREAD, 0, 1),
            instruction(result, allow),
            instruction(result, 0x00050000 | EPERM),
        ]
    return b"".join((*steps, instruction(result, allow)))


def excess(limits: "dict[str, float]") -> str:
    """Return which limit all processes together break, "" if none."""
    found = descendants()
    if len(found) > limits["processes"] + 1:
        return "processes"
    if sum(map(pages_of, found)) * resource.getpagesize() > limits["memory"]:
        return "memory"
    return "files" if is_full(limits["file_size"]) else ""


def is_full(most: float) -> bool:
    """Say whether the files in this directory have more bytes than all that one may have, four times, or are too many."""
    size = count = 0
    folders = ["."]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                count += 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                if size > 4 * most or count > MOST_FILES:
                    return True
    return False


def descendants() -> "list[int]":
    """Return all processes below this one."""
    if not LINUX:
        return []
    children: dict[int, list[int]] = {}
    for place in pathlib.Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(place.name))
    found: list[int] = []
    left = [os.getpid()]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def pages_of(pid: int) -> int:
    """Return how many pages of memory a process holds for itself."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, resident, shared = pathlib.Path(f"/proc/{pid}/statm").read_bytes().split()[:3]
        return int(resident) - int(shared)
    return 0


def kill_all(child: int) -> None:
    """End all that is left; processes that others start meanwhile come in the next round."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    for _ in range(1000):
        found = descendants()
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not found:
            return
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())

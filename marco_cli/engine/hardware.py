"""What this machine offers: physical cores and memory. Standard library only; None where it cannot be known.

A container may use less than the machine has: the limits of its control group (Linux, version 2) count too.
"""

import os
import platform
import subprocess
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def physical_cores(cgroup: Path = CGROUP) -> int:
    """Return the cores that this process may use, hyper-threads and efficiency cores left out where that is known."""
    allowed = _allowed_cpus()
    counted = _linux_cores(allowed) or _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu")
    return max(1, min(counted or len(allowed), len(allowed), int(cpu_quota(cgroup) or len(allowed))))


def _allowed_cpus() -> set[int]:
    """Return the numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def available_memory(cgroup: Path = CGROUP) -> int | None:
    """Return the bytes of memory that can be had without swapping."""
    found = [size for size in (_system_memory(), _quota_memory(cgroup)) if size is not None]
    return min(found, default=None)


def cpu_quota(cgroup: Path = CGROUP) -> float | None:
    """Return how many processors' worth of time the control group grants; None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # `max` is not a number
        return None


def _quota_memory(cgroup: Path) -> int | None:
    """Return what the control group has left; its page cache can be had back and does not count as used."""
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = dict(line.split() for line in (cgroup / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(0, int(limit) - int(used.get("anon", 0)))


def _system_memory() -> int | None:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    total = _sysctl("hw.memsize")
    return total // 2 if total else None


def _linux_cores(allowed: set[int]) -> int | None:
    """Count the distinct (package, core) pairs of the allowed CPUs."""
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            cores.add(((topology / "physical_package_id").read_text(), (topology / "core_id").read_text()))
        except OSError:
            return None
    return len(cores)


def _sysctl(name: str) -> int | None:
    """Read a number from macOS's sysctl."""
    if platform.system() != "Darwin":
        return None
    found = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)  # noqa: S603 (a constant path and our own names)
    return int(found.stdout) if found.returncode == 0 and found.stdout.strip().isdigit() else None

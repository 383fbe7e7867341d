"""What this machine offers: physical cores and memory. Standard library only; None where it cannot be known."""

import os
import platform
import subprocess
from pathlib import Path


def physical_cores() -> int:
    """Return the cores that this process may use, hyper-threads and efficiency cores left out where that is known."""
    allowed = _allowed_cpus()
    counted = _linux_cores(allowed) or _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu")
    return max(1, min(counted or len(allowed), len(allowed)))


def available_memory() -> int | None:
    """Return the bytes of memory that can be had without swapping."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    total = _sysctl("hw.memsize")
    return total // 2 if total else None


def _allowed_cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


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

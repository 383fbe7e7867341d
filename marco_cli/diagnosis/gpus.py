"""Which GPUs the operating system knows of, whatever llama.cpp was built for."""

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_DRIVER = Path("/proc/driver/nvidia/gpus")
_PATIENCE = 10  # seconds; nvidia-smi hangs when the driver does


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU that llama.cpp can be built for."""

    maker: Literal["NVIDIA", "Apple"]
    name: str


def gpus_seen() -> tuple[Gpu, ...]:
    """Ask the driver's own tool, else read what the kernel says; every Apple chip of today has a GPU."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return (Gpu(maker="Apple", name=f"Apple {platform.machine()}"),)
    return tuple(Gpu(maker="NVIDIA", name=name) for name in _listed_by_driver() or _listed_by_kernel())


def names_listed(text: str) -> tuple[str, ...]:
    """Read the output of `nvidia-smi -L`: `GPU 0: NVIDIA H200 (UUID: GPU-…)`."""
    return tuple(re.findall(r"^GPU \d+: (.+?)(?: \(UUID: .*\))?$", text, re.MULTILINE))


def _listed_by_driver() -> tuple[str, ...]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603 (found on the path by its name)
    except (OSError, subprocess.TimeoutExpired):  # a broken driver: what the kernel says is all there is
        return ()
    return names_listed(listed.stdout) if listed.returncode == 0 else ()


def _listed_by_kernel() -> tuple[str, ...]:
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted(_DRIVER.glob("*/information")))
    return tuple(name for text in texts for name in re.findall(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE))

"""Checks of the machine: versions, what llama.cpp was built for, memory, threads, disk, terminal."""

import codecs
import math
import os
import platform
import shutil
from importlib import metadata
from typing import TYPE_CHECKING, Final

from marco_cli import __version__
from marco_cli.diagnosis.case import Case
from marco_cli.diagnosis.finding import Figure, Finding, broken, ok, warn
from marco_cli.diagnosis.gpus import Gpu, gpus_seen
from marco_cli.engine.hardware import available_memory, cpu_quota, physical_cores
from marco_cli.models import find_installed, store
from marco_cli.models.choice import DEFAULT_MODEL
from marco_cli.models.memory import GIB, gib, memory_estimate, total

if TYPE_CHECKING:
    from marco_cli.engine.llama_library import BuildFacts

LLAMA_SERIES: Final = "0.3.36"
"""The llama-cpp-python that the engine is tested with: its C interface moves with every version."""

REINSTALL: Final = 'pip install --force-reinstall --no-cache-dir "llama-cpp-python>=0.3.36,<0.3.37"'
"""The range is the one of pyproject.toml."""

_FLAGS: Final = {"NVIDIA": "-DGGML_CUDA=on", "Apple": "-DGGML_METAL=on"}
_HOST_DEVICES: Final = ("CPU", "BLAS", "ACCEL")
_PULL_BYTES: Final = 6 * GIB  # Marco-o1 in its usual quantisation, 4.7 GB, and some air
_LEAST_COLUMNS: Final = 40
_USUAL_CONTEXT: Final = 8192
_USUAL_PARALLEL: Final = 16


def versions(_: Case) -> Finding:
    """Check that what marco needs is installed, in a version that it was tested with."""
    found = {name: version_of(name) for name in ("llama-cpp-python", "huggingface-hub")}
    missing = [name for name, version in found.items() if version is None]
    what = f"marco {__version__}, Python {platform.python_version()}"
    figures: dict[str, Figure] = {"marco": __version__, "python": platform.python_version(), **found}
    if missing:
        name = missing[0]
        return broken("versions", f"{what}, {name} is not installed", fix=f"pip install {name}", **figures)
    what = ", ".join((what, *(f"{name} {version}" for name, version in found.items())))
    llama = str(found["llama-cpp-python"])
    if llama.partition("+")[0] != LLAMA_SERIES:
        return warn("versions", f"{what}; tested with llama-cpp-python {LLAMA_SERIES}", fix=REINSTALL, **figures)
    return ok("versions", what, **figures)


def version_of(name: str) -> str | None:
    """Return the version of a package; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def llama_build(_: Case) -> Finding:
    """Check that llama.cpp can be loaded, and that it was built for the GPUs of this machine."""
    try:
        from marco_cli.engine.llama_library import build_facts  # noqa: PLC0415 (may be what is broken)
    except (ImportError, OSError, RuntimeError) as error:  # what llama_cpp raises when its library does not load
        return broken("llama.cpp", f"llama-cpp-python cannot be loaded: {error}", fix=REINSTALL)
    return judge_build(build_facts(), gpus_seen())


def judge_build(facts: "BuildFacts", gpus: tuple[Gpu, ...]) -> Finding:
    """Compare what llama.cpp was built for with the GPUs that are there."""
    seen = ", ".join(gpu.name for gpu in gpus)
    used = [device for device in facts.devices if not device.startswith(_HOST_DEVICES)]
    built_for = [backend for backend in facts.backends if not backend.startswith(_HOST_DEVICES)]
    figures: dict[str, Figure] = {
        "can_offload": facts.can_offload,
        "devices": ", ".join(facts.devices),
        "gpus": seen,
        "system_info": facts.system_info,
    }
    if facts.can_offload:
        return ok("llama.cpp", f"computes on {', '.join(used) or 'a GPU'}", **figures)
    if not gpus:
        return ok("llama.cpp", "computes on the CPU; no GPU is seen", **figures)
    if built_for:
        what = f"built for {built_for[0]}, but finds no device, though there is {seen}"
        fix = "check the driver (nvidia-smi); CUDA_VISIBLE_DEVICES may hide the GPU"
        return warn("llama.cpp", what, fix=fix, **figures)
    maker = gpus[0].maker
    what = f"a CPU-only build on a machine with an {maker} GPU ({seen})"
    return warn("llama.cpp", what, fix=f'CMAKE_ARGS="{_FLAGS[maker]}" {REINSTALL}', **figures)


def memory(case: Case) -> Finding:
    """Compare the memory that the model asks for with what can be had."""
    settings = case.settings
    ctx, parallel = settings.ctx or _USUAL_CONTEXT, settings.parallel or _USUAL_PARALLEL
    wanted = memory_estimate(case.header, ctx=ctx, parallel=parallel, weights=case.located.size).total
    there, all_of_it = available_memory(), total()
    figures: dict[str, Figure] = {"available": there, "total": all_of_it, "wanted": wanted}
    what = f"the model asks for about {gib(wanted)} with {ctx} tokens of context"
    if there is None:
        return ok("memory", f"{what}; how much is free is unknown", **figures)
    room = min(there, all_of_it or there)
    what = f"{what}, {gib(room)} can be had"
    if wanted > room:
        fix = "close other programs, use a smaller --ctx, or a smaller quantisation: marco models pull marco-o1:q2_k"
        return warn("memory", what, fix=fix, **figures)
    return ok("memory", what, **figures)


def threads(case: Case) -> Finding:
    """Check that llama.cpp starts no more threads than there are processors for it."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return judge_threads(case.stated.settings.threads or physical_cores(), allowed=allowed, quota=cpu_quota())


def judge_threads(used: int, *, allowed: int, quota: float | None) -> Finding:
    """Compare the threads that llama.cpp would use with the processors that this process may use."""
    most = min(allowed, math.ceil(quota)) if quota else allowed
    figures: dict[str, Figure] = {"threads": used, "processors": allowed, "quota": quota}
    if used > most:
        what = f"llama.cpp would use {used} threads on {most} processors, which slows each of them down"
        return warn("threads", what, fix=f"marco config set threads {most}", **figures)
    return ok("threads", f"at most {used} on {allowed} processors", **figures)


def disk(case: Case) -> Finding:
    """Check that models can be written where they belong, and that there is room for one."""
    folder = store.directory(case.environ)
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    what = f"{gib(free)} free for models in {folder}"
    elsewhere = "set MARCO_MODELS_DIR to a directory on another disk"
    if not os.access(place, os.W_OK):
        return warn("disk", f"{what}, which cannot be written", fix=elsewhere, free=free, directory=str(folder))
    if free < _PULL_BYTES and find_installed(DEFAULT_MODEL, case.environ) is None:
        fix = f"free some space, or {elsewhere}"
        return warn("disk", f"{what}, too little for Marco-o1", fix=fix, free=free, directory=str(folder))
    return ok("disk", what, free=free, directory=str(folder))


def terminal(case: Case) -> Finding:
    """Check that the terminal can show what models write."""
    seen = case.terminal
    figures: dict[str, Figure] = {
        "stdout_is_tty": seen.stdout_is_tty,
        "stderr_is_tty": seen.stderr_is_tty,
        "colour": seen.is_coloured,
        "encoding": seen.encoding,
        "columns": seen.columns,
    }
    place = "a terminal" if seen.stderr_is_tty else "no terminal"
    colour = "in colour" if seen.is_coloured else "without colour"
    what = f"stderr is {place}, {colour}, {seen.columns} columns, {seen.encoding}"
    if codecs.lookup(seen.encoding).name != "utf-8":
        return warn("terminal", f"{what}: not every answer can be shown", fix="set PYTHONUTF8=1", **figures)
    if seen.stderr_is_tty and seen.columns < _LEAST_COLUMNS:
        return warn("terminal", what, fix=f"make it {_LEAST_COLUMNS} columns wide or more", **figures)
    return ok("terminal", what, **figures)

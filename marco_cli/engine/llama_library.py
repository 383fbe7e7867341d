"""The llama.cpp library as a whole: setting it up, what it says while it works, and what it was built for.

No model is loaded here. llama.cpp logs through a callback into a ring buffer: nothing is printed, and code that fails to
load something asks `reason` for the lines that say why. Where llama.cpp would abort the process with a trace of its stack,
it ends with one line of ours.
"""

import contextlib
import ctypes
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as llama
import llama_cpp._ggml as ggml

from marco_cli.errors import EngineError

_LOG_WARN = 3
_LOG_ERROR = 4
_GPU = 1  # of ggml_backend_dev_type
_INTEGRATED_GPU = 2

_log_lines: deque[tuple[int, str]] = deque(maxlen=200)
"""Warnings and errors of llama.cpp, with their level."""


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes | None, _user_data: object) -> None:
    if level in {_LOG_WARN, _LOG_ERROR} and text:
        _log_lines.append((level, " ".join(text.decode("utf-8", errors="replace").split())))


@ctypes.CFUNCTYPE(None, ctypes.c_char_p)  # type: ignore[untyped-decorator]
def _give_up(text: bytes | None) -> None:
    """End the program in our own words: ggml calls this where it would dump a trace of its stack, and then aborts."""
    place, _, claim = " ".join((text or b"").decode("utf-8", errors="replace").split()).partition(": ")
    what = f"{Path(place).name}: {claim}"
    hint = "check the file with `marco models verify`; with a GPU, try --gpu-layers 0"
    os.write(2, f"\nmarco: llama.cpp gave up: {what}\n  hint: {hint}\n".encode())
    # Not `sys.exit`: an exception cannot pass through C code, and ggml aborts as soon as this returns.
    os._exit(EngineError.exit_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What this llama.cpp was compiled for, and what it finds to compute on."""

    can_offload: bool
    """Whether layers can be put on a GPU: one is there, and the build can use it."""
    system_info: str
    """`CPU : AVX2 = 1 | … | CUDA : ARCHS = 900 | …`"""
    devices: tuple[str, ...]
    """Names of what it computes on, e.g. CPU, CUDA0; empty where this cannot be asked for."""

    @property
    def backends(self) -> tuple[str, ...]:
        """Names of the backends that say what they were compiled for, e.g. CPU, CUDA."""
        return tuple(part.split(" : ")[0].strip() for part in self.system_info.split("|") if " : " in part)


def begin() -> None:
    """Set llama.cpp up and let it speak to us alone; done again, it changes nothing."""
    llama.llama_log_set(_log, None)
    with contextlib.suppress(AttributeError):  # a platform on which the library does not hand on this name
        ggml.libggml.ggml_set_abort_callback(_give_up)
    llama.llama_backend_init()


def build_facts() -> BuildFacts:
    """Ask llama.cpp what it was built for; loads no model."""
    begin()
    return BuildFacts(
        can_offload=can_offload(),
        system_info=llama.llama_print_system_info().decode("utf-8", errors="replace").strip(),
        devices=_device_names(),
    )


def can_offload() -> bool:
    """Say whether layers can be put on a GPU."""
    return bool(llama.llama_supports_gpu_offload())


def free_gpu_memory() -> int | None:
    """Return the free bytes of the GPUs that layers go to, all of them together; None where that cannot be known."""
    size = ctypes.POINTER(ctypes.c_size_t)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    found: Counter[int] = Counter()
    try:
        kind = _device_function("type", ctypes.c_int, ctypes.c_void_p)
        memory = _device_function("memory", None, ctypes.c_void_p, size, size)
        for device in _devices():
            memory(device, ctypes.byref(free), ctypes.byref(total))
            found[kind(device)] += free.value
    except AttributeError:
        return None
    # llama.cpp takes an integrated GPU only where there is no other; a device that cannot tell says 0.
    return found[_GPU] or found[_INTEGRATED_GPU] or None


def reason() -> str:
    """Return `: ` and the first error that llama.cpp spoke of since `clear_log`, or else the first warning, or nothing."""
    # The first error is the cause; what follows tells what could not be done because of it.
    for wanted in (_LOG_ERROR, _LOG_WARN):
        for level, line in _log_lines:
            if level == wanted and line:
                return f": {line}"
    return ""


def clear_log() -> None:
    """Forget what llama.cpp said so far: it is not the reason of what fails next."""
    _log_lines.clear()


def _device_names() -> tuple[str, ...]:
    try:
        name = _device_function("name", ctypes.c_char_p, ctypes.c_void_p)
        return tuple(name(device).decode("utf-8", errors="replace") for device in _devices())
    except AttributeError:
        return ()


def _devices() -> Iterator[int]:
    """Yield pointers to what ggml computes on."""
    count = _device_function("count", ctypes.c_size_t)
    get = _device_function("get", ctypes.c_void_p, ctypes.c_size_t)
    return map(get, range(count()))


def _device_function(word: str, result: object, *arguments: object) -> Callable[..., Any]:
    """Return one of ggml's functions on devices, for which llama.cpp's own interface has no word.

    Raises:
        AttributeError: a platform on which that library does not hand on the names of those below it.
    """
    function = getattr(ggml.libggml, f"ggml_backend_dev_{word}")
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]

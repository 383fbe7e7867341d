"""How much memory there is, how much a model needs, and which quantisation fits.

In: a `gguf_header.Header` or file sizes. Out: numbers of bytes and a choice with its reason. Only `total()` and `refuse_excess()` look at
the machine; the rest is arithmetic. It loads no model and knows no llama.cpp.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marco_cli.engine.hardware import available_memory
from marco_cli.errors import ConfigError, ModelNotFoundError
from marco_cli.models.gguf_header import Header

GIB: Final = 1 << 30
_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

PROPOSED: Final = (
    "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "Q8_0",
)  # fmt: skip
"""What is chosen from when the user names none. Sixteen bits double size and time per token for no measurable gain,
and formats outside this list are either not on every hub page or no longer run by llama.cpp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """Bytes that a loaded model takes, by what they are for."""

    weights: int
    kv_cache: int
    compute: int
    outputs: int

    @property
    def total(self) -> int:
        """Return the sum of all parts."""
        return self.weights + self.kv_cache + self.compute + self.outputs


def memory_estimate(
    header: Header, *, ctx: int, parallel: int, weights: int | None = None, batch: int = 512, kv_bytes: float = 2.0
) -> MemoryEstimate:
    """Estimate what a model takes with a context of `ctx` cells and `parallel` sequences decoded at once.

    The `ctx` cells of the KV cache are for all sequences together, so `parallel` adds only rows of logits. Not counted
    are the prefixes that the engine sets aside on a CPU when a search has more than fit: at most half as much again.
    `kv_cache = ctx x kv_values_per_token x kv_bytes`, with 2 bytes a number for f16 and 1.0625 for q8_0; `compute` is
    llama.cpp's scratch for a prompt chunk of `batch` tokens (its n_ubatch), dominated by `batch` rows of logits and
    activations in float32; `outputs` is one float32 row of logits a sequence. `weights` are the bytes of all parts of a
    split model; without them, the header's own tensors count. Fields that the header does not have count as 0.
    """
    vocab, embedding = header.vocab_size or 0, header.embedding_length or 0
    row = vocab + 4 * embedding + 2 * (header.feed_forward_length or 0)
    return MemoryEstimate(
        weights=header.tensor_bytes if weights is None else weights,
        kv_cache=int(ctx * (header.kv_values_per_token or 0) * kv_bytes),
        compute=batch * row * 4,
        outputs=parallel * vocab * 4,
    )


def refuse_excess(header: Header, *, ctx: int | None, batch: int | None, gpu_memory: int = 0) -> None:
    """Refuse a context or a batch for which there is no memory, before anything is allocated.

    None is what the engine chooses. `gpu_memory` are the free bytes of the GPUs, which hold a part.

    Raises:
        ConfigError: it needs more memory than is free.
    """
    memory = available_memory() or total()
    if memory is None:
        return
    room = memory + gpu_memory
    estimate = memory_estimate(header, ctx=ctx or 0, parallel=0, batch=min(batch or 0, ctx or batch or 0))
    for name, value, needed_bytes in (("ctx", ctx, estimate.kv_cache), ("batch", batch, estimate.compute)):
        if value is not None and needed_bytes > room:
            most = max(1, value * room // needed_bytes)
            raise ConfigError(
                f"--{name} {value} needs {gib(needed_bytes)} of memory with this model, {gib(room)} are free",
                hint=f"use a --{name} well below {most}",
            )


def total() -> int | None:
    """Return the bytes of memory that this process may use at most: physical, or its container's; None if unknown."""
    physical = _physical()
    limits = [
        int(text)
        for path in _CGROUP_LIMITS
        if path.is_file() and (text := path.read_text(encoding="ascii").strip()).isdigit()
    ]
    known = [number for number in (physical, *limits) if number]
    return min(known, default=None)


def _physical() -> int | None:
    if sys.platform == "win32":
        return _physical_windows()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # a system that does not name these: unknown is an answer here
        return None


def _physical_windows() -> int | None:
    import ctypes  # noqa: PLC0415 - one platform needs it

    kilobytes = ctypes.c_ulonglong(0)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only
    return kilobytes.value * 1024 if kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)) else None


def needed(size: int) -> int:
    """Return the memory that a model file of `size` bytes asks for: itself, and room for the search.

    The room is 1 GiB + 10 % of the file. For the 7B models of the catalogue that is about twice what 8192 cells of
    KV cache (0.44 GiB) and the scratch of a 512-token chunk (0.33 GiB) take.
    """
    return size + GIB + size // 10


def fits(size: int, memory: int) -> bool:
    """Say whether a model file leaves a fifth of `memory` bytes, at least 1 GiB, to everything else."""
    return needed(size) <= memory - max(memory // 5, GIB)


def choose(sizes: Mapping[str, int], memory: int | None, default: str | None) -> tuple[str, str]:
    """Choose the largest quantisation that leaves a fifth of `memory` bytes, at least 1 GiB, to everything else.

    `sizes` are bytes by quantisation. Returned with the choice is, in a sentence, the reason. Only `PROPOSED` formats are
    chosen. With `memory` unknown the catalogue's default is taken; when nothing fits, the smallest is, and the reason
    says that it may be slow: an estimate never forbids.

    Raises:
        ModelNotFoundError: None of the proposed formats is offered.
    """
    offered = sorted((name for name in sizes if name in PROPOSED), key=lambda name: sizes[name])
    if not offered:
        names = ", ".join(map(str.lower, sizes)) or "nothing"
        raise ModelNotFoundError(
            f"no usual quantisation is offered, only {names}", hint="name one: marco models pull NAME:QUANTISATION"
        )
    if memory is None:
        known = default if default in offered else offered[0]
        return known, "the usual choice; this machine's memory is unknown"
    fitting = [name for name in offered if fits(sizes[name], memory)]
    if not fitting:
        wanted = gib(needed(sizes[offered[0]]))
        return offered[0], f"the smallest; even it asks for {wanted} of {gib(memory)} memory and may be slow"
    size = sizes[fitting[-1]]
    why = f"{gib(size)} and room for the search make {gib(needed(size))}, this machine has {gib(memory)}"
    return fitting[-1], f"the largest that fits: {why}"


def gib(size: int) -> str:
    """Return bytes as text in GiB with one decimal, or in MiB below 0.1 GiB."""
    return f"{size / GIB:.1f} GiB" if size >= GIB // 10 else f"{size / (1 << 20):.1f} MiB"

"""A model on trial: loaded, made to read a text and to compute a few tokens, in a process that may die of it.

    sleep 60 | python -m marco_cli.engine.trial MODEL.gguf

Ends with 0 when all went well, with 5 and `marco: …` on stderr when the model was refused, and with whatever becomes of a
process when llama.cpp dies of the file. `models.admission` starts it for files that nothing vouches for.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from marco_cli.engine.backend import Row
from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions
from marco_cli.errors import EngineError, MarcoError

CELLS = 512
ROWS = 8
_MEMORY = 4 << 30
"""Bytes beside twice the size of the file: llama.cpp may hold its weights a second time in another order."""

_TEXT = "".join(
    chr(code)
    for code in (
        *range(1, 0x800),
        *range(0x800, 0xD800, 0x400),
        *range(0xE000, 0x10000, 0x400),
        *range(0x10000, 0x110000, 0x10000),
    )
)
"""Holds every byte that UTF-8 has: some vocabularies have no token for a byte, and llama.cpp ends when it needs one."""


def attempt(path: Path) -> None:
    """Load a model, tokenise, and compute.

    Raises:
        EngineError: llama.cpp refuses the model, or it computes NaN or infinity.
    """
    model = LlamaModel(path, LlamaOptions(cells=CELLS, gpu_layers=0))
    try:
        ids = model.tokenize(_TEXT, special=True)[:ROWS]
        if not ids:
            raise EngineError(f"{path.name} has a vocabulary that can read no text")
        # A prompt and then a single token: they go through different kernels.
        for rows in (_rows(ids), [Row(token=ids[0], position=len(ids), sequences=(0,), wants_logits=True)]):
            logits = model.decode(rows)
            if logits is None or not np.isfinite(logits).all():
                raise EngineError(
                    f"{path.name} computes values that are not numbers",
                    hint="check the file with `marco models verify`, or take another quantisation",
                )
    finally:
        model.close()


def _rows(ids: tuple[int, ...]) -> list[Row]:
    return [
        Row(token=token, position=position, sequences=(0,), wants_logits=position == len(ids) - 1)
        for position, token in enumerate(ids)
    ]


def limit_memory(path: Path) -> None:
    """Let this process have no more memory than a model of this size can need, where the system can do that."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 (not on Windows)

        limit = 2 * sum(part.stat().st_size for part in _parts(path)) + _MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parts(path: Path) -> Iterator[Path]:
    """Yield the files that may belong to a model: those beside it that are called alike."""
    stem = path.name.partition("-00001-of-")[0]
    return (other for other in path.parent.iterdir() if other == path or other.name.startswith(f"{stem}-0"))


def _end_with_parent() -> None:
    """Wait for the end of standard input, which is the end of the process that holds its other end, and end too."""
    os.read(0, 1)
    os._exit(EngineError.exit_code)


def main() -> None:
    """Try the model whose path is the argument; standard input is a pipe that closes when the trial is no longer wanted."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    path = Path(sys.argv[-1])
    limit_memory(path)
    try:
        attempt(path)
    except MarcoError as error:
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        os.write(2, f"marco: {error.message}{hint}\n".encode(errors="replace"))
        sys.exit(EngineError.exit_code)


if __name__ == "__main__":
    main()

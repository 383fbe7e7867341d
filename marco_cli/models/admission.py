"""Whether a model may be loaded into this process: its header is sound, and it is known or has been tried.

In: a located model. Out: its header, or an `EngineError`. llama.cpp ends its process on some files, and no header tells all of
them. So a file that nothing vouches for is loaded once in a process of its own (`engine.trial`), and what came of it is
remembered under an identity that costs no reading of the whole file. The bundled model and those of the catalogue whose
hash was compared are known.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from marco_cli.config.state import state_directory
from marco_cli.draft import put
from marco_cli.errors import EngineError
from marco_cli.models import catalog, library
from marco_cli.models.gguf_header import Header
from marco_cli.models.soundness import examine

_HASHED: Final = 1 << 20
"""Bytes of each file that its identity is made from, besides what the file system says of it."""
_SECONDS: Final = 60.0
_BYTES_A_SECOND: Final = 20_000_000
"""The slowest disk that a trial waits for, beyond `_SECONDS`."""
_MOST_SECONDS: Final = 1800.0
_LOADS: Final = "loads"
_HINT: Final = "check the file with `marco models verify`, or fetch it again with `marco models pull`"
_CHILD: Final = "import sys; sys.path.append(sys.argv[1]); from marco_cli.engine.trial import main; main()"


def admit(model: library.LocatedModel, environ: Mapping[str, str]) -> Header:
    """Return the header of a model that may be loaded.

    Raises:
        ModelNotFoundError, StorageError: a file is not there, or cannot be read.
        EngineError: a file is damaged, or llama.cpp refused it or died of it on trial.
    """
    header = examine(model.files)
    if is_known(model):
        return header
    record = state_directory(environ) / "tried" / f"{identity(model.files)}.json"
    verdict = _remembered(record)
    if verdict is None:
        verdict = _try(model)
        _remember(record, verdict)
    if verdict != _LOADS:
        raise EngineError(verdict, hint=_HINT)
    return header


def is_known(model: library.LocatedModel) -> bool:
    """Tell whether a model needs no trial: the bundled one, and those of the catalogue that are what the hub has."""
    if model.source == "bundled":
        return True
    names = catalog.names()
    return model.evidence == "sha256" and model.name.partition(":")[0] in names and model.source != "path"


def identity(files: Sequence[Path]) -> str:
    """Return what tells files apart without reading them whole: place, size, times, beginning, and llama.cpp's version."""
    digest = hashlib.sha256(version("llama-cpp-python").encode())
    for path in files:
        found = path.stat()
        facts = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        digest.update(repr(facts).encode())
        with path.open("rb") as file:
            digest.update(file.read(_HASHED))
    return digest.hexdigest()


def _remembered(record: Path) -> str | None:
    with suppress(OSError, ValueError):
        said = json.loads(record.read_text(encoding="utf-8"))
        verdict = said.get("verdict") if isinstance(said, dict) else None
        return verdict if isinstance(verdict, str) else None
    return None


def _remember(record: Path, verdict: str) -> None:
    with suppress(OSError):  # then the model is tried again next time
        record.parent.mkdir(parents=True, exist_ok=True)
        put(record, json.dumps({"v": 1, "verdict": verdict}).encode() + b"\n")


def _try(model: library.LocatedModel) -> str:
    """Load a model in a process of its own and return the verdict.

    Raises:
        EngineError: there is no verdict: llama.cpp refused the model in order, or the machine may have been the cause.
    """
    path, seconds = model.path, min(_SECONDS + model.size / _BYTES_A_SECOND, _MOST_SECONDS)
    package = Path(__file__).parents[2]
    command = [sys.executable, "-P", "-c", _CHILD, str(package), str(path)]
    # Never written to: the trial ends when this process has ended, however it did.
    lifeline, ours = os.pipe()
    try:
        done = subprocess.run(  # noqa: S603 - our own code; the path is an argument, never a part of a command
            command, stdin=lifeline, capture_output=True, timeout=seconds, check=False, start_new_session=True
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"{path.name} was not loaded within {seconds:.0f} s on trial", hint=_HINT) from None
    except OSError as error:
        hint = "check the machine's memory"
        raise EngineError(f"{path.name} cannot be tried: {error.strerror}", hint=hint) from error
    finally:
        os.close(lifeline)
        os.close(ours)
    if done.returncode == 0:
        return _LOADS
    if done.returncode == -getattr(signal, "SIGKILL", 9):
        raise EngineError(
            f"{path.name} was ended by the system on trial, most likely for want of memory",
            hint="use a smaller quantisation of the model, or close other programs",
        )
    if done.returncode < 0:
        return (
            f"llama.cpp dies of {path.name} ({_signal_name(-done.returncode)}): the file is damaged or made to do harm"
        )
    raise EngineError(_said(done.stderr) or f"llama.cpp dies of {path.name} (exit code {done.returncode})", hint=_HINT)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _said(stderr: bytes) -> str | None:
    """Return the line in which a trial says why it ended."""
    lines = stderr.decode("utf-8", errors="replace").splitlines()
    said = [line.removeprefix("marco: ") for line in lines if line.startswith("marco: ")]
    return said[-1][:400] if said else None

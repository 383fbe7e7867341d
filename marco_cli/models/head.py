"""The head of a process model, taken out of the files that its makers publish.

In: a safetensors file, or a folder of them. Out: a `Head`. llama.cpp knows no such layers: the rest of the model becomes a GGUF
file, and the head lies beside it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from marco_cli.engine.head import Head, Layer, head_path, write_head
from marco_cli.errors import ConfigError, InputError, StorageError, os_errors_as
from marco_cli.models.safetensors import Stored, list_tensors, read_tensor

_LAYERS: Final = (("score.0", "score.2"), ("v_head.summary",))
"""Names of a head's layers, from the hidden state on: Qwen2.5-Math-PRM, and Skywork-o1-Open-PRM."""
_PARTS: Final = ("weight", "bias")
_MAX_BYTES: Final = 1 << 30
"""Of a tensor; the largest of Qwen2.5-Math-PRM-72B has 134 MB."""


def convert(source: Path, target: Path) -> tuple[Head, Path]:
    """Write the head of a model beside its GGUF file, or to an .npz file; return it, and where it is.

    Raises:
        ConfigError: the target is neither.
        InputError: the source holds no head, or is damaged.
        StorageError: a file cannot be read or written.

    """
    if target.suffix not in (".gguf", ".npz"):
        raise ConfigError(
            f"{target.name} is no place for a head", hint="name the GGUF file, or NAME.head.npz beside it"
        )
    path = head_path(target) if target.suffix == ".gguf" else target
    head = extract(source)
    with os_errors_as(StorageError, f"cannot write {path}", hint="free some space, or name another"):
        write_head(head, path)
    return head, path


def extract(source: Path) -> Head:
    """Return the head that a safetensors file, or a folder of them, holds.

    Raises:
        InputError: there is none, or a file is damaged.
        StorageError: a file cannot be read.

    """
    tensors: dict[str, Stored] = {}
    for path in _files(source):
        tensors.update(list_tensors(path))
    for layers in _LAYERS:
        names = [f"{layer}.{part}" for layer in layers for part in _PARTS]
        missing = [name for name in names if name not in tensors]
        if not missing:
            return _head(source, layers, tensors)
        if len(missing) < len(names):
            raise InputError(f"{source} lacks {missing[0]} of its head", hint="is a part of the model missing?")
    known = " or ".join(f"{layers[0]}.weight" for layers in _LAYERS)
    raise InputError(
        f"{source} holds no head: none of its {len(tensors)} tensors is {known}",
        hint="known are the heads of Qwen2.5-Math-PRM and Skywork-o1-Open-PRM",
    )


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    found = sorted(source.glob("*.safetensors"))
    if not found:
        pickles = next(source.glob("*.bin"), None)
        hint = "name the folder that the model was fetched to"
        if pickles is not None:
            hint = f"{pickles.name} is a pickle, which can run code: save it as safetensors with torch first"
        raise InputError(f"{source} holds no .safetensors file", hint=hint)
    return found


def _head(source: Path, layers: tuple[str, ...], tensors: Mapping[str, Stored]) -> Head:
    wanted = [[tensors[f"{layer}.{part}"] for part in _PARTS] for layer in layers]
    if any(stored.num_bytes > _MAX_BYTES for pair in wanted for stored in pair):
        raise InputError(f"{source} has a head larger than {_MAX_BYTES >> 20} MiB a tensor")
    try:
        read = [[read_tensor(stored) for stored in pair] for pair in wanted]
        return Head(layers=tuple(Layer(weight=weight, bias=bias) for weight, bias in read))
    except ValueError as error:
        raise InputError(f"{source} has a head that cannot be used: {error}") from error

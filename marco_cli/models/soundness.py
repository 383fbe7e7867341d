"""What llama.cpp dies of, found in a model's header before it is loaded.

In: the files of a model. Out: its header, or an `EngineError`. llama.cpp refuses most damage with an error of its own; here
is what it takes for granted (its `GGML_ASSERT`s, `llama_model_base::load_hparams` above all) or what would cost memory
without end. What no header tells is found by `admission`, which has unknown files loaded in a process of their own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from marco_cli.errors import EngineError
from marco_cli.models.gguf_file import FETCH_AGAIN
from marco_cli.models.gguf_header import Contents, Header, read_contents

_MOST: Final = (1 << 31) - 1

# Key below the architecture's name -> (least, most) of each number that stands there.
_LIMITS: Final = {
    "context_length": (1, _MOST),
    "embedding_length": (1, 1 << 20),
    "block_count": (1, 512),
    "feed_forward_length": (0, 1 << 24),
    "attention.head_count": (0, 1 << 16),
    "attention.head_count_kv": (0, 1 << 16),
    "attention.key_length": (1, 1 << 16),
    "attention.value_length": (1, 1 << 16),
    "rope.dimension_count": (0, 1 << 16),
    "expert_count": (0, 1024),
    "expert_used_count": (0, 1024),
    "expert_group_count": (0, 1024),
    "vocab_size": (0, 1 << 24),
}
_ROPE_SCALINGS: Final = frozenset({"none", "linear", "yarn", "longrope"})
_NO_VOCABULARY: Final = frozenset({"none", "no_vocab"})

_NO_WEIGHTS: Final = {9: "Q8_1", 15: "Q8_K", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64"}
"""Types of ggml that no weight can have: llama.cpp looks up how to multiply them, finds nothing, and jumps there."""
_TABLES: Final = ("tid2eid",)
"""Words in the names of tensors that hold whole numbers and are looked up, never multiplied."""


def examine(files: Sequence[Path]) -> Header:
    """Check all files of a model and return the header of the first.

    Raises:
        ModelNotFoundError, StorageError: as `gguf_header.read`.
        EngineError: a file is damaged, or llama.cpp would die of it.
    """
    contents = [read_contents(path) for path in files]
    for path, content in zip(files, contents, strict=True):
        _refuse(path, _wrong_type(content))
    first = contents[0]
    _refuse(files[0], _wrong_split(first, len(files)) or _wrong_number(first) or _wrong_vocabulary(first))
    return first.header


def _refuse(path: Path, what: str | None) -> None:
    if what is not None:
        raise EngineError(f"{path.name} cannot be loaded: {what}", hint=FETCH_AGAIN)


def _wrong_type(content: Contents) -> str | None:
    for tensor in content.tensors:
        name = _NO_WEIGHTS.get(tensor.type_id)
        if name is not None and not any(word in tensor.name for word in _TABLES):
            return f"tensor {tensor.name[:80]!r} is of type {name}, which no weight can have"
        if tensor.weights == 0:
            return f"tensor {tensor.name[:80]!r} is empty"
    return None


def _wrong_split(content: Contents, num_files: int) -> str | None:
    stated = content.header.split_count
    if stated != num_files:
        return f"it says that it is one of {stated} files, and {num_files} can be found by its name"
    return None


def _wrong_number(content: Contents) -> str | None:
    metadata, architecture = content.metadata, content.header.architecture
    for key, (least, most) in _LIMITS.items():
        full = f"{architecture}.{key}"
        value = metadata.values.get(full)
        stated = value if isinstance(value, tuple) else (value,)
        wrong = next((item for item in stated if type(item) is int and not least <= item <= most), None)
        if wrong is not None:
            return f"{full} is {wrong}, expected {least} to {most}"
    experts = metadata.number(f"{architecture}.expert_count") or 0
    used = metadata.number(f"{architecture}.expert_used_count") or 0
    if used > experts or (experts and not used):
        return f"it has {experts} experts and uses {used} of them"
    heads, kv_heads = content.header.num_heads, content.header.num_kv_heads
    if heads == 0:
        return f"{architecture}.attention.head_count is 0"
    if heads and kv_heads and kv_heads > heads:
        return f"it has {kv_heads} heads for keys and values, more than its {heads} heads"
    scaling = metadata.text(f"{architecture}.rope.scaling.type")
    if scaling is not None and scaling not in _ROPE_SCALINGS:
        return (
            f"{architecture}.rope.scaling.type is {scaling[:80]!r}, expected one of {', '.join(sorted(_ROPE_SCALINGS))}"
        )
    return None


def _wrong_vocabulary(content: Contents) -> str | None:
    kind = content.metadata.text("tokenizer.ggml.model")
    if kind in _NO_VOCABULARY:
        return "it has no vocabulary, so it can read no text"
    return None

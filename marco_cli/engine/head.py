"""The head of a process model: layers that read a hidden state, in place of the matrix that turns it into words.

In: a head file, which lies beside the model's GGUF, and hidden states. Out: logits of two labels, bad and good. The file is
numpy's archive of arrays without pickles: `weight_0` [m, h] and `bias_0` [m] of the first layer, `weight_1` and `bias_1` of the
second, in 32-bit floats. Between two layers is a ReLU. The last layer has two rows, bad and good, or one: the log-odds of good.
"""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from marco_cli.draft import put
from marco_cli.errors import EngineError, quoted

Floats = NDArray[np.float32]
NUM_LABELS: Final = 2
"""What a model with a head answers with: bad and good; see `HEAD_PROBES`."""
_MAX_LAYERS: Final = 2
_MAX_BYTES: Final = 1 << 30
"""Of all layers; those of Qwen2.5-Math-PRM-72B have 269 MB."""
_MAX_SAID: Final = 160
"""Characters of what a library says of a damaged file, which may hold parts of it."""
_HINT: Final = "make it again with `marco models head`"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A linear layer."""

    weight: Floats
    """[m, h]"""
    bias: Floats
    """[m]"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """The layers of a head; each takes what the one before it gives.

    Raises:
        ValueError: the layers do not fit together, or hold what is not a number.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be multiplied."""
        if not 1 <= len(self.layers) <= _MAX_LAYERS:
            raise ValueError(f"it has {len(self.layers)} layers, expected 1 or {_MAX_LAYERS}")
        size = None
        for layer in self.layers:
            shape, rows = layer.weight.shape, layer.bias.shape
            if len(shape) != 2 or rows != shape[:1] or size not in (None, shape[1]):
                raise ValueError(f"a layer of shape {quoted(shape)} with a bias of {quoted(rows)} does not fit there")
            if not (np.isfinite(layer.weight).all() and np.isfinite(layer.bias).all()):
                raise ValueError("it holds values that are not numbers")
            size = shape[0]
        if size not in (1, NUM_LABELS):
            raise ValueError(f"it gives {size} values, expected 1 or {NUM_LABELS}")

    @property
    def width(self) -> int:
        """Length of the hidden states that it reads."""
        return int(self.layers[0].weight.shape[1])

    @property
    def num_outputs(self) -> int:
        """Rows of the last layer: 2 for bad and good, 1 for the log-odds of good."""
        return len(self.layers[-1].weight)

    def logits(self, hidden: Floats) -> Floats:
        """Return the logits [n, 2] of bad and good for hidden states [n, h]."""
        *inner, last = self.layers
        values = hidden
        for layer in inner:
            values = np.maximum(values @ layer.weight.T + layer.bias, 0)
        values = values @ last.weight.T + last.bias
        return values if self.num_outputs == NUM_LABELS else np.concatenate([np.zeros_like(values), values], axis=1)


def head_path(model: Path) -> Path:
    """Return where the head of a model lies, if it has one: `prm.gguf` has `prm.head.npz` beside it."""
    return model.with_name(f"{model.stem}.head.npz")


def write_head(head: Head, path: Path) -> None:
    """Write a head file; errors of the operating system pass through."""
    data = io.BytesIO()
    arrays = {f"{kind}_{at}": getattr(layer, kind) for at, layer in enumerate(head.layers) for kind in _KINDS}
    np.savez(data, allow_pickle=False, **arrays)
    put(path, data.getvalue())


def read_head(path: Path) -> Head:
    """Read a head file.

    Raises:
        EngineError: it is damaged, or no head.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return Head(layers=tuple(_layers(archive)))
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise EngineError(f"{path.name} is not a usable head: {_why(error)}", hint=_HINT) from error


def _layers(archive: zipfile.ZipFile) -> Iterator[Layer]:
    entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    if sum(entry.file_size for entry in entries.values()) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES >> 20} MiB")
    num_layers = sum(name.startswith("weight_") for name in entries)
    pairs = [[f"{kind}_{at}" for kind in _KINDS] for at in range(num_layers)]
    if entries.keys() != {name for pair in pairs for name in pair}:
        raise ValueError(f"it holds {quoted(', '.join(sorted(entries)))}, expected weight_0, bias_0 and so on")
    for pair in pairs:
        weight, bias = (_array(archive.read(entries[name])) for name in pair)
        yield Layer(weight=weight, bias=bias)


def _array(data: bytes) -> Floats:
    """Read one array of 32-bit floats, of which nothing is believed before it is compared with the bytes that are there."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, is_by_columns, kind = read(file)
    except (SyntaxError, TypeError, tokenize.TokenError) as error:  # numpy parses what it says as Python
        raise ValueError("the header of an array cannot be read") from error
    rest = data[file.tell() :]
    shape = tuple(map(int, shape))  # numpy takes True for a number, and then does not
    if kind != np.dtype("<f4") or (is_by_columns and len(shape) > 1) or math.prod(shape) * kind.itemsize != len(rest):
        raise ValueError(
            f"an array of {kind} with shape {quoted(shape)} in {len(rest)} bytes, expected float32 by rows"
        )
    return np.frombuffer(rest, dtype=np.float32).reshape(shape)


def _why(error: Exception) -> str:
    said = str(getattr(error, "strerror", None) or error).splitlines()
    return said[0][:_MAX_SAID] if said else type(error).__name__


_KINDS: Final = ("weight", "bias")

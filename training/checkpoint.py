"""Weights and sizes on disk, replaced at once so that a reader never sees half a file."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training.model import Nano, Shape
from training.tokenizer import Tokenizer


def save(network: Nano, path: Path) -> None:
    """Write weights and shape."""
    partial = path.with_suffix(".partial")
    torch.save({"shape": asdict(network.shape), "weights": network.state_dict()}, partial)
    partial.replace(path)


def revocabulate(network: Nano, old: Sequence[str], new: Tokenizer) -> Nano:
    """Return the network for another vocabulary: rows move with their piece, a new piece starts as the mean of its parts."""
    rows = dict(zip(old, network.embedding.weight.detach(), strict=True))
    for left, right in new.merges:
        if left + right not in rows:
            rows[left + right] = (rows[left] + rows[right]) / 2
    result = Nano(replace(network.shape, vocabulary=len(new.pieces)))
    weights = network.state_dict()
    weights["embedding.weight"] = torch.stack([rows[piece] for piece in new.pieces])
    result.load_state_dict(weights)
    return result


def load(path: Path) -> Nano:
    """Read what `save` wrote, onto the CPU."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    network = Nano(Shape(**state["shape"]))
    network.load_state_dict(state["weights"])
    return network

"""Weights and sizes on disk, replaced at once so that a reader never sees half a file."""

from dataclasses import asdict
from pathlib import Path

import torch

from training.model import Nano, Shape


def save(network: Nano, path: Path) -> None:
    """Write weights and shape."""
    partial = path.with_suffix(".partial")
    torch.save({"shape": asdict(network.shape), "weights": network.state_dict()}, partial)
    partial.replace(path)


def load(path: Path) -> Nano:
    """Read what `save` wrote, onto the CPU."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    network = Nano(Shape(**state["shape"]))
    network.load_state_dict(state["weights"])
    return network

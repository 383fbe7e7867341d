"""Samples of similar length become padded batches, reshuffled each epoch, one document a row from position 0."""

import random
from collections.abc import Iterator

import torch
from torch import Tensor

from training.corpus import Sample

LENGTHS = (80, 128, 176, 240, 320, 416, 544)  # padded row lengths, one compiled graph each; longer samples are left out
ROWS_MULTIPLE = 4
NO_LOSS = -100


def batches(samples: list[Sample], tokens: int, pad: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs [B, T] and targets of about `tokens` padded tokens, for ever."""
    rng = random.Random(seed)
    buckets: dict[int, list[Sample]] = {length: [] for length in LENGTHS}
    for sample in samples:
        fits = [length for length in LENGTHS if len(sample.ids) <= length]
        if fits:
            buckets[fits[0]].append(sample)
    while True:
        plan: list[tuple[int, list[Sample]]] = []
        for length, bucket in buckets.items():
            rows = max(ROWS_MULTIPLE, tokens // length // ROWS_MULTIPLE * ROWS_MULTIPLE)
            rng.shuffle(bucket)
            full = len(bucket) // rows * rows
            plan += [(length, bucket[start : start + rows]) for start in range(0, full, rows)]
        rng.shuffle(plan)
        for length, batch in plan:
            yield tensors(batch, length, pad)


def tensors(rows: list[Sample], length: int, pad: int) -> tuple[Tensor, Tensor]:
    """Pad rows to `length` and shift the targets by one."""
    ids = torch.full((len(rows), length), pad)
    targets = torch.full((len(rows), length), NO_LOSS)
    for row, sample in enumerate(rows):
        line = torch.from_numpy(sample.ids).long()
        ids[row, : len(line)] = line
        targets[row, : len(line) - 1] = torch.where(torch.from_numpy(sample.learnt[1:]), line[1:], NO_LOSS)
    return ids, targets

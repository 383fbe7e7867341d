"""Make a process model of marco-nano: the same network, which says ` +` or ` -` after each step of a reply.

    marco eval jsonl --data problems.jsonl -m marco-nano --strategy best-of-n@8+corrects=false+certainty=1 --step line --traces traces.jsonl
    marco traces export -F prm --from traces.jsonl -o rows.jsonl
    python -m training.process rows.jsonl build/nano-prm.gguf --minutes 11
    marco ask -m marco-nano --prm build/nano-prm.gguf:math-shepherd "…"

The problems are drawn by `training.problems.mixture.draw`. The text is that of the format `math-shepherd`, as a search shows it. What a
step is worth is the share of right replies through it, and the loss is the cross-entropy of the two words at the mark behind it. One
problem of ten is kept back: the weights that are best on those are written.
"""

import argparse
import copy
import json
import random
import time
from pathlib import Path
from typing import NamedTuple

import gguf
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from marco_cli.reward.process.shepherd import write
from marco_cli.sections import MARCO
from marco_cli.sections.format import any_mark
from training.export import export, tensor_name
from training.model import Nano, Shape
from training.tokenizer import Tokenizer

BATCH, RATE, EVERY = 16, 1e-3, 30
"""Rows a step, the peak learning rate, and steps between two looks at the problems kept back."""


class Row(NamedTuple):
    """A reply: ids, the positions of the marks, and what the steps before them are worth."""

    ids: list[int]
    marks: list[int]
    values: list[float]


def read_network(path: Path) -> tuple[Nano, Tokenizer]:
    """Read what `training.export` wrote."""
    reader = gguf.GGUFReader(path)

    def number(key: str) -> int:
        return int(reader.fields[f"qwen2.{key}"].contents())

    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    shape = Shape(
        vocabulary=len(tokens),
        width=number("embedding_length"),
        layers=number("block_count"),
        heads=number("attention.head_count"),
        kv_heads=number("attention.head_count_kv"),
        feed_forward=number("feed_forward_length"),
        context=number("context_length"),
    )
    network = Nano(shape)
    tensors = {tensor.name: tensor.data for tensor in reader.tensors}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(np.array(tensors[tensor_name(name)], dtype=np.float32)))
    return network, Tokenizer(merges)


def read_rows(path: Path, tokenizer: Tokenizer) -> tuple[list[Row], list[Row]]:
    """Return the rows to learn from and those of the problems kept back."""
    tags = any_mark(MARCO)
    learnt: list[Row] = []
    kept: list[Row] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        source = json.loads(line)
        said = [tags.sub("", text).strip() for text in source["completions"]]
        pairs = [(text, value) for text, value in zip(said, source["values"], strict=True) if text]
        texts = [
            write(source["trace"]["question"], [text for text, _ in pairs[:end]]).text
            for end in range(1, len(pairs) + 1)
        ]
        row = Row(
            tokenizer.encode(texts[-1]),
            [len(tokenizer.encode(text)) - 1 for text in texts],
            [value for _, value in pairs],
        )
        if len(row.ids) <= 1024:
            (kept if sum(source["trace"]["item"].encode()) % 10 == 0 else learnt).append(row)
    return learnt, kept


def loss_of(network: Nano, rows: list[Row], words: list[int]) -> Tensor:
    """Return the mean cross-entropy over all steps, in nats."""
    length = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [0] * (length - len(row.ids)) for row in rows])
    at = torch.tensor([(number, mark) for number, row in enumerate(rows) for mark in row.marks])
    values = torch.tensor([value for row in rows for value in row.values])
    logits = network(ids)[at[:, 0], at[:, 1]][:, words]
    return functional.binary_cross_entropy_with_logits(logits[:, 0] - logits[:, 1], values)


def mean_loss(network: Nano, rows: list[Row], words: list[int]) -> float:
    """Return the cross-entropy over rows that nothing is learnt from, in nats."""
    with torch.no_grad():
        losses = [float(loss_of(network, rows[at : at + BATCH], words)) for at in range(0, len(rows), BATCH)]
    return float(np.mean(losses))


def train(network: Nano, learnt: list[Row], kept: list[Row], words: list[int], seconds: float) -> Nano:
    """Return the weights that are best on the rows kept back. A batch is of rows of about the same length."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    rng = random.Random(0)
    learnt, kept = (sorted(rows, key=lambda row: len(row.ids)) for rows in (learnt, kept))
    best, best_loss, begun, step = copy.deepcopy(network), mean_loss(network, kept, words), time.monotonic(), 0
    print(f"kept back {best_loss:.3f} before", flush=True)
    is_over = False
    while not is_over:
        share = (time.monotonic() - begun) / seconds
        is_over = share >= 1
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / 10) * max(0.02, 1 - share)
        first = rng.randrange(max(1, len(learnt) - BATCH))
        loss = loss_of(network, learnt[first : first + BATCH], words)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % EVERY == 0 or is_over:
            now = mean_loss(network, kept, words)
            print(
                f"step {step}, {time.monotonic() - begun:.0f} s: loss {loss.item():.3f}, kept back {now:.3f}",
                flush=True,
            )
            if now < best_loss:
                best, best_loss = copy.deepcopy(network), now
    return best


def main() -> None:
    """Read the command line, train and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="rows of `marco traces export -F prm`")
    parser.add_argument("gguf", type=Path, help="where the process model goes")
    parser.add_argument("--model", type=Path, default=Path("marco_cli/nano/marco-nano.gguf"))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    network, tokenizer = read_network(options.model)
    learnt, kept = read_rows(options.rows, tokenizer)
    values = [value for row in learnt for value in row.values]
    print(
        f"{len(learnt)} replies to learn from, {len(kept)} kept back; mean worth of a step {np.mean(values):.3f}",
        flush=True,
    )
    words = [tokenizer.encode(word)[0] for word in (" +", " -")]
    options.gguf.parent.mkdir(parents=True, exist_ok=True)
    export(train(network, learnt, kept, words, 60 * options.minutes), tokenizer, options.gguf)
    print(f"{options.gguf}: {options.gguf.stat().st_size} bytes")


if __name__ == "__main__":
    main()

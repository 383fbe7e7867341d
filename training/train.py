"""Train marco-nano: tokenizer, corpus, batches by length, Muon and AdamW, checkpoints.

    python -m training.train --minutes 35 --out build/nano

The budget is wall-clock time after the corpus is written. The rates warm up, stay flat for a share of the
budget, then fall linearly to 2 %.
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.batches import NO_LOSS, batches
from training.checkpoint import save
from training.corpus import Sample, build, learn_tokenizer
from training.model import Nano, Shape
from training.muon import Muon
from training.tokenizer import Tokenizer

LOG_EVERY, SAVE_EVERY = 15, 120  # seconds


class Optimisers(NamedTuple):
    """Muon for the matrices, AdamW for embedding, norms and biases, with their full rates."""

    muon: Muon
    muon_rate: float
    adam: torch.optim.AdamW
    adam_rate: float

    def step(self, factor: float) -> None:
        """Update all weights at `factor` times the full rates."""
        self.muon.step(self.muon_rate * factor)
        self.adam.param_groups[0]["lr"] = self.adam_rate * factor
        self.adam.step()


def schedule(step: int, share: float, warm_up: int, flat: float) -> float:
    """Return the factor on the learning rates at a step and a share of the budget spent."""
    return min(1.0, (step + 1) / warm_up) * min(1.0, max(0.02, 1 - 0.98 * (share - flat) / (1 - flat)))


def prepare(options: argparse.Namespace) -> tuple[Tokenizer, list[Sample]]:
    """Learn (or read) the tokenizer and write the corpus, in memory."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "tokenizer.json"
    if not path.exists():
        learn_tokenizer(options.seed).save(path)
    tokenizer = Tokenizer.load(path)
    return tokenizer, build(options.seed, options.samples, tokenizer, options.workers)


def optimisers(network: Nano, options: argparse.Namespace, kind: torch.dtype) -> Optimisers:
    """Split the parameters between the two optimisers."""
    matrices = [p for p in network.blocks.parameters() if p.ndim == 2]
    known = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in known]
    adam = torch.optim.AdamW(rest, lr=options.rate, betas=(0.9, 0.95), weight_decay=0.0)
    return Optimisers(Muon(matrices, kind, options.decay), options.muon_rate, adam, options.rate)


def learn(network: Nano, ids: Tensor, targets: Tensor, kind: torch.dtype) -> float:
    """Add one batch's gradient, clipped to norm one, and return its loss."""
    with torch.autocast(ids.device.type, kind, enabled=kind != torch.float32):
        logits = network(ids)
    loss = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NO_LOSS)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    return float(loss.item())


def train(options: argparse.Namespace) -> None:
    """Run the whole recipe up to the final checkpoint `out/nano.pt`."""
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.bfloat16 if options.bfloat16 or device == "cuda" else torch.float32
    tokenizer, samples = prepare(options)
    network = Nano(Shape(vocabulary=len(tokenizer.pieces))).to(device)
    print(f"{len(samples)} samples, {sum(len(s.ids) for s in samples)} tokens; "
          f"{sum(p.numel() for p in network.parameters())} parameters on {device} in {kind}", flush=True)  # fmt: skip
    both = optimisers(network, options, kind)
    if options.compile:
        for block in network.blocks:
            block.compile(dynamic=False)
    feed = batches(samples, options.tokens, tokenizer.end_of_text, options.seed)
    start = saved = logged = time.monotonic()
    total, seen, average, step = options.minutes * 60, 0, math.nan, 0
    while (spent := time.monotonic() - start) < total:
        ids, targets = (tensor.to(device) for tensor in next(feed))
        factor = schedule(step, spent / total, options.warm_up, options.flat)
        loss = learn(network, ids, targets, kind)
        both.step(factor)
        network.zero_grad(set_to_none=True)
        seen, step = seen + ids.numel(), step + 1
        average = loss if math.isnan(average) else 0.98 * average + 0.02 * loss
        if time.monotonic() - logged > LOG_EVERY:
            logged = time.monotonic()
            print(
                f"{spent / 60:6.1f} min  step {step}  loss {average:.4f}  {seen / 1e6:.2f} M tokens  x{factor:.3f}",
                flush=True,
            )
        if time.monotonic() - saved > SAVE_EVERY:
            saved = time.monotonic()
            save(network, options.out / "nano.pt")
    save(network, options.out / "nano.pt")
    print(f"done: {step} steps, {seen} tokens, loss {average:.4f}", flush=True)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/nano"))
    parser.add_argument("--minutes", type=float, default=35.0)
    parser.add_argument("--warm-up", type=int, default=50, help="steps")
    parser.add_argument("--flat", type=float, default=0.3, help="share of the budget at full rates")
    parser.add_argument("--samples", type=int, default=80_000)
    parser.add_argument("--tokens", type=int, default=3_072, help="padded tokens per batch")
    parser.add_argument("--seed", type=int, default=20_260)
    parser.add_argument("--workers", type=int, default=2, help="processes that write the corpus; no effect on it")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="needs a C++ compiler")
    parser.add_argument(
        "--bfloat16", action="store_true", help="for CPUs with avx512_bf16 or amx; thirty times slower on others"
    )
    parser.add_argument("--rate", type=float, default=3e-3, help="AdamW's learning rate")
    parser.add_argument("--muon-rate", type=float, default=0.01)
    parser.add_argument("--decay", type=float, default=0.3, help="weight decay of the matrices, times the rate")
    train(parser.parse_args())


if __name__ == "__main__":
    main()

"""Hold what `marco doctor` expects of a model against what the model does.

    python benchmarks/expected_speed.py --weights 0.49e9 qwen2.5-0.5b-instruct-q4_k_m.gguf
    python benchmarks/expected_speed.py --random                    # a whole 0.6B of random K-quants, written for it

Both are timed with one thread and by the processor time that they take, so that other programs hardly matter; they take turns.
`--weights` is the number of weights that a token is multiplied with: all but the embedding, and the output.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from marco_cli.diagnosis.sample_model import Shape, write_sample
from marco_cli.diagnosis.throughput import measure_throughput
from marco_cli.engine.backend import Row
from marco_cli.engine.llamacpp import LlamaModel, LlamaOptions

OPTIONS = LlamaOptions(cells=512, threads=1)
QWEN3_06B = Shape(layers=28, width=1024, feed_forward=3072, heads=16, kv_heads=8, vocab=151_936)
STEPS = 12
WARM_UP = 2


def expected(weights: float) -> float:
    """Return the tokens a second that doctor would say."""
    return measure_throughput(lambda path: LlamaModel(path, OPTIONS), time.process_time).fastest / weights


def measured(path: Path) -> float:
    """Return the tokens a second of a model."""
    model = LlamaModel(path, OPTIONS)
    times = []
    for position in range(STEPS):
        began = time.process_time()
        model.decode([Row(token=position + 1, position=position, sequences=(0,), wants_logits=True)])
        times.append(time.process_time() - began)
    model.close()
    return 1 / min(times[WARM_UP:])


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--weights", type=float, default=0.0)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, weights = options.model, options.weights
        if options.random:
            path = Path(folder) / "random.gguf"
            weights = write_sample(path, QWEN3_06B)
        pairs = [(expected(weights), measured(path)) for _ in range(options.repeats)]
    for hope, fact in pairs:
        print(f"expected {hope:.1f}, measured {fact:.1f} tokens/s: {fact / hope:.2f}")
    print(f"median {statistics.median(fact / hope for hope, fact in pairs):.2f}")


if __name__ == "__main__":
    main()

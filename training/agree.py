"""Check that PyTorch and llama.cpp give the same greedy tokens on held-out prompts; exit 1 when one differs.

python -m training.agree build/nano marco_cli/nano/marco-nano.gguf marco_cli/nano/heldout.jsonl
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from training.checkpoint import load
from training.llama import Llama
from training.model import Nano
from training.tokenizer import Tokenizer


@torch.no_grad()
def would_write(network: Nano, prompt: list[int], answer: list[int]) -> bool:
    """Tell whether PyTorch's greedy decoding gives `answer`: each token is the arg max after those before it."""
    logits = network(torch.tensor([prompt + answer]))[0]
    return bool((logits[len(prompt) - 1 : -1].argmax(-1) == torch.tensor(answer)).all())


def chatml(tokenizer: Tokenizer, question: str) -> list[int]:
    """Write the prompt with the recipe's own tokenizer."""
    encode = tokenizer.encode
    user = [tokenizer.im_start, *encode(f"user\n{question}"), tokenizer.im_end, *encode("\n")]
    return [*user, tokenizer.im_start, *encode("assistant\n")]


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder with nano.pt and tokenizer.json")
    parser.add_argument("gguf", type=Path)
    parser.add_argument("problems", type=Path)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    tokenizer, network = Tokenizer.load(options.run / "tokenizer.json"), load(options.run / "nano.pt").eval()
    model = Llama(options.gguf)
    lines = options.problems.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    chosen = questions[:: max(1, len(questions) // options.count)][: options.count]
    prompts_agree = sum(chatml(tokenizer, question) == model.prompt(question) for question in questions)
    agreeing = 0
    for question in chosen:
        prompt = chatml(tokenizer, question)
        agreeing += would_write(network, prompt, model.generate(prompt))
    model.close()
    print(f"same prompt tokens: {prompts_agree}/{len(questions)}; same greedy tokens: {agreeing}/{len(chosen)}")
    sys.exit(agreeing < len(chosen) or prompts_agree < len(questions))


if __name__ == "__main__":
    main()

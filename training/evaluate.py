"""Measure an exported model through llama.cpp on held-out problems.

python -m training.evaluate marco_cli/nano/marco-nano.gguf marco_cli/nano/heldout.jsonl [--samples 8]
python -m training.evaluate marco_cli/nano/marco-nano.gguf training/refusals.jsonl
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

from training.llama import Llama

FORMAT = re.compile(r"<Thought>\n(?:[^\n]+\n)+</Thought>\n<Output>\n([^\n]+)\n</Output><\|im_end\|>")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
COMMAND = "marco models pull marco-o1"


def answer_of(reply: str) -> str | None:
    """Return the answer of a well-formed reply: the command for a refusal, else the last number of the Output."""
    match = FORMAT.fullmatch(reply)
    if match is None:
        return None
    if COMMAND in match[1]:
        return COMMAND
    numbers = NUMBER.findall(match[1])
    return numbers[-1] if numbers else None


Tally = dict[tuple[str, str], Counter[bool]]


def tally(rows: list[dict[str, str | int]], verdicts: list[bool]) -> Tally:
    """Count right and wrong by family, language, difficulty, phrasing, and over all."""
    table: Tally = defaultdict(Counter)
    for row, right in zip(rows, verdicts, strict=True):
        family = str(row["family"])
        for group in ("all", f"phrasing {row['phrasing']}"):
            table["all", group][right] += 1
        for group in ("all", f"phrasing {row['phrasing']}", f"difficulty {row['difficulty']}", f"lang {row['lang']}"):
            table[family, group][right] += 1
    return table


def report(table: Tally) -> str:
    """Write the tally as aligned lines."""
    lines = []
    for (family, group), counts in sorted(table.items()):
        total = counts[True] + counts[False]
        lines.append(f"{family:<14} {group:<20} {counts[True]:>4}/{total:<4} {100 * counts[True] / total:5.1f} %")
    return "\n".join(lines)


def sampled(model: Llama, rows: list[dict[str, str | int]], count: int, temperature: float) -> str:
    """Sample `count` replies a problem: how often one is right, the majority is right, any is right."""
    single = majority = anyone = 0
    for number, row in enumerate(rows):
        prompt = model.prompt(str(row["question"]))
        answers = [
            answer_of(model.decode(model.generate(prompt, temperature, number * 1000 + k))) for k in range(count)
        ]
        votes = Counter(answer for answer in answers if answer is not None)
        single += sum(answer == row["answer"] for answer in answers)
        majority += bool(votes) and votes.most_common(1)[0][0] == row["answer"]
        anyone += row["answer"] in answers
    total = len(rows)
    return (
        f"{total} problems, {count} samples at T={temperature}: single {100 * single / total / count:.1f} %, "
        f"majority {100 * majority / total:.1f} %, any {100 * anyone / total:.1f} %"
    )


def main() -> None:
    """Read the command line, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("problems", type=Path)
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--every", type=int, default=1, help="use only each n-th problem")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--system", default=None, help="a system prompt")
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong replies")
    options = parser.parse_args()
    lines = options.problems.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(text) for text in lines][:: options.every]
    model = Llama(options.gguf, options.threads)
    replies = [model.decode(model.generate(model.prompt(row["question"], options.system))) for row in rows]
    verdicts = [answer_of(reply) == (row["answer"] or COMMAND) for row, reply in zip(rows, replies, strict=True)]
    for row, reply in [
        pair for pair, right in zip(zip(rows, replies, strict=True), verdicts, strict=True) if not right
    ][: options.wrong]:
        print(f"--- {row['id']} wants {row['answer']}: {row['question']}\n{reply}")
    print(f"well-formed: {sum(FORMAT.fullmatch(reply) is not None for reply in replies)}/{len(replies)}")
    print(report(tally(rows, verdicts)))
    if options.samples:
        print(sampled(model, rows, options.samples, options.temperature))
    model.close()


if __name__ == "__main__":
    main()

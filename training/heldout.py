"""Draw the held-out problems: parameters from the split's other side, 60 % in seen and 40 % in held-out phrasings.

python -m training.heldout marco_cli/nano/heldout.jsonl training/refusals.jsonl
"""

import argparse
import json
import random
from pathlib import Path

from training.problems.base import Problem
from training.problems.mixture import draw

COUNTS = {
    "chain_en": 100,
    "story_en": 70,
    "chain_zh": 55,
    "story_zh": 45,
    "expression": 150,
    "letter_count": 140,
    "compare": 40,
}


def draw_row(row: str, count: int, seed: int) -> list[Problem]:
    """Draw `count` different problems of one row of the mixture."""
    rng = random.Random(seed)
    found: dict[tuple[str, bool], Problem] = {}
    while len(found) < count:
        problem = draw(rng, row, held_out=True, held_phrasing=len(found) % 5 >= 3)
        name = problem.question if problem.answer is None else problem.key
        found.setdefault((name, False), problem)
    return list(found.values())


def line(problem: Problem, number: int) -> str:
    """Write one problem as a JSON line."""
    fields = {
        "id": f"{problem.family}-{number:03d}", "family": problem.family, "difficulty": problem.difficulty,
        "lang": problem.lang, "question": problem.question, "answer": problem.answer,
        "phrasing": "held-out" if problem.held_out_phrasing else "seen",
    }  # fmt: skip
    return json.dumps(fields, ensure_ascii=False) + "\n"


def heldout(seed: int) -> list[Problem]:
    """Draw the whole held-out set, without refusals."""
    return [problem for row, count in COUNTS.items() for problem in draw_row(row, count, seed)]


def write(problems: list[Problem], path: Path) -> None:
    """Write problems with ids counted per family."""
    numbers: dict[str, int] = {}
    lines = []
    for problem in problems:
        numbers[problem.family] = numbers.get(problem.family, 0) + 1
        lines.append(line(problem, numbers[problem.family]))
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Read the command line and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", type=Path)
    parser.add_argument("refusals", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    write(heldout(options.seed), options.problems)
    write(draw_row("refusal", 60, options.seed), options.refusals)


if __name__ == "__main__":
    main()

"""What every problem family gives: a question, the exact answer, and ways of writing the solution down.

A family draws numbers and words from a `random.Random` and returns a `Problem`. Nothing here knows the tokenizer,
the chat format or the split; `Problem.key` is what the split hashes.
"""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Lang = Literal["en", "zh"]

CLOSING = {"en": "So the answer is {}.", "zh": "所以答案是{}。"}
OUTPUT = {"en": "The answer is {}.", "zh": "答案是{}。"}


class Pen:
    """Checks every number that a solution writes; on request one of them comes out wrong and the rest follows from it."""

    def __init__(self, rng: random.Random, slip_at: int | None = None) -> None:
        self.rng = rng
        self.slip_at = slip_at
        self.count = 0

    def note(self, value: int) -> int:
        """Return `value`, or a plausible wrong number when this is the operation to slip at."""
        self.count += 1
        if self.count - 1 != self.slip_at:
            return value
        nearby = [-10, -2, -1, 1, 2, 10] if value >= 20 else [-2, -1, 1, 2]
        return max(0, value + self.rng.choice(nearby)) if value > 0 else value + 1


Solution = tuple[tuple[str, ...], str]
"""Lines of thought without the closing line, and the answer they arrive at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question with its exact answer.

    `solve` writes one solution: same random state and same pen give the same lines. `answer` is None for a refusal,
    whose `reply` replaces the usual output line.
    """

    family: str
    lang: Lang
    difficulty: int
    question: str
    answer: str | None
    key: str
    held_out_phrasing: bool
    solve: Callable[[random.Random, Pen], Solution]
    reply: str | None = None

    @property
    def held_out(self) -> bool:
        """Tell whether the parameters belong to the held-out twelfth, which no training sample may use.

        Refusals have no parameters; they are held out by phrasing alone.
        """
        return self.answer is not None and held_out(self.key)


def held_out(key: str) -> bool:
    """Tell whether `key` falls into the held-out twelfth of all parameters."""
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16) % 12 == 0


def correct_solution(problem: Problem, rng: random.Random) -> Solution:
    """Write a right solution in one of the family's styles."""
    return problem.solve(rng, Pen(rng))


def wrong_solution(problem: Problem, rng: random.Random) -> Solution | None:
    """Write a solution with one slip whose answer is wrong; None when the slip happened to cancel out."""
    seed = rng.random()
    trial = Pen(random.Random(0))
    problem.solve(random.Random(seed), trial)
    if trial.count == 0:
        return None
    slip_at = rng.randrange(trial.count)
    lines, answer = problem.solve(random.Random(seed), Pen(random.Random(seed), slip_at))
    return None if answer == problem.answer else (lines, answer)

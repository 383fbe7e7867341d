"""Math-Shepherd (arXiv 2312.08935): the question and all steps as one text, each step ended by ` ки`.

What follows the mark is `+` or `-`; the score is P(+) of the two, as the card of peiyi9979/math-shepherd-mistral-7b-prm reads it.
"""

from collections.abc import Sequence

from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Passage


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return the text up to the mark behind the last step."""
    marked = "\n".join(f"Step {number}: {step} ки" for number, step in enumerate(steps, 1))
    return Passage(text=f"{question} {marked}", good=" +", bad=" -")


FORMAT = StepFormat(write=write, family=r"shepherd")

"""ThinkPRM (arXiv 2504.16828): the model writes a critique of all steps, and then its verdict; the score is P(Yes) of Yes and No.

The prompt is that of the card of launch/ThinkPRM-1.5B. One critique is about all steps so far, so a finished reply costs one.
"""

from collections.abc import Sequence

from marco_cli.prompt.base import Message, Piece
from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Critique, Passage

_PROMPT = """\
You are given a math problem and a proposed step-by-step solution:

[Math Problem]
{question}

[Solution]
{steps}

Review and critique each step in the proposed solution to determine whether each step is correct. \
If the solution is incomplete, only verify the provided steps
"""
_VERDICT = "Is the solution correct?"
_MAX_TOKENS = 1024


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return the question with all steps, and how the critique begins."""
    numbered = "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, 1))
    content = _PROMPT.replace("{steps}", numbered, 1).replace("{question}", question, 1)
    return Passage(
        turns=(Message(role="user", content=content),),
        opening=(Piece(text="\nLet's verify step by step:", is_control=False),),
        good=" Yes",
        bad=" No",
        critique=Critique(max_tokens=_MAX_TOKENS, until=_VERDICT),
    )


FORMAT = StepFormat(write=write, family=r"think-?prm", is_whole=True)

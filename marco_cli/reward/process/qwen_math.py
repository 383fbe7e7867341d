"""Qwen2.5-Math-PRM (arXiv 2501.07301): a mark behind each step of the reply, at which the model's own head gives P(good).

Prompt and mark are those of the card of Qwen/Qwen2.5-Math-PRM-7B. The head is Linear, ReLU, Linear to bad and good, and softmax.
"""

from collections.abc import Sequence

from marco_cli.prompt.base import Message, Piece
from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Passage

_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
_MARK = "<extra_0>"


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return the dialogue up to the mark behind the last step."""
    turns = (Message(role="system", content=_SYSTEM), Message(role="user", content=question))
    mark = Piece(text=_MARK, is_control=True)
    opening = tuple(piece for step in steps for piece in (Piece(text=step, is_control=False), mark))
    return Passage(turns=turns, opening=opening, mark=_MARK)


FORMAT = StepFormat(write=write, family=r"math-?(7b-|72b-)?prm", num_outputs=2)

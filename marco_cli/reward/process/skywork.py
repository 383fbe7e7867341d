"""Skywork-o1-Open-PRM: a line a step, at whose end the model's own head gives the log-odds of being right.

Tokenised as github.com/SkyworkAI/skywork-o1-prm-inference does (`prepare_input`): the question, each line and each line end by
itself. The head is Linear to one number, and the logistic function.
"""

from collections.abc import Sequence

from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Passage

_END = "\n"


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return the text up to the end of the last line of the last step."""
    lines = [line for step in steps for line in step.split(_END) if line]
    return Passage(parts=(question + _END, *(part for line in lines for part in (line, _END))), mark=_END)


FORMAT = StepFormat(write=write, family=r"skywork.*prm", num_outputs=1)

"""RLHFlow (github.com/RLHFlow/RLHF-Reward-Modeling, math-rm): a dialogue in which each step is a turn, answered by `+` or `-`.

The question stands before the first step. Earlier steps are answered by `+`, whatever they are worth; the score is P(+) of the two
where the model's turn begins.
"""

from collections.abc import Sequence

from marco_cli.prompt.base import Message
from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Passage


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return the dialogue up to the model's answer to the last step."""
    said = [f"{question} {steps[0]}", *steps[1:]]
    turns = [Message(role="user", content=said[0])]
    for step in said[1:]:
        turns += [Message(role="assistant", content="+"), Message(role="user", content=step)]
    return Passage(turns=tuple(turns), good="+", bad="-")


FORMAT = StepFormat(write=write, family=r"rlhflow|prm-(mistral|deepseek)-data")

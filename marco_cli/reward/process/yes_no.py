"""A plain question to any model: is the reasoning right so far? The score is P(yes) of yes and no."""

from collections.abc import Sequence

from marco_cli.answer.language import is_chinese
from marco_cli.prompt.base import Message
from marco_cli.reward.process.base import StepFormat
from marco_cli.reward.verdict import Passage

_ASK = "Is the reasoning right so far? Answer Yes or No."
_ASK_ZH = "到目前为止推理正确吗?回答是或否。"


def write(question: str, steps: Sequence[str]) -> Passage:
    """Return question, steps and what is asked, in the language of the question."""
    ask, good, bad = (_ASK_ZH, "是", "否") if is_chinese(question) else (_ASK, "Yes", "No")
    reasoning = "\n".join(steps)
    content = f"{question}\n\n{reasoning}\n\n{ask}"
    return Passage(turns=(Message(role="user", content=content),), good=good, bad=bad)


FORMAT = StepFormat(write=write, family="")

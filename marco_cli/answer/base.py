"""What an answer is, and when two answers are one.

An `Answer` is a value: its kind, its spelling, what it means, where it stands and which rule found it. Two answers are one
when they have the same `key`, which is made once and can be hashed: the vote, the scorers and the traces compare nothing else.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "number", "choice", "yes_no", "time", "tuple", "set", "interval", "matrix", "expression", "equation", "text"
]
Rule = Literal["tagged", "boxed", "prefix", "last_number", "last_formula", "phrase"]
AnswerKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it stands in `output[span[0]:span[1]]`.

    `canonical` is its spelling without dress, for people and for rows; `rule` says how it was found.
    """

    text: str
    canonical: str
    kind: Kind
    rule: Rule
    span: tuple[int, int]
    meaning: str = ""
    """What equal answers share where their spelling differs (mathematics); empty when the spelling says it all."""

    @property
    def key(self) -> AnswerKey:
        """What equal answers have in common, and different ones have not."""
        return self.kind, self.meaning or self.canonical

    @property
    def shown(self) -> str:
        """What people are shown: a text as it was written, since its canonical spelling has no letter case."""
        return self.text if self.kind == "text" else self.canonical


def equal(a: Answer, b: Answer) -> bool:
    """Say whether two answers are the same one, however they are written and were found."""
    return a.key == b.key

"""Which of several replies to an open question is the best, as a model judges.

In: a question and replies. Out: a worth in [0, 1] for each. Everything is asked in both orders and the log-odds of the two are
subtracted (pairwise) or averaged (pointwise), so that a liking for a position or for a word cancels. Nothing is sampled.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Final

from marco_cli.concurrency import together
from marco_cli.engine.base import Usage
from marco_cli.prompt.base import Message
from marco_cli.reward.verdict import Examiner, Passage, Verdict, probability

MANNERS: Final = MappingProxyType(
    {"pairwise": "which of two replies is better", "pointwise": "whether a reply is good, each by itself"}
)
"""Word behind a judge's name → what it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What replies are worth, in their order, and what it cost to find out."""

    values: tuple[float, ...]
    """In [0, 1]; 1/2 for a reply about which the model says nothing."""
    usage: Usage


class Judge:
    """A model that compares replies."""

    def __init__(self, examiner: Examiner, *, manner: str = "pairwise") -> None:
        """Take a manner of `MANNERS`."""
        self._examiner = examiner
        self._is_pairwise = manner == "pairwise"

    async def judge(self, question: str, replies: Sequence[str]) -> Judgement:
        """Return what the replies are worth: pairwise, the mean probability to be better than another one."""
        if self._is_pairwise:
            pairs = list(combinations(range(len(replies)), 2))
            passages = [
                comparison(question, replies[first], replies[second])
                for one, other in pairs
                for first, second in ((one, other), (other, one))
            ]
            verdicts = await together([self._examiner.verdict(passage) for passage in passages])
            wins: list[list[float]] = [[] for _ in replies]
            for (one, other), (there, back) in zip(pairs, _by_twos(verdicts), strict=True):
                if there is not None and back is not None:
                    better = probability((there.log_odds - back.log_odds) / 2)
                    wins[one].append(better)
                    wins[other].append(1 - better)
        else:
            passages = [opinion(question, reply, yes_first=first) for reply in replies for first in (True, False)]
            verdicts = await together([self._examiner.verdict(passage) for passage in passages])
            wins = [
                [probability((one.log_odds + other.log_odds) / 2)] if one is not None and other is not None else []
                for one, other in _by_twos(verdicts)
            ]
        usage = sum((verdict.usage for verdict in verdicts if verdict is not None), Usage())
        return Judgement(values=tuple(statistics.fmean(each) if each else 0.5 for each in wins), usage=usage)


def comparison(question: str, first: str, second: str) -> Passage:
    """Return the question whether the first reply is better than the second."""
    content = (
        f"{question}\n\nReply A:\n{first}\n\nReply B:\n{second}\n\n"
        "Which of the two replies is better? Answer with one letter, A or B."
    )
    return Passage(turns=(Message(role="user", content=content),), good="A", bad="B")


def opinion(question: str, reply: str, *, yes_first: bool) -> Passage:
    """Return the question whether a reply is good; which of the two words is named first is up to the caller."""
    words = "Yes or No" if yes_first else "No or Yes"
    content = f"{question}\n\nReply:\n{reply}\n\nIs this a good reply? Answer {words}."
    return Passage(turns=(Message(role="user", content=content),), good="Yes", bad="No")


def _by_twos(verdicts: Sequence[Verdict | None]) -> list[tuple[Verdict | None, Verdict | None]]:
    return list(zip(verdicts[::2], verdicts[1::2], strict=True))

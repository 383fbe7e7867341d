"""How far an answer may be trusted, in one line and from one number.

In: a `SearchResult` and the confidence from which on a chain of the model stands. Out: a `Trust`, or None where nothing is
known. The number is the leader's share of the vote: on marco-nano it tells right from wrong better than the certainty, and is
close to the share of such answers that are right (benchmarks/README.md, "Trust"). A chain alone has no vote; its mean confidence
is held against the threshold that was measured for its model, if one was.
"""

from dataclasses import dataclass
from typing import Final, Literal

from marco_cli.search.base import Reply, SearchResult
from marco_cli.view.printable import printable
from marco_cli.view.snapshot import answer_text
from marco_cli.view.summary import failure, outcome

Level = Literal["sure", "fairly sure", "not sure"]

SURE: Final = 0.8
"""Share of the vote from which on 90 % of 87 answers of marco-nano were right."""
FAIRLY_SURE: Final = 0.5
"""From here to `SURE` 68 % of 66 were, below it 38 % of 47."""

_MOST_LINES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A level, and what it rests on."""

    level: Level
    share: float | None = None
    """The leader's share of the vote, in [0, 1]; None for a chain alone, and for one that its looks agree with."""
    num_agreeing: int = 0
    """Replies that all gave the same answer; 0 if there is another answer."""
    runner_up: str | None = None
    why: str = ""
    """What is wrong with the reply, whatever the vote says."""

    @property
    def text(self) -> str:
        """Return it in words: "sure", "fairly sure: 72 % of the vote, next 19", "not sure: it broke off"."""
        if self.why:
            return f"{self.level}: {self.why}"
        if self.level == "sure" or self.share is None:
            return self.level
        if self.num_agreeing:
            return f"{self.level}: {'both' if self.num_agreeing == 2 else f'all {self.num_agreeing}'} replies agree"
        rest = "" if round(100 * self.share) == 100 else f", next {self.runner_up}"
        return f"{self.level}: {100 * self.share:.0f} % of the vote{rest}"


def trust(result: SearchResult, *, doubt_below: float | None) -> Trust | None:
    """Return how far the answer may be trusted; None without an answer to be right or wrong, or a measurement."""
    reply = result.reply
    if not reply.output or reply.answer is None or result.is_open_ended:
        return None
    if why := _fault(reply):
        return Trust(level="not sure", why=why)
    if len(result.candidates) < 2 or not result.votes:
        return None if doubt_below is None else Trust(level=_level_alone(result.confidence, doubt_below))
    share, num = result.votes[0].weight, len(result.votes[0].candidate_ids)
    if doubt_below is None and share >= FAIRLY_SURE > num / len(result.candidates):
        # What gives the lead its weight is not that replies agree: the others have slips, or one reply wins by itself.
        return Trust(
            level="not sure", why=f"{num} of {len(result.candidates)} replies {'says' if num == 1 else 'say'} so"
        )
    # The shares were measured on marco-nano; of a model that was not measured, they say less.
    is_sure = share >= SURE and doubt_below is not None
    level: Level = "sure" if is_sure else "fairly sure" if share >= FAIRLY_SURE else "not sure"
    if result.first is not None and not result.is_searched and not result.is_changed:
        return Trust(level=level)  # how many agree is told beside it
    next_best = result.candidates[result.votes[1].candidate_ids[0]] if result.votes[1:] else None
    return Trust(
        level=level,
        share=share,
        num_agreeing=0 if next_best else num,
        runner_up=None if next_best is None else answer_text(next_best),
    )


def verdict(result: SearchResult, *, doubt_below: float | None, is_verbose: bool) -> list[str]:
    """Return how far to trust the answer and what the user should know, at most two lines unless `is_verbose`."""
    found = trust(result, doubt_below=doubt_below)
    told = "; ".join(
        part for part in (_judged(result.reply) or ("" if found is None else found.text), outcome(result)) if part
    )
    notices = [printable(notice) for notice in result.notices]
    lines = ([told] if told else []) + notices
    if is_verbose or len(lines) <= _MOST_LINES:
        return lines
    return [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1]} ({len(lines) - _MOST_LINES} more: -v)"]


def _judged(reply: Reply) -> str:
    """Say what the checks found: "✓ verified", "✗ refuted: off by one", "unknown: no check could judge it"; "" without checks."""
    judged = reply.verdict
    if judged is None:
        return ""
    what = {"right": "✓ verified", "wrong": "✗ refuted", "unknown": "unknown: no check could judge it"}[
        judged.judgement
    ]
    return f"{what}: {printable(judged.why)}" if judged.why else what


def _level_alone(confidence: float, doubt_below: float) -> Level:
    """Say how far a chain is trusted without a vote.

    Of marco-nano's chains 25 % were right below its threshold, about half from there to the middle between it and 1, and 89 %
    above.
    """
    if confidence < doubt_below:
        return "not sure"
    return "sure" if confidence >= (1 + doubt_below) / 2 else "fairly sure"


def _fault(reply: Reply) -> str:
    """Say what is wrong with a reply that wins all the same."""
    if failed := failure(reply):
        return f"the reply {failed}"
    if not reply.signals.is_plausible:
        return "its answer is a negative amount"
    return "" if reply.signals.is_sound else "its arithmetic is false"

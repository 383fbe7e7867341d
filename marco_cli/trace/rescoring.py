"""What a search would have answered under another reward, another vote, or other checks.

In: a trace. Out: its candidates rated anew, from the signals that are kept with them. Nothing is generated, and the tree stays as it is:
which way the search went is the old reward's doing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from marco_cli.check.base import Submission, Verifier
from marco_cli.check.panel import Checks
from marco_cli.reward import REWARDS
from marco_cli.search import VOTES
from marco_cli.search.ballot import rerate
from marco_cli.search.base import Candidate, Reply, Vote
from marco_cli.search.config import check_name
from marco_cli.trace.record import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """The candidates of a trace under a reward and a vote."""

    reward: str
    vote: str
    candidates: tuple[Candidate, ...]
    votes: tuple[Vote, ...]
    certainty: float

    @property
    def leader(self) -> Candidate | None:
        """The reply that would have been given; None when no reply had an output."""
        return self.candidates[self.votes[0].candidate_ids[0]] if self.votes else None


async def checked(trace: Trace, texts: Sequence[str]) -> Trace:
    """Return the trace with its candidates judged by these checks, as `KIND:ARG`.

    Raises:
        ConfigError: one of the checks cannot be used.
    """
    checks = Checks()
    panel = checks.panel(texts)
    if panel is None:
        return trace
    try:
        judged = [replace(each, reply=await _judged(trace, each, panel)) for each in trace.candidates]
    finally:
        await checks.close()
    return replace(trace, result=replace(trace.result, candidates=tuple(judged)))


async def _judged(trace: Trace, candidate: Candidate, verifier: Verifier) -> Reply:
    reply = candidate.reply
    submission = Submission(
        question=trace.question,
        output=reply.output,
        thought=reply.thought,
        answer=reply.answer,
        tests=trace.problem.tests,
        number=candidate.id,
    )
    return replace(reply, verdict=await verifier.check(submission))


def rescore(trace: Trace, *, reward: str | None = None, vote: str | None = None) -> Rescored:
    """Rate the candidates anew; None leaves reward or vote as it was.

    Raises:
        ConfigError: there is no reward, or no vote, of that name.
    """
    chosen = reward or trace.config.reward_name
    rule = vote or trace.config.vote_name
    for kind, name, table in (("reward", chosen, REWARDS), ("vote", rule, VOTES)):
        check_name(kind, name, table)
    candidates, votes, certainty = rerate(trace.candidates, reward=chosen, vote=rule)
    return Rescored(reward=chosen, vote=rule, candidates=candidates, votes=votes, certainty=certainty)

"""The candidates of a search: what each is worth next to the others, and how the vote on them stands.

In: finished replies with an output. Out: rewards in [0, 1], votes, certainty. Nothing is generated here, so any reward and any
vote can be tried on candidates that exist already (`rerate`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from marco_cli.answer import AnswerKey
from marco_cli.reward import REWARDS
from marco_cli.reward.population import Evidence, Population
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Reply, Vote
from marco_cli.search.choice import choose
from marco_cli.search.vote import VoteRule, certainty, probability_ahead

_FEWEST_CANDIDATES = 3
"""Finished replies before which no leader is certain, but for words and a program that agree."""
AGREED = 0.8
"""Certainty that is enough for the looks of a search: a chain and a program that agree come to 0.875, three replies of four to
0.8125, two of three to 0.69."""
_LOW_STANDING = 0.37
"""Half a standard deviation below the mean: about the lowest 30 %."""


class Ballot:
    """The candidates of one search."""

    def __init__(
        self, *, reward: str, vote: str, certainty: float = 1.0, looks: int = 0, doubt_below: float | None = None
    ) -> None:
        """Begin without candidates.

        Args:
            reward: a key of `REWARDS`.
            vote: a key of `VOTES`.
            certainty: posterior probability of the leader from which on the vote is certain; at 1 it never is.
            looks: replies after the first for which `AGREED` is certain enough.
            doubt_below: mean confidence below which a reply is doubtful; None judges it by the others.
        """
        self.candidates: list[Candidate] = []
        """In the order of their ids, each as it was when it came."""
        self._wanted_certainty = certainty
        self._num_looks = looks
        self._doubt_below = doubt_below
        self._population = Population()
        self._reward: Callable[[Evidence], float] = load(REWARDS[reward])
        self._rule: VoteRule = load(VOTES[vote])
        self._evidence: dict[AnswerKey, float] = {}

    def add(self, candidate: Candidate) -> None:
        """Add a candidate, whose id is the number of those before it."""
        reply = candidate.reply
        self.candidates.append(candidate)
        self._population.add(reply.signals, reply.answer, weight=candidate.weight)
        if reply.answer is not None:
            key = reply.answer.key
            self._evidence[key] = self._evidence.get(key, 0.0) + candidate.evidence

    def repeat(self, candidate_id: int) -> None:
        """Note that the very same reply came up once more."""
        candidate = self.candidates[candidate_id]
        self.candidates[candidate_id] = replace(candidate, repeats=candidate.repeats + 1)

    def judge(self, asked: Sequence[Candidate], worths: Sequence[float]) -> None:
        """Note what a judge says of some candidates."""
        for candidate, worth in zip(asked, worths, strict=True):
            self.candidates[candidate.id] = replace(candidate, judged=worth)

    def rated(self, candidate: Candidate) -> Candidate:
        """Return a candidate with its agreement and its reward as things stand, which is what a judge says of it if one was asked."""
        agreement = self._population.share(candidate.reply.answer)
        earned = self.value(candidate.reply) if candidate.judged is None else candidate.judged
        return replace(candidate, agreement=agreement, reward=earned)

    def value(self, reply: Reply) -> float:
        """Return the reward of a reply as things stand, in [0, 1]; half when it is not whole, 0 without an output.

        Where a check has judged, what it says is the reward.
        """
        if not reply.output:
            return 0.0
        checked = None if reply.verdict is None else reply.verdict.value
        if checked is not None:
            return checked
        earned = self._reward(Evidence(signals=reply.signals, answer=reply.answer, population=self._population))
        return min(1.0, max(0.0, earned if reply.is_whole else 0.5 * earned))

    def votes(self) -> tuple[Vote, ...]:
        """Return the votes as things stand, leader first: a pass over all candidates."""
        return choose([self.rated(candidate) for candidate in self.candidates], self._rule)

    def certainty(self, votes: Sequence[Vote]) -> float:
        """Return the posterior probability that the leader of these votes stays ahead, in [0, 1]."""
        return certainty(votes, self.candidates)

    @property
    def is_certain(self) -> bool:
        """Whether the leader's posterior reaches the wanted certainty."""
        if self._wanted_certainty >= 1 or not self._has_witnesses:
            return False
        are_looks = len(self.candidates) <= 1 + self._num_looks
        wanted = min(self._wanted_certainty, AGREED) if are_looks else self._wanted_certainty
        # The two answers with the most evidence bound the posterior, which costs no pass over the candidates.
        totals = sorted(self._evidence.values(), reverse=True)[:2]
        if not totals or probability_ahead(totals[0], totals[1] if totals[1:] else 0.0) < wanted:
            return False
        return self.certainty(self.votes()) >= wanted

    @property
    def _has_witnesses(self) -> bool:
        """Whether there are enough replies to be certain: with a program among them, two are."""
        are_programs = {candidate.reply.is_program for candidate in self.candidates}
        return len(self.candidates) >= _FEWEST_CANDIDATES or (self._num_looks > 0 and len(are_programs) > 1)

    def is_doubtful(self, reply: Reply) -> bool:
        """Say whether a reply's confidence is low: below the model's threshold, or well below its like."""
        if self._doubt_below is not None:
            return reply.signals.confidence < self._doubt_below
        return self._population.standing(reply.signals.confidence) < _LOW_STANDING


def rerate(
    candidates: Sequence[Candidate], *, reward: str, vote: str
) -> tuple[tuple[Candidate, ...], tuple[Vote, ...], float]:
    """Return all candidates of a search with new rewards, the votes on them, leader first, and the certainty of the leader.

    `reward` is a key of `REWARDS`, `vote` one of `VOTES`.
    """
    ballot = Ballot(reward=reward, vote=vote)
    for candidate in candidates:
        ballot.add(candidate)
    votes = ballot.votes()
    return tuple(map(ballot.rated, ballot.candidates)), votes, ballot.certainty(votes)

"""The candidates of a search: what each is worth next to the others, and how the vote on them stands.

In: finished replies with an output. Out: rewards in [0, 1], votes, certainty. Nothing is generated here.
"""

from collections.abc import Sequence
from dataclasses import replace

from marco_cli.answer import AnswerKey
from marco_cli.reward import REWARDS
from marco_cli.reward.population import Population
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Reply, Vote
from marco_cli.search.choice import choose
from marco_cli.search.config import SearchConfig
from marco_cli.search.rating import Reward, rated, value
from marco_cli.search.vote import VoteRule, certainty, probability_ahead

_FEWEST_CANDIDATES = 3
"""Finished replies before which no leader is certain."""
_LOW_STANDING = 0.37
"""Half a standard deviation below the mean: about the lowest 30 %."""


class Ballot:
    """The candidates of one search."""

    def __init__(self, config: SearchConfig) -> None:
        self.candidates: list[Candidate] = []
        """In the order of their ids, each as it was when it came."""
        self._config = config
        self._population = Population()
        self._reward: Reward = load(REWARDS[config.reward_name])
        self._rule: VoteRule = load(VOTES[config.vote_name])
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
        """Return a candidate with its reward as things stand."""
        return rated(candidate, self._reward, self._population)

    def value(self, reply: Reply) -> float:
        """Return the reward of a reply as things stand, in [0, 1]; half when it is not whole, 0 without an output."""
        return value(reply, self._reward, self._population)

    def votes(self) -> tuple[Vote, ...]:
        """Return the votes as things stand, leader first: a pass over all candidates."""
        return choose([self.rated(candidate) for candidate in self.candidates], self._rule)

    def certainty(self, votes: Sequence[Vote]) -> float:
        """Return the posterior probability that the leader of these votes stays ahead, in [0, 1]."""
        return certainty(votes, self.candidates)

    @property
    def is_certain(self) -> bool:
        """Whether the leader's posterior reaches the wanted certainty."""
        if self._config.certainty >= 1 or len(self.candidates) < _FEWEST_CANDIDATES:
            return False
        # The two answers with the most evidence bound the posterior, which costs no pass over the candidates.
        totals = sorted(self._evidence.values(), reverse=True)[:2]
        if not totals or probability_ahead(totals[0], totals[1] if totals[1:] else 0.0) < self._config.certainty:
            return False
        return self.certainty(self.votes()) >= self._config.certainty

    def is_doubtful(self, reply: Reply) -> bool:
        """Say whether a reply's confidence is low: below the model's threshold, or well below its like."""
        threshold = self._config.doubt_below
        if threshold is not None:
            return reply.signals.confidence < threshold
        return self._population.standing(reply.signals.confidence) < _LOW_STANDING

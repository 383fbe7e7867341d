"""What a search tells while it runs: events for a listener, and notices for the user.

In: what has happened. Out: calls of the listener, on the event loop, and `notices`. Without a listener no event costs anything.
"""

from marco_cli.search.ballot import Ballot
from marco_cli.search.base import Candidate, Problem, StopReason
from marco_cli.search.budget import Budget
from marco_cli.search.config import SearchConfig
from marco_cli.search.events import (
    CandidateFound,
    EventListener,
    NodesAdded,
    Noticed,
    Progress,
    SearchEnded,
    SearchEvent,
    SearchStarted,
    VoteChanged,
)
from marco_cli.search.tree import Tree

_NEWS = 1 / 64
"""By which share the candidates must have grown for the votes to be announced again: after each of the first 64."""


class Announcer:
    """Tells what happens in one search."""

    def __init__(self, on_event: EventListener | None, *, budget: Budget, ballot: Ballot) -> None:
        self.notices: list[str] = []
        """What the user should know, one line each."""
        self._on_event = on_event
        self._budget = budget
        self._ballot = ballot
        self._num_announced = 0
        """Candidates of the votes last announced."""

    @property
    def is_heard(self) -> bool:
        """Whether there is a listener; without one, events need not be made."""
        return self._on_event is not None

    def emit(self, event: SearchEvent) -> None:
        """Pass an event on."""
        if self._on_event is not None:
            self._on_event(event)

    def notice(self, text: str) -> None:
        """Tell the user something, once."""
        if text not in self.notices:
            self.notices.append(text)
            self.emit(Noticed(text=text))

    @property
    def progress(self) -> Progress:
        """What has been spent so far."""
        budget = self._budget
        return Progress(
            num_simulations=budget.num_simulations,
            max_simulations=budget.max_simulations,
            num_tokens=budget.num_tokens,
            max_tokens=budget.max_tokens,
            seconds=budget.seconds,
            max_seconds=budget.max_seconds,
        )

    def start(self, problem: Problem, config: SearchConfig, tree: Tree | None) -> None:
        """Announce the search, with what there is already when it goes on from an earlier one."""
        self.emit(
            SearchStarted(
                question=problem.question, strategy=config.strategy, parallel=config.parallel, progress=self.progress
            )
        )
        if not self.is_heard:  # a snapshot looks at every node
            return
        if tree is not None:
            self.emit(NodesAdded(nodes=tree.snapshot()[1:]))
        for candidate in self._ballot.candidates:
            self.emit(CandidateFound(candidate=self._ballot.rated(candidate)))
        if self._ballot.candidates:
            self._tell_votes()

    def candidate(self, candidate: Candidate) -> None:
        """Announce a candidate, and the votes, which cost a pass over all of them: of many, not after each."""
        if self.is_heard:
            self.emit(CandidateFound(candidate=self._ballot.rated(candidate)))
            if len(self._ballot.candidates) >= self._num_announced * (1 + _NEWS):
                self._tell_votes()

    def forget_votes(self) -> None:
        """Note that the votes are others than those that were announced, though of the same candidates."""
        self._num_announced = 0

    def end(self, reason: StopReason) -> None:
        """Announce the last votes, unless they are known, and the end."""
        if self.is_heard and len(self._ballot.candidates) > self._num_announced:
            self._tell_votes()
        self.emit(SearchEnded(stop_reason=reason, progress=self.progress))

    def _tell_votes(self) -> None:
        self._num_announced = len(self._ballot.candidates)
        votes = self._ballot.votes()
        self.emit(VoteChanged(votes=votes, certainty=self._ballot.certainty(votes)))

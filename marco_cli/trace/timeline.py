"""When things happened while a question was answered: kept short, because tree and candidates say the rest.

In: the tokens of the first reply and the events of a search, as they come. Out: `Moment`s, values that are small enough to
keep with every answer. `trace.playback` turns them into events again.
"""

import time
from dataclasses import dataclass

from marco_cli.search.base import Clock, StopReason
from marco_cli.search.events import (
    CandidateFound,
    NodesAdded,
    Noticed,
    Progress,
    SearchEnded,
    SearchEvent,
    SearchStarted,
    SimulationEnded,
    VoteChanged,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """The first reply was written, token by token."""

    seconds: float
    """Of its first token. All seconds of a timeline count from the moment that the question was put."""
    until: float
    """Of its last token."""
    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A search began."""

    seconds: float
    strategy: str
    parallel: int
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """The tree grew."""

    seconds: float
    num_nodes: int
    """Of the whole tree, afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A simulation was backed up."""

    seconds: float
    number: int
    node: int
    """Where its reply ended."""
    value: float
    candidate: int | None
    num_tokens: int
    """Decoded by the search so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A reply became a candidate."""

    seconds: float
    candidate: int
    agreement: float
    reward: float
    """Both as of then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """The votes were counted."""

    seconds: float
    votes: tuple[tuple[tuple[int, ...], float], ...]
    """Candidates, best first, and weight of each answer, leader first."""
    certainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The search told the user something."""

    seconds: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The search was over."""

    seconds: float
    stop_reason: StopReason
    progress: Progress


Moment = Spoken | Started | Grown | Simulated | Found | Voted | Said | Ended
"""In the order of their seconds."""


class Timeline:
    """Listens to an answer; both listeners are quick and never fail."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._moments: list[Moment] = []
        self._first_token: float | None = None
        self._last_token = 0.0
        self._num_tokens = 0
        self._num_nodes = 1

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What has happened so far."""
        if self._first_token is None:
            return tuple(self._moments)
        spoken = Spoken(seconds=self._first_token, until=self._last_token, num_tokens=self._num_tokens)
        return tuple(sorted((*self._moments, spoken), key=lambda moment: moment.seconds))

    def on_token(self, _token: int, _piece: bytes) -> None:
        """Hear a token of the first reply."""
        self._last_token = self._now()
        if self._first_token is None:
            self._first_token = self._last_token
        self._num_tokens += 1

    def on_event(self, event: SearchEvent) -> None:
        """Hear what a search does."""
        self._moments.append(self._moment(event, self._now()))

    def _now(self) -> float:
        """Return the seconds since the question was put, to a tenth of a millisecond."""
        return round(self._clock() - self._started, 4)

    def _moment(self, event: SearchEvent, seconds: float) -> Moment:
        if isinstance(event, NodesAdded):
            self._num_nodes += len(event.nodes)
            return Grown(seconds=seconds, num_nodes=self._num_nodes)
        return _moment(event, seconds)


def _moment(
    event: SearchStarted | SimulationEnded | CandidateFound | VoteChanged | Noticed | SearchEnded, seconds: float
) -> Moment:
    match event:
        case SearchStarted():
            return Started(seconds=seconds, strategy=event.strategy, parallel=event.parallel, progress=event.progress)
        case SimulationEnded():
            return _simulated(event, seconds)
        case CandidateFound(candidate=found):
            return Found(seconds=seconds, candidate=found.id, agreement=found.agreement, reward=found.reward)
        case VoteChanged():
            votes = tuple((vote.candidate_ids, vote.weight) for vote in event.votes)
            return Voted(seconds=seconds, votes=votes, certainty=event.certainty)
        case Noticed():
            return Said(seconds=seconds, text=event.text)
        case SearchEnded():
            return Ended(seconds=seconds, stop_reason=event.stop_reason, progress=event.progress)


def _simulated(event: SimulationEnded, seconds: float) -> Simulated:
    return Simulated(
        seconds=seconds,
        number=event.number,
        node=event.path[-1].id,
        value=event.value,
        candidate=event.candidate_id,
        num_tokens=event.progress.num_tokens,
    )

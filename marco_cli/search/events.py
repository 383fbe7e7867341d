"""What a search says while it runs: immutable, in order, enough for a live tree, plain lines and JSON lines.

Events are only built for a listener. A listener is called on the event loop and must be quick.
"""

from collections.abc import Callable
from dataclasses import dataclass

from marco_cli.search.base import Candidate, StopReason, Vote
from marco_cli.search.tree import NodeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has been spent so far."""

    num_simulations: int
    max_simulations: int | None
    num_tokens: int
    """Decoded."""
    max_tokens: int | None
    seconds: float
    max_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStarted:
    """A search begins."""

    question: str
    strategy: str
    parallel: int
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesAdded:
    """The tree grew."""

    nodes: tuple[NodeState, ...]
    """In order of creation; parents come before their children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationEnded:
    """One simulation was backed up."""

    number: int
    """From 1, in order of ending."""
    path: tuple[NodeState, ...]
    """From the root to where the reply ended, as they are after the back-up."""
    value: float
    """In [0, 1]."""
    candidate_id: int | None
    """None when the reply had no output."""
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateFound:
    """A reply with an output was finished."""

    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteChanged:
    """The votes after one more candidate, leader first; among more than 64, after each sixty-fourth part more."""

    votes: tuple[Vote, ...]
    certainty: float
    """Posterior probability that the leader stays ahead, in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """The user should know this."""

    text: str
    """One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnded:
    """The search is over."""

    stop_reason: StopReason
    progress: Progress


SearchEvent = SearchStarted | NodesAdded | SimulationEnded | CandidateFound | VoteChanged | Noticed | SearchEnded
EventListener = Callable[[SearchEvent], None]

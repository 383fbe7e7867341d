"""A trace as it happened: the events of its search again, and the pieces of its first reply, each with its second.

In: a `Trace` with a timeline. Out: `Cue`s in the order of their seconds, enough for every view of a search. Visits and
values are backed up anew, from what the nodes had before the timeline began (a continued search has an earlier part) to what
they have in the tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from marco_cli.search.base import Reply, Vote
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
from marco_cli.search.tree import Node, NodeState
from marco_cli.trace.record import Trace
from marco_cli.trace.timeline import Ended, Found, Grown, Moment, Said, Simulated, Spoken, Started, Voted


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Something that happened: an event, or a piece of the first reply."""

    seconds: float
    """Since the question was put."""
    event: SearchEvent | None = None
    piece: bytes = b""


def cues(trace: Trace) -> Iterator[Cue]:
    """Yield what happened; nothing for a trace whose answer nobody listened to."""
    stage = _Stage(trace)
    spoken = [cue for moment in trace.timeline if isinstance(moment, Spoken) for cue in _pieces(trace, moment)]
    events = [
        Cue(seconds=moment.seconds, event=event)
        for moment in trace.timeline
        if (event := stage.event(moment)) is not None
    ]
    yield from sorted((*spoken, *events), key=lambda cue: cue.seconds)


def first_reply(trace: Trace) -> Reply:
    """Return the reply that was heard while it was written.

    It was begun first, which a tree of `mcts` shows: its steps are the first child of each node. Elsewhere it is taken for the
    first to end.
    """
    if trace.result.first is not None:
        return trace.result.first
    node = trace.tree.root
    while trace.result.strategy == "mcts" and node.children:
        node = node.children[0]
    return trace.candidates[node.candidate_id or 0].reply if trace.candidates else trace.reply


def _pieces(trace: Trace, spoken: Spoken) -> Iterator[Cue]:
    """Yield the first reply in as many pieces as it had tokens, evenly in time: when each came is not kept."""
    data = first_reply(trace).data
    count = max(1, min(spoken.num_tokens, len(data)))
    for turn in range(count):
        share = turn / (count - 1) if count > 1 else 0.0
        seconds = spoken.seconds + share * max(0.0, spoken.until - spoken.seconds)
        yield Cue(seconds=seconds, piece=data[turn * len(data) // count : (turn + 1) * len(data) // count])


class _Stage:
    """The search as it stands while its moments pass by."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._tree = trace.tree
        self._visits = [node.visits for node in self._tree.nodes]
        self._sums = [node.value_sum for node in self._tree.nodes]
        for moment in trace.timeline:
            if isinstance(moment, Simulated):
                self._add(moment, -1)
        for node_id, visits in enumerate(self._visits):
            if visits <= 0:
                self._visits[node_id], self._sums[node_id] = 0, 0.0
        self._num_nodes = 1
        self._known: set[int] = set()
        self._start: Started | None = None

    def event(self, moment: Moment) -> SearchEvent | None:
        """Return the event that a moment was; None for what is no event of a search."""
        match moment:
            case Started():
                self._start = moment
                return SearchStarted(
                    question=self._trace.question,
                    strategy=moment.strategy,
                    parallel=moment.parallel,
                    progress=moment.progress,
                )
            case Grown():
                return self._grown(moment)
            case Simulated():
                return self._simulated(moment)
            case Found() | Voted():
                return self._found(moment) if isinstance(moment, Found) else self._voted(moment)
            case Said() | Ended():
                return _told(moment)
            case Spoken():
                return None

    def _grown(self, moment: Grown) -> NodesAdded | None:
        first, self._num_nodes = self._num_nodes, max(self._num_nodes, moment.num_nodes)
        nodes = self._tree.nodes[first : self._num_nodes]
        return NodesAdded(nodes=tuple(self._state(node) for node in nodes)) if nodes else None

    def _simulated(self, moment: Simulated) -> SimulationEnded | None:
        if moment.node >= self._num_nodes:
            return None  # a node that the timeline does not know yet: only of a damaged trace
        self._add(moment, +1)
        path = self._tree.path(self._tree[moment.node])
        return SimulationEnded(
            number=moment.number,
            path=tuple(self._state(node) for node in path),
            value=moment.value,
            candidate_id=moment.candidate if moment.candidate in self._known else None,
            progress=self._progress(moment),
        )

    def _found(self, moment: Found) -> CandidateFound | None:
        if not 0 <= moment.candidate < len(self._trace.candidates):
            return None
        candidate = self._trace.candidates[moment.candidate]
        if not self._trace.is_grafted and candidate.node_id >= self._num_nodes:
            return None
        self._known.add(candidate.id)
        return CandidateFound(candidate=replace(candidate, repeats=0, agreement=moment.agreement, reward=moment.reward))

    def _voted(self, moment: Voted) -> VoteChanged | None:
        counted = [(ids, weight) for ids, weight in moment.votes if ids and self._known.issuperset(ids)]
        votes = tuple(
            Vote(answer=self._trace.candidates[ids[0]].reply.answer, candidate_ids=ids, weight=weight)
            for ids, weight in counted
        )
        return VoteChanged(votes=votes, certainty=moment.certainty)

    def _progress(self, moment: Simulated) -> Progress:
        begun = self._start
        return Progress(
            num_simulations=moment.number,
            max_simulations=begun.progress.max_simulations if begun else None,
            num_tokens=moment.num_tokens,
            max_tokens=begun.progress.max_tokens if begun else None,
            seconds=moment.seconds - (begun.seconds if begun else 0.0),
            max_seconds=begun.progress.max_seconds if begun else None,
        )

    def _add(self, moment: Simulated, sign: int) -> None:
        node: Node | None = self._tree[moment.node]
        while node is not None:
            self._visits[node.id] += sign
            self._sums[node.id] += sign * moment.value
            node = node.parent

    def _state(self, node: Node) -> NodeState:
        visits = self._visits[node.id]
        value = min(1.0, max(0.0, self._sums[node.id] / visits)) if visits > 0 else 0.0
        candidate_id = node.candidate_id if node.candidate_id in self._known else None
        return replace(node.state(), visits=max(0, visits), value=value, candidate_id=candidate_id)


def _told(moment: Said | Ended) -> SearchEvent:
    if isinstance(moment, Said):
        return Noticed(text=moment.text)
    return SearchEnded(stop_reason=moment.stop_reason, progress=moment.progress)

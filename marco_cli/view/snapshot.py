"""A search at one moment, for everything that draws it.

In: `SearchEvent`s in their order, token pieces of the first reply. Out: an immutable `Snapshot`. Folding an event in costs
as much as it has nodes; taking a snapshot copies one reference a node. It knows no terminal: labels are cut to a length
that no screen exceeds, and everything in them is printable.
"""

import codecs
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from marco_cli.engine.base import Usage
from marco_cli.search.base import Candidate, StopReason, Vote
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
from marco_cli.search.tree import ROOT, NodeState
from marco_cli.view.gist import gist
from marco_cli.view.line import one_line

LABEL_LENGTH: Final = 240
"""Characters of a label that are shown; more than a screen of 200 columns has."""
_KEPT_LENGTH: Final = 1_000
"""Characters of a label that are kept, to find where it differs from others."""
ANSWER_LENGTH: Final = 40
_HEARD_LENGTH: Final = 4_000
"""Characters kept of a reply that is still being written."""

Ending = Literal["finished", "false", "cut"]
"""Of a reply: whole; whole with arithmetic that is false; cut, or its thought closed by force."""


class NodeSnapshot(NamedTuple):
    """A node of the tree; a named tuple, since one is made anew for every node of every simulation."""

    id: int
    parent: int | None
    label: str
    """What the step says, on one line, the question at the root; blank when the step is nothing but tags.

    A space at either end is kept: a mini-step may begin or end inside a word.
    """
    visits: int = 0
    value: float = 0.0
    """In [0, 1]."""
    children: tuple[int, ...] = ()
    """In order of creation."""
    equations: tuple[str, ...] = ()
    """Those of the step."""
    slip: str = ""
    """An equation of the step that is false."""
    answer: str | None = None
    """Of the reply that ends here."""
    ending: Ending = "finished"
    """What became of that reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteSnapshot:
    """One answer and its share of the vote."""

    answer: str
    """The first words of the output where no answer can be read from it."""
    weight: float
    """In [0, 1]."""
    is_text: bool = False
    """Whether it is a text that nothing was counted for: the weight orders it only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A search at one moment."""

    question: str
    strategy: str
    nodes: tuple[NodeSnapshot, ...]
    """By id; the replies of a strategy without a tree are children of the root."""
    best_path: tuple[int, ...] = ()
    """From the root to where the leading reply ends; empty before the first vote."""
    votes: tuple[VoteSnapshot, ...] = ()
    """Leader first."""
    thought: str = ""
    """Of the leading reply; before the first one is finished, what has been heard of it."""
    num_simulations: int = 0
    max_simulations: int | None = None
    num_tokens: int = 0
    max_tokens: int | None = None
    seconds: float = 0.0
    max_seconds: float | None = None
    batch_width: float | None = None
    """Requests decoded together on average; None when it is not measured."""
    value_range: tuple[float, float] = (0.0, 1.0)
    """Least and greatest value of any node so far."""
    notices: tuple[str, ...] = ()
    stop_reason: StopReason | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Decoded tokens a second since the search began; None at its beginning."""
        return self.num_tokens / self.seconds if self.seconds > 0 and self.num_tokens else None

    @property
    def share_spent(self) -> float | None:
        """How much of the budget that is nearest to its end is spent, in [0, 1]; None without a budget."""
        shares = [
            min(1.0, spent / most)
            for spent, most in (
                (self.num_simulations, self.max_simulations),
                (self.num_tokens, self.max_tokens),
                (self.seconds, self.max_seconds),
            )
            if most
        ]
        return max(shares, default=None)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until a budget is used up if the search goes on as it did; None when nothing says so."""
        if self.stop_reason is not None:
            return 0.0
        left = [] if self.max_seconds is None else [self.max_seconds - self.seconds]
        for spent, most in ((self.num_simulations, self.max_simulations), (self.num_tokens, self.max_tokens)):
            if most and spent:
                left.append(self.seconds * (most - spent) / spent)
        return max(0.0, min(left)) if left else None


class Recorder:
    """Folds events into the picture of a search."""

    def __init__(self) -> None:
        self._question = ""
        self._strategy = ""
        self._nodes: list[NodeSnapshot] = [NodeSnapshot(id=ROOT, parent=None, label="")]
        self._has_tree = False
        self._ends_line: set[int] = {ROOT}
        """Nodes after which a line begins."""
        self._candidates: dict[int, Candidate] = {}
        self._node_of: dict[int, int] = {}
        """Candidate → the node that its reply ends at."""
        self._best_path: tuple[int, ...] = ()
        self._votes: tuple[VoteSnapshot, ...] = ()
        self._leader: int | None = None
        self._progress: Progress | None = None
        self._num_replies = 0
        self._lowest, self._highest = 1.0, 0.0
        self._notices: list[str] = []
        self._stop_reason: StopReason | None = None
        self._heard = ""
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode

    def hear(self, piece: bytes) -> None:
        """Take a piece of the first reply while it is being written; once a reply is finished, it is not needed."""
        if not self._candidates:
            self._heard = (self._heard + self._decode(piece))[-_HEARD_LENGTH:]

    def fold(self, event: SearchEvent) -> None:
        """Take one event."""
        match event:
            case SearchStarted():
                self._question = one_line(event.question, LABEL_LENGTH)
                self._strategy = event.strategy
                self._progress = event.progress
                self._nodes[ROOT] = NodeSnapshot(id=ROOT, parent=None, label=self._question)
            case NodesAdded():
                self._add(event.nodes)
            case SimulationEnded():
                for state in event.path:
                    self._update(state)
                self._progress = event.progress
            case CandidateFound():
                self._accept(event.candidate)
            case VoteChanged():
                self._count(event.votes)
            case Noticed():
                self._notices.append(one_line(event.text, LABEL_LENGTH))
            case SearchEnded():
                self._stop_reason = event.stop_reason
                self._progress = event.progress

    def answer(self, candidate_id: int) -> str:
        """Return the answer of a candidate, or the first words of its output."""
        return answer_text(self._candidates[candidate_id])

    @property
    def seconds(self) -> float:
        """Seconds of the search as of the last event."""
        return self._progress.seconds if self._progress else 0.0

    def snapshot(self, *, seconds: float | None = None, usage: Usage | None = None) -> Snapshot:
        """Return the picture as it is now; a clock may know the seconds better than the last event does."""
        progress = self._progress
        leader = None if self._leader is None else self._candidates[self._leader]
        return Snapshot(
            question=self._question,
            strategy=self._strategy,
            nodes=tuple(self._nodes),
            best_path=self._best_path,
            votes=self._votes,
            thought=self._heard if leader is None else leader.reply.thought or leader.reply.output,
            num_simulations=max(self._num_replies, progress.num_simulations if progress else 0),
            max_simulations=progress.max_simulations if progress else None,
            num_tokens=max(usage.decoded if usage else 0, progress.num_tokens if progress else 0),
            max_tokens=progress.max_tokens if progress else None,
            seconds=max(seconds or 0.0, self.seconds),
            max_seconds=progress.max_seconds if progress else None,
            batch_width=usage.mean_batch_width if usage and usage.ticks else None,
            value_range=(self._lowest, self._highest),
            notices=tuple(self._notices),
            stop_reason=self._stop_reason,
        )

    def _add(self, states: tuple[NodeState, ...]) -> None:
        if not self._has_tree:
            self._has_tree = True
            del self._nodes[1:]
        for state in states:
            self._nodes.append(NodeSnapshot(id=state.id, parent=state.parent, label=""))
            self._update(state)
            self._hang(state.id, state.parent)

    def _hang(self, node_id: int, parent: int | None) -> None:
        if parent is not None:
            above = self._nodes[parent]
            self._nodes[parent] = above._replace(children=(*above.children, node_id))

    def _update(self, state: NodeState) -> None:
        old = self._nodes[state.id]
        if not old.label and state.id != ROOT:
            old = self._named(old, state)
        answer, ending = old.answer, old.ending
        if state.candidate_id is not None and state.candidate_id in self._candidates:
            candidate = self._candidates[state.candidate_id]
            answer, ending = answer_text(candidate), ending_of(candidate)
        self._nodes[state.id] = old._replace(visits=state.visits, value=state.value, answer=answer, ending=ending)
        if state.visits:
            self._spread(state.value)

    def _named(self, node: NodeSnapshot, state: NodeState) -> NodeSnapshot:
        """Return the node with what its step says."""
        is_end = state.is_terminal or state.text.endswith("\n")
        if is_end:
            self._ends_line.add(state.id)
        found = gist(state.text, _KEPT_LENGTH, is_beginning=state.parent in self._ends_line, is_end=is_end)
        return node._replace(label=found.text, equations=found.equations, slip=found.slip)

    def _spread(self, value: float) -> None:
        self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)

    def _accept(self, candidate: Candidate) -> None:
        self._candidates[candidate.id] = candidate
        node_id = candidate.node_id
        if self._has_tree:
            self._nodes[node_id] = self._nodes[node_id]._replace(
                answer=answer_text(candidate), ending=ending_of(candidate)
            )
        else:
            node_id = self._stand_in(candidate)
            self._num_replies += candidate.reflects is None
        self._node_of[candidate.id] = node_id

    def _stand_in(self, candidate: Candidate) -> int:
        """Hang a reply of a strategy without a tree below the root; return its node."""
        node_id = len(self._nodes)
        text = candidate.reply.thought or candidate.reply.output
        found = gist(text, _KEPT_LENGTH, is_beginning=True, is_end=candidate.reply.is_whole)
        node = NodeSnapshot(
            id=node_id,
            parent=ROOT,
            label=found.text.strip(),
            visits=1,
            value=candidate.reward,
            equations=found.equations,
            slip=found.slip,
            answer=answer_text(candidate),
            ending=ending_of(candidate),
        )
        self._nodes.append(node)
        self._hang(node_id, ROOT)
        root = self._nodes[ROOT]
        mean = root.value + (candidate.reward - root.value) / (root.visits + 1)
        self._nodes[ROOT] = root._replace(visits=root.visits + 1, value=mean)
        self._spread(candidate.reward)
        return node_id

    def _count(self, votes: tuple[Vote, ...]) -> None:
        self._votes = tuple(
            VoteSnapshot(answer=self.answer(vote.candidate_ids[0]), weight=vote.weight, is_text=vote.answer is None)
            for vote in votes
        )
        if not votes:
            return
        self._leader = votes[0].candidate_ids[0]
        path, node_id = [], self._node_of.get(self._leader)
        while node_id is not None:
            path.append(node_id)
            node_id = self._nodes[node_id].parent
        self._best_path = tuple(reversed(path))


def answer_text(candidate: Candidate) -> str:
    """Return a candidate's answer on one line, or the first words of its output."""
    answer = candidate.reply.answer
    text = candidate.reply.output if answer is None else answer.shown
    line = one_line(text, ANSWER_LENGTH + 1)
    return line if len(line) <= ANSWER_LENGTH else line[:ANSWER_LENGTH].rstrip() + "..."


def ending_of(candidate: Candidate) -> Ending:
    """Return what became of a reply."""
    if not candidate.reply.is_whole:
        return "cut"
    return "finished" if candidate.reply.signals.is_sound else "false"

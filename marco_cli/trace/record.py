"""One answer with all its evidence: what was asked, by which model under which settings, and what the search found.

A `Trace` is made of a result (`trace.recording`) or read from a line of JSON (`trace.decoding`). The tree is always there: a
strategy that has none gets one whose branches are its replies, so that every reader finds steps, scores and candidates in
the same place.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from marco_cli.answer import Answer
from marco_cli.config.settings import Settings
from marco_cli.errors import InputError
from marco_cli.prompt.base import Message
from marco_cli.search.base import Candidate, Problem, Reply, SearchResult, Vote
from marco_cli.search.config import SearchConfig
from marco_cli.search.tree import Node, Tree
from marco_cli.trace.vocabulary import Vocabulary

SCHEMA: Final = "marco.trace/1"

Source = Literal["ask", "chat", "batch", "eval"]
"""The command that the answer was made for."""

ThoughtPlace = Literal["content", "reasoning_content", "nowhere"]
"""Where a message holds its thought so that the model's own chat template keeps it."""

_ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedModel:
    """The model that answered, as far as it is known."""

    name: str
    repo: str | None = None
    """On the hub, `user/name`."""
    file: str
    """File name without folders; of a split model the first part's."""
    sha256: str | None = None
    """None where nothing vouches for the file."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """One answer with its evidence; immutable but for the tree, which only a continued search changes.

    Raises:
        InputError: the id cannot be the name of a file.
    """

    id: str
    """Sorts by time: `20261121-024011-123-9f3a`, in UTC."""
    created: datetime
    """When the answer was there, in UTC."""
    version: str
    """Of marco."""
    source: Source
    model: TracedModel
    settings: Settings
    """All of them, as they were in effect."""
    config: SearchConfig
    """How it was searched: what the settings came to."""
    is_routed: bool = False
    """Whether a chain came first and decided whether to search (`--effort auto`)."""
    messages: tuple[Message, ...]
    """The conversation as the model was given it, the question last."""
    problem: Problem
    """The prompt's token ids, the format of the reply, the question as it was asked."""
    result: SearchResult
    """Its tree is never None."""
    is_grafted: bool = False
    """Whether the strategy has no tree, and this one was put together from its replies."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """What the tokens, and the alternatives to them, stand for."""
    target: str | None = None
    """The right answer, where it is known."""
    item: str | None = None
    """The row or the problem of a data set that was answered."""
    session: str | None = None
    """The conversation that it belongs to: the id of its first turn's trace."""
    turn: int | None = None
    """From 1, within the conversation."""
    continues: str | None = None
    """The id of the trace whose search this one went on with."""
    thought_place: ThoughtPlace | None = None
    """Where a message must hold a thought for the model's chat template to keep it; None where that is not known."""

    def __post_init__(self) -> None:
        """Refuse an id that is not a plain word, e.g. a path."""
        check_id(self.id)

    @property
    def tree(self) -> Tree:
        """The tree, with the scores of all tokens."""
        if self.result.tree is None:
            raise ValueError("a trace without a tree, expected `from_result` to have grafted one")
        return self.result.tree

    @property
    def question(self) -> str:
        """The question as it was asked."""
        return self.problem.question

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """The prompt in token ids."""
        return self.problem.prompt_ids

    @property
    def seed(self) -> int:
        """Of all random streams of the search."""
        return self.config.seed

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All finished replies with their signals, in order of finishing.

        `node_id` is where each one ends; in `mcts-paper`, whose rollouts are not nodes, where it leaves the tree.
        """
        return self.result.candidates

    @property
    def votes(self) -> tuple[Vote, ...]:
        """Leader first."""
        return self.result.votes

    @property
    def reply(self) -> Reply:
        """The reply that was given: the leader's, or an unfinished one when there is no candidate."""
        return self.result.reply

    @property
    def answer(self) -> Answer | None:
        """What was answered."""
        return self.result.answer

    @property
    def leader(self) -> Candidate | None:
        """The candidate whose reply was given; None when no reply had an output."""
        return self.result.candidates[self.votes[0].candidate_ids[0]] if self.votes else None

    def best_path(self) -> tuple[Node, ...]:
        """Return the nodes from the root to where the given reply leaves the tree."""
        leader = self.leader
        if leader is not None:
            return self.tree.path(self.tree[leader.node_id])
        node = self.tree.root
        while node.children:
            node = max(node.children, key=lambda child: (child.visits, child.value))
        return self.tree.path(node)


def check_id(trace_id: str) -> None:
    """Refuse what cannot be the id of a trace: it becomes the name of a file.

    Raises:
        InputError: it is not a plain word.
    """
    if not _ID.fullmatch(trace_id):
        raise InputError(f"the id of a trace is {trace_id[:80]!r}, expected lower-case letters, digits and dashes")


def new_id(moment: datetime) -> str:
    """Return an id that sorts by time, to the millisecond, and differs from all others."""
    at = moment.astimezone(UTC)
    return f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}-{secrets.token_hex(2)}"

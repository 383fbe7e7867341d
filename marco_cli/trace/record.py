"""One answer with all its evidence: what was asked, by which model under which settings, and what the search found.

In: a solver, a problem and its result (`from_result`), or a line of JSON (`trace.decoding`). Out: a `Trace`. The tree is always
there: a strategy that has none gets one whose branches are its replies, so that every reader finds steps, scores and
candidates in the same place.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from marco_cli import __version__
from marco_cli.answer import Answer
from marco_cli.config.settings import Settings
from marco_cli.engine.base import Tokens
from marco_cli.errors import InputError
from marco_cli.models import LocatedModel
from marco_cli.models.store import read_record
from marco_cli.plan import SearchPlan
from marco_cli.prompt.base import Message
from marco_cli.prompt.template import choose_template
from marco_cli.search.base import Candidate, Problem, Reply, SearchResult, Vote
from marco_cli.search.config import SearchConfig
from marco_cli.search.steps import split
from marco_cli.search.tree import Node, Tree
from marco_cli.solver import Solver
from marco_cli.trace.thought_place import ThoughtPlace, thought_place
from marco_cli.trace.timeline import Moment
from marco_cli.trace.vocabulary import Vocabulary, collect

SCHEMA: Final = "marco.trace/1"

Source = Literal["ask", "chat", "batch", "eval"]
"""The command that the answer was made for."""

_ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")
_HUB_FOLDER: Final = re.compile(r"models--([^-].*?)--(.+)")


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
    timeline: tuple[Moment, ...] = ()
    target: str | None = None
    """The right answer, where somebody knows it."""
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
        """Refuse an id that is no plain word, e.g. a path."""
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

        `node_id` is where each one ends; in `mcts-paper`, whose rollouts are no nodes, where it leaves the tree.
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
        InputError: it is no plain word.

    """
    if not _ID.fullmatch(trace_id):
        raise InputError(f"the id of a trace is {trace_id[:80]!r}, expected lower-case letters, digits and dashes")


def new_id(moment: datetime) -> str:
    """Return an id that sorts by time, to the millisecond, and differs from all others."""
    at = moment.astimezone(UTC)
    return f"{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}-{secrets.token_hex(2)}"


def from_result(
    solver: Solver,
    problem: Problem,
    result: SearchResult,
    *,
    source: Source,
    history: tuple[Message, ...] = (),
    timeline: Sequence[Moment] = (),
    target: str | None = None,
    item: str | None = None,
    session: str | None = None,
    turn: int | None = None,
    continues: str | None = None,
    plan: SearchPlan | None = None,
) -> Trace:
    """Put together the trace of an answer; the solver must still be open.

    Args:
        solver: who answered.
        problem: what `solver.problem` made of the question.
        result: what `solver.solve` returned.
        source: the command.
        history: the turns before the question, as `solver.problem` was given them.
        timeline: the `Timeline.moments` of somebody who listened; without them there is nothing to replay.
        target: the right answer, if it is known.
        item: the row or problem of a data set.
        session: the conversation; its first turn may leave it out and be the session itself.
        turn: from 1.
        continues: the id of the trace that was searched on from.
        plan: how it was searched, if not as the solver was opened for.

    """
    plan = plan or solver.plan
    is_grafted = result.tree is None
    kept = _grafted(solver, problem, result, plan.config) if is_grafted else result
    created = datetime.now(UTC)
    return Trace(
        id=new_id(created),
        created=created,
        version=__version__,
        source=source,
        model=_traced(solver.model),
        settings=plan.settings,
        config=plan.config,
        is_routed=plan.is_routed,
        messages=solver.phrasing(plan).prompt(problem.question, history=history).messages,
        problem=problem,
        result=kept,
        is_grafted=is_grafted,
        vocabulary=collect(_runs(kept), solver.engine.detokenize),
        timeline=tuple(timeline),
        target=target,
        item=item,
        session=session,
        turn=turn,
        continues=continues,
        thought_place=_thought_place(solver, problem, result.reply, plan.settings.chat_template),
    )


def _thought_place(solver: Solver, problem: Problem, reply: Reply, override: str | None) -> ThoughtPlace | None:
    info = solver.engine.info
    if not reply.thought or (override is None and not info.chat_template):
        return None
    template = choose_template(override, info.chat_template)
    return thought_place(template, reply, prefill=problem.prefill, bos=info.bos_text, eos=info.eos_text)


def _runs(result: SearchResult) -> Iterator[Tokens]:
    """Yield all tokens: those of the tree, and those of the replies, which a tree need not hold to their end."""
    if result.tree is not None:
        yield from (node.step.tokens for node in result.tree.nodes)
    replies = (candidate.reply for candidate in result.candidates)
    yield from (reply.tokens for reply in (*replies, result.reply, result.first) if reply is not None)


def _traced(model: LocatedModel) -> TracedModel:
    record = read_record(model.path)
    folders = (_HUB_FOLDER.fullmatch(part) for part in model.path.parts)
    in_cache = next((f"{found[1]}/{found[2]}" for found in folders if found), None)
    repo = record.repo if record and model.source != "bundled" else in_cache
    return TracedModel(name=model.name, repo=repo, file=model.path.name, sha256=model.sha256)


def _grafted(solver: Solver, problem: Problem, result: SearchResult, config: SearchConfig) -> SearchResult:
    """Give a result without a tree one whose branches are its replies, each worth its reward."""
    tree = Tree(problem.prompt_ids)
    candidates = []
    for candidate in result.candidates:
        node = _graft(tree, candidate.reply, solver, problem, config)
        if node.candidate_id is None:
            node.candidate_id = candidate.id
        for _ in range(1 + candidate.repeats):
            tree.back_up(node, candidate.reward)
        candidates.append(replace(candidate, node_id=node.id))
    if not result.candidates:
        _graft(tree, result.reply, solver, problem, config)
    return replace(result, tree=tree, candidates=tuple(candidates))


def _graft(tree: Tree, reply: Reply, solver: Solver, problem: Problem, config: SearchConfig) -> Node:
    pieces = [solver.engine.detokenize((token,)) for token in reply.tokens.ids.tolist()]
    steps = split(
        reply.tokens,
        pieces,
        config.step,
        problem.tags,
        before=problem.prefill.encode(),
        is_terminal=not reply.is_truncated,
    )
    return tree.graft(tree.root, steps)

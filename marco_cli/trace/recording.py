"""The trace of an answer, put together from the solver that answered and from what it found."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from marco_cli import __version__
from marco_cli.engine.base import Tokens
from marco_cli.models import LocatedModel
from marco_cli.models.store import read_record
from marco_cli.plan import SearchPlan
from marco_cli.prompt.base import Message
from marco_cli.prompt.template import choose_template
from marco_cli.search.base import Problem, Reply, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.steps import split
from marco_cli.search.tree import Node, Tree
from marco_cli.solver import Solver
from marco_cli.trace.record import Source, ThoughtPlace, Trace, TracedModel, new_id
from marco_cli.trace.thought_place import thought_place
from marco_cli.trace.vocabulary import collect

_HUB_FOLDER: Final = re.compile(r"models--([^-].*?)--(.+)")


def from_result(
    solver: Solver,
    problem: Problem,
    result: SearchResult,
    *,
    source: Source,
    history: tuple[Message, ...] = (),
    plan: SearchPlan | None = None,
) -> Trace:
    """Put together the trace of an answer, without what only its command knows (the row, the right answer, the conversation).

    The solver, which made `problem` and `result`, must still be open. `history` are the turns before the question, `plan` is how
    it was searched, if not as the solver was opened for.
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

"""Breadth-first search over steps: keep the few best partial replies, step after step.

`beam` judges a partial reply by the mean confidence of its tokens, or by a process model where there is one. `tree_of_thoughts` (arXiv 2305.10601, breadth-first with
value prompts) asks the model whether the reasoning is right so far, and reads
P("yes") off the logits: one question costs a few prefilled tokens on a forked branch and nothing is sampled.

All continuations of a level are one batched decode. Replies that end on the way are candidates.
"""

from collections.abc import Awaitable, Callable, Sequence
from math import exp

import numpy as np

from marco_cli.answer.language import is_chinese
from marco_cli.concurrency import together
from marco_cli.engine.base import Request
from marco_cli.search.base import Candidate, Reply, StopReason
from marco_cli.search.expansion import Expansion
from marco_cli.search.lanes import Lane
from marco_cli.search.reflection import reflect_in_tree
from marco_cli.search.run import Run, Simulation
from marco_cli.search.tree import Node
from marco_cli.sections.format import closing_marks

Judge = Callable[[Sequence[Node]], Awaitable[list[float]]]
"""Partial replies → one value each, in [0, 1]."""


async def beam(run: Run) -> StopReason:
    """Keep the partial replies of the highest mean confidence, or those that a process model believes in most."""
    growth = Expansion(run)

    async def judge(nodes: Sequence[Node]) -> list[float]:
        scores = growth.run.assessment.step_scores
        if scores is not None:
            return await scores.of_nodes(growth.tree, nodes)
        return [_mean_confidence(growth, node) for node in nodes]

    return await _breadth_first(growth, judge)


async def tree_of_thoughts(run: Run) -> StopReason:
    """Keep the partial replies that the model believes in most."""
    growth = Expansion(run)

    async def judge(nodes: Sequence[Node]) -> list[float]:
        return await _believed(growth, nodes)

    return await _breadth_first(growth, judge)


async def _breadth_first(growth: Expansion, judge: Judge) -> StopReason:
    run = growth.run

    async def work(lane: Lane) -> None:
        beams = [growth.tree.root]
        for _ in range(_MOST_LEVELS):
            if not beams or run.budget.refusal() is not None or _is_done(run):
                break
            beams = await _next_level(growth, lane, beams, judge)
        for node in beams[:1] if run.budget.refusal() is not None else beams:
            if not _is_done(run):
                await _roll_out(growth, lane, node)

    await run.in_lanes(work, num_lanes=1)
    return run.budget.refusal() or "finished"


def _is_done(run: Run) -> bool:
    """Say whether there are as many candidates as beams, or the budget is used up and there is one at least."""
    if run.budget.refusal() is not None:
        return bool(run.candidates)
    return sum(candidate.reflects is None for candidate in run.candidates) >= run.config.beam_width


async def _next_level(growth: Expansion, lane: Lane, beams: list[Node], judge: Judge) -> list[Node]:
    """Continue every beam by one step, make candidates of those whose thought is over, return the best of the rest."""
    config = growth.run.config
    # The root gets as many continuations as a whole level.
    count = config.beam_branching * (config.beam_width if beams == [growth.tree.root] else 1)
    wanted = [(node, index) for node in beams for index in range(count)]
    children = list(dict.fromkeys(await growth.sample_steps(lane, wanted)))
    alive = [child for child in children if not _has_thought(growth, child)]
    for child in children:
        if child not in alive and child.candidate_id is None:
            await _roll_out(growth, lane, child)
    values = await judge(alive) if len(alive) > config.beam_width else [0.0] * len(alive)
    ranked = sorted(range(len(alive)), key=lambda index: (-values[index], index))
    return [alive[index] for index in ranked[: config.beam_width]]


def _has_thought(growth: Expansion, node: Node) -> bool:
    """Say whether the thought has ended with this step, or has no room for another: nothing is left to choose between."""
    closing = closing_marks(growth.run.problem.tags)
    is_closed = closing is not None and closing.search(node.step.data) is not None
    return node.is_terminal or is_closed or growth.step_room(node) < 1


async def _roll_out(growth: Expansion, lane: Lane, node: Node) -> None:
    """Make a candidate of a reply that has ended, or roll one out that has not, and think it over if that is wanted."""

    def accept(simulation: Simulation, start: Node, reply: Reply, reflects: int | None = None) -> Candidate | None:
        return growth.accept(simulation, reply, start, reflects=reflects).candidate

    async with growth.run.simulation(may_be_certain=False, is_needed=True) as simulation:
        if simulation is None:
            return
        candidate = accept(simulation, node, await growth.roll_out(lane, node, index=0))
    if candidate is not None:
        await reflect_in_tree(growth, lane, candidate, accept=accept)


def _mean_confidence(growth: Expansion, node: Node) -> float:
    tokens = growth.tree.tokens(node)
    confidence = tokens.confidence[tokens.is_sampled]
    return float(confidence.astype(np.float64).mean()) if len(confidence) else 0.0


_MOST_LEVELS = 64
"""Of steps, after which the paths kept are rolled out."""
_ASK_EN = "\n\nIs the reasoning right so far? Yes or no:"
_ASK_ZH = "\n\n到目前为止推理正确吗?是或否:"
_NO_BELIEF = 0.5


async def _believed(growth: Expansion, nodes: Sequence[Node]) -> list[float]:
    """Return P("yes") / (P("yes") + P("no")) for each partial reply, and `_NO_BELIEF` where there is no room to ask."""
    run = growth.run
    engine = run.engine
    ask, yes, no = (_ASK_ZH, "是", "否") if is_chinese(run.problem.question) else (_ASK_EN, " yes", " no")
    question, yes_ids, no_ids = (engine.tokenize(text) for text in (ask, yes, no))
    shared = next(at for at, (a, b) in enumerate(zip(yes_ids, no_ids, strict=False)) if a != b)
    question = (*question, *yes_ids[:shared])
    room = engine.context_size - len(question)
    asked = [node for node in nodes if len(run.problem.prompt_ids) + node.num_tokens <= room]
    requests = [
        Request(
            prompt_ids=(*growth.tree.token_ids(node), *question),
            max_tokens=0,
            probe_ids=(yes_ids[shared], no_ids[shared]),
            keep_tokens=len(run.problem.prompt_ids) + node.num_tokens,
        )
        for node in asked
    ]
    completions = await together([engine.generate(request) for request in requests])
    beliefs: dict[Node, float] = {}
    for node, completion in zip(asked, completions, strict=True):
        run.usage += completion.usage
        yes_logprob, no_logprob = completion.probe_logprobs
        beliefs[node] = 1 / (1 + exp(no_logprob - yes_logprob))
    return [beliefs.get(node, _NO_BELIEF) for node in nodes]

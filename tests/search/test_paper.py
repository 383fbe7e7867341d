"""Paper mode against a second, plain reading of the paper."""

import math
from typing import Any

import pytest
from loop import finished
from search.scripts import PROMPT, SAMPLED, Inline, find, grown_script

from marco_cli.engine.base import Request
from marco_cli.engine.scripted import scripted_engine
from marco_cli.search.base import Problem, Reply
from marco_cli.search.config import SearchConfig
from marco_cli.search.expansion import Expansion
from marco_cli.search.lanes import Lane
from marco_cli.search.rollout import rollout
from marco_cli.search.seeds import derive_seed
from marco_cli.search.steps import step_rule
from marco_cli.search.tree import Node, Step, Tree
from marco_cli.sections import MARCO


def plain_paper(script: Any, simulations: int) -> list[tuple[int, int | None, int, float, bytes]]:
    """Search as the paper says, one thing after the other, with dictionaries: N, W and children by node."""

    async def work() -> list[tuple[int, int | None, int, float, bytes]]:
        engine = scripted_engine(script)
        engine._thread = Inline()
        problem = Problem(prompt_ids=engine.tokenize(PROMPT, special=True), tags=MARCO)
        tree = Tree(problem.prompt_ids)  # for ids and keys only
        visits, sums = {0: 0}, {0: 0.0}
        replies: dict[int, Any] = {}
        for _ in range(simulations):
            path = [tree.root]
            while path[-1].children:
                parent = path[-1]
                path.append(
                    max(
                        parent.children,
                        key=lambda child: (
                            math.inf
                            if not visits[child.id]
                            else sums[child.id] / visits[child.id]
                            + 1.414 * math.sqrt(math.log(visits[parent.id]) / visits[child.id])
                        ),
                    )
                )
            leaf = path[-1]
            if not leaf.is_terminal and (leaf is tree.root or visits[leaf.id]):
                for index in range(2):
                    rule = step_rule("line", MARCO, before=tree.data(leaf))
                    seed = derive_seed(0, leaf.key, index)
                    request = Request(
                        prompt_ids=tree.token_ids(leaf), max_tokens=500, sampling=SAMPLED, seed=seed, stop_when=rule
                    )
                    completion = await engine.generate(request)
                    is_over = completion.finish_reason == "eos" or completion.data.endswith(b"</Output>")
                    step = Step(tokens=completion.tokens, data=completion.data, is_terminal=is_over)
                    child = tree.add(leaf, step)
                    visits.setdefault(child.id, 0)
                    sums.setdefault(child.id, 0.0)
                path.append(leaf.children[0])
            end = path[-1]
            if end.id not in replies or not end.is_terminal:
                seed = derive_seed(0, end.key, visits[end.id])
                replies[end.id] = (
                    await rollout(problem, engine=engine, prefix=tree.tokens(end), sampling=SAMPLED, seed=seed)
                    if not end.is_terminal
                    else None
                )
            scores = (replies[end.id].tokens if replies[end.id] else tree.tokens(end)).confidence
            for node in path:
                visits[node.id] += 1
                sums[node.id] += float(scores.astype(float).mean())
        await engine.close()
        return [
            (node.id, node.parent.id if node.parent else None, visits[node.id], sums[node.id], node.step.data)
            for node in tree.nodes
        ]

    return finished(work())


@pytest.mark.parametrize("seed", range(4))
def test_paper_mode_is_the_plain_algorithm(seed: int) -> None:
    """Node for node and visit for visit the same tree as a few lines that follow the text."""
    script = grown_script(seed, depth=3)
    result = find(script, strategy="mcts-paper", simulations=16, parallel=1, exploration=1.414)
    assert result.tree is not None
    plain = plain_paper(script, result.num_simulations)

    seen = [
        (node.id, node.parent.id if node.parent else None, node.visits, node.step.data) for node in result.tree.nodes
    ]
    assert seen == [(number, parent, visits, data) for number, parent, visits, _, data in plain]
    assert [node.value_sum for node in result.tree.nodes] == pytest.approx([total for *_, total, _ in plain])


@pytest.mark.parametrize("step", ["line", "mini64", "mini32"])
def test_every_size_of_action_finds_an_answer(step: Any) -> None:
    """Step, 64 and 32 tokens: mini-steps are cut by count, and the tree's text is the reply's."""
    config = SearchConfig.of("mcts-paper", step=step, simulations=12)
    result = find(grown_script(1), **{name: getattr(config, name) for name in ("strategy", "step", "simulations")})
    assert result.tree is not None

    assert result.answer is not None
    if step != "line":
        sizes = {len(node.step.tokens) for node in result.tree.nodes[1:] if not node.is_terminal}
        assert sizes == {int(step.removeprefix("mini"))}


def test_the_answer_is_the_surest_reply() -> None:
    """Without a word in the paper about it: the finished reply with the highest v."""
    result = find(grown_script(2), strategy="mcts-paper", simulations=16)

    assert result.reply.signals.confidence == max(each.reply.signals.confidence for each in result.candidates)


def test_a_search_that_can_only_repeat_itself_ends() -> None:
    """When all that can be reached is finished replies, there is nothing left to simulate."""
    result = find(grown_script(0, depth=1, width=1, answers=1), strategy="mcts-paper", simulations=64, parallel=1)

    assert result.stop_reason == "exhausted"
    assert result.num_simulations < 64


def test_no_rollout_is_made_twice_however_many_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a stream of random numbers of its own, and the first one alone is heard while it is written."""
    begun: list[tuple[int, int]] = []
    heard: list[bytes] = []
    roll_out = Expansion.roll_out

    async def counted(growth: Expansion, lane: Lane, node: Node, *, index: int, **settings: Any) -> Reply:
        begun.append((node.id, index))
        return await roll_out(growth, lane, node, index=index, **settings)

    monkeypatch.setattr(Expansion, "roll_out", counted)
    result = find(
        grown_script(3, depth=8), strategy="mcts-paper", simulations=16, parallel=4, reward="confidence", vote="best",
        settings={"on_token": lambda _token, piece: heard.append(piece)},
    )  # fmt: skip

    assert result.num_simulations == 16
    assert len(set(begun)) == len(begun) == 16
    assert any(candidate.reply.data.endswith(b"".join(heard)) for candidate in result.candidates)

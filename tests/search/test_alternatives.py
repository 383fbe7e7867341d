"""Ways on that were not taken."""

import asyncio
from collections.abc import Mapping

import pytest
from search.scripts import PROMPT, Inline

from marco_cli.engine.base import Request, Tokens
from marco_cli.engine.scripted import scripted_engine
from marco_cli.search.alternatives import Alternatives
from marco_cli.search.tree import Step, Tree


def three_ways(text: str) -> Mapping[str, float]:
    """Say "ax" (0.36), "ay" (0.24) or "b." (0.4)."""
    reply = text.rpartition("assistant\n")[2]
    return {"": {"a": 0.6, "b.": 0.4}, "a": {"x": 0.6, "y": 0.4}}.get(reply, {})


def greedy_tokens() -> Tokens:
    """Return the scored tokens of the likeliest two."""

    async def work() -> Tokens:
        engine = scripted_engine(three_ways)
        engine._thread = Inline()
        completion = await engine.generate(Request(prompt_ids=engine.tokenize(PROMPT, special=True), max_tokens=2))
        await engine.close()
        return completion.tokens

    return asyncio.run(work())


def test_the_likeliest_way_comes_first_with_its_exact_probability() -> None:
    """0.4 for another first token, 0.6 times 0.4 for another second one; each opening ends with the rival, scored."""
    tree = Tree((1,))
    tree.add(tree.root, Step(tokens=greedy_tokens(), data=b"ax"))
    ways = Alternatives()
    first, second = ways.pop(tree.root), ways.pop(tree.root)
    assert first is not None
    assert second is not None

    assert (bytes(first.opening.ids.tolist()), bytes(second.opening.ids.tolist())) == (b"b", b"ay")
    assert (first.probability, second.probability) == pytest.approx((0.4, 0.24), abs=1e-5)
    assert float(second.opening.confidence[-1]) == pytest.approx(0.4, abs=1e-5)
    assert bool(second.opening.is_sampled.all())
    assert ways.pop(tree.root) is None
    assert ways.best_probability(tree.root) == 0


def test_what_is_a_child_already_is_no_alternative() -> None:
    """A way that another child takes is not offered, whoever found it."""
    tree = Tree((1,))
    tokens = greedy_tokens()
    tree.add(tree.root, Step(tokens=tokens, data=b"ax"))
    tree.add(tree.root, Step(tokens=Tokens.forced(tuple(b"b")), data=b"b"))
    ways = Alternatives()

    assert ways.best_probability(tree.root) == pytest.approx(0.24, abs=1e-5)


def test_forced_tokens_have_no_rivals() -> None:
    """What was inserted was not chosen, so there is nothing else that could have been."""
    tree = Tree((1,))
    tree.add(tree.root, Step(tokens=Tokens.forced((1, 2, 3)), data=b"abc"))

    assert Alternatives().pop(tree.root) is None

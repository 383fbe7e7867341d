"""A reply that a check refuted: where the search goes on from it."""

from collections.abc import Mapping

from check.scripted_check import Knows
from search.scripts import CLOSE, find, reply_saying

from marco_cli.check.panel import Panel
from marco_cli.engine.base import Tokens
from marco_cli.engine.scripted import END
from marco_cli.search.refutation import LAST_STEPS, Refutation
from marco_cli.search.tree import Step, Tree


def ladder(text: str) -> Mapping[str, float]:
    """Return a model that writes eight lines, each of which it might as well write differently, and answers 1 or 2."""
    prompt, _, reply = text.rpartition("assistant\n")
    if not prompt or (reply and not reply.endswith("\n")) or "</Thought>" in reply:
        return {}
    turn = reply.count("\n")
    if turn < 9:
        return {f"a {turn}\n": 0.6, f"b {turn}\n": 0.4} if reply else {"<Thought>\n": 1.0}
    answer = 2 if "b 8" in reply else 1
    return {f"{CLOSE}The answer is {answer}.\n</Output>{END}": 1.0}


def test_a_search_branches_at_the_last_steps() -> None:
    """After the first reply was refuted, the second leaves it in one of the last steps that could be others."""
    result = find(
        ladder,
        strategy="mcts",
        parallel=1,
        simulations=24,
        certainty=1.0,
        settings={"verifier": Panel([Knows("none")])},
    )
    first, second = (candidate.reply.data.decode().splitlines() for candidate in result.candidates[:2])
    shared = next(at for at, (one, two) in enumerate(zip(first, second, strict=False)) if one != two)
    assert shared >= 9 - LAST_STEPS


def test_nothing_is_looked_for_behind_the_code() -> None:
    """Words that follow the code cannot make it right: their nodes are given up, and the lines of the code are suspect."""
    tree = Tree(())
    texts = ("Here it is.\n", "```python\n", "def f():\n", "    return 1\n", "```\n", "This works because", " it does.")
    node, nodes = tree.root, []
    for at, text in enumerate(texts):
        tokens = Tokens.forced((at,))
        node = tree.add(node, Step(tokens=tokens, data=text.encode(), is_terminal=text is texts[-1]))
        nodes.append(node)

    refutation = Refutation(tree)
    refutation.add(node, reply_saying("".join(texts)))

    assert [refutation.is_behind(each) for each in nodes] == [False] * 4 + [True] * 3
    assert refutation.preferred([tree.root, *nodes]) == nodes[1:4]

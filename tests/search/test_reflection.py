"""Thinking again at the end of a thought."""

from collections.abc import Mapping

from search.scripts import CLOSE, find
from tables import table

from marco_cli.engine.scripted import END
from marco_cli.search.base import SearchResult

PHRASE = "Wait! Maybe I made some mistakes! I need to rethink from scratch."


def hasty(text: str) -> Mapping[str, float]:
    """Say 5 at first, unsurely, and 4 after the reflection phrase."""
    reply = text.rpartition("assistant\n")[2]
    if reply == "":
        return {"<Thought>\nQuick: 5.\n": 0.5, "<Thought>\nHasty: 5.\n": 0.5}
    if reply.endswith(f"{PHRASE}\n"):
        return {f"Slowly: 4.\n{CLOSE}4\n</Output>{END}": 1.0}
    return {f"{CLOSE}5\n</Output>{END}": 1.0} if reply.endswith("5.\n") else {}


@table(["cot", "sample", "vote", "best-of-n", "beam", "tot", "mcts", "mcts-paper"])
def test_the_phrase_is_fed_before_the_closing_tag(strategy: str) -> None:
    """The thought goes on after the phrase, which is forced and not scored; both answers are candidates."""
    result = find(hasty, strategy=strategy, reflection="always", simulations=2, parallel=1)
    first, second = result.candidates[:2]

    assert (first.reply.output, second.reply.output) == ("5", "4")
    assert first.reflects is None
    assert second.reflects == first.id
    assert second.reply.thought.endswith(f": 5.\n{PHRASE}\nSlowly: 4.")
    assert second.reply.data.count(b"</Thought>") == 1
    forced = second.reply.tokens.ids[~second.reply.tokens.is_sampled]
    assert bytes(forced.tolist()).decode() == f"{PHRASE}\n"
    assert 0 < second.fresh < 1
    assert not second.reply.is_forced


def flips(result: SearchResult) -> list[tuple[str, str]]:
    """Return the answers before and after each reflection."""
    return [
        (result.candidates[candidate.reflects].reply.output, candidate.reply.output)
        for candidate in result.candidates
        if candidate.reflects is not None
    ]


def test_flips_can_be_counted() -> None:
    """Which answer was given up for which is on record, for whoever knows the truth."""
    result = find(hasty, strategy="vote", reflection="always", simulations=6, certainty=1, parallel=1)

    assert flips(result) == [("5", "4")] * 3


def test_a_reflection_is_a_simulation_of_its_own() -> None:
    """It costs as much and is counted; a tree backs its value up like any other."""
    result = find(hasty, strategy="mcts", reflection="always", simulations=5, certainty=1, parallel=1)
    assert result.tree is not None

    assert result.tree.root.visits == result.num_simulations <= 5
    assert flips(result)


def test_low_confidence_reflects_on_doubtful_replies_alone() -> None:
    """With the model's threshold given, a reply above it is left alone and one below it is not."""
    low = find(hasty, strategy="cot", reflection="low-confidence", doubt_below=0.9999)
    high = find(hasty, strategy="cot", reflection="low-confidence", doubt_below=0.5)

    assert (len(low.candidates), len(high.candidates)) == (2, 1)


def test_reflection_can_be_a_child_of_the_tree() -> None:
    """At the end of a thought, thinking again is one of the ways on."""
    result = find(hasty, strategy="mcts", reflection="child", simulations=10, certainty=1, parallel=1, min_doubt=0.0)
    assert result.tree is not None

    assert ("5", "4") in flips(result)
    assert any(node.step.is_forced for node in result.tree.nodes)


def test_without_room_there_is_no_reflection() -> None:
    """A thought that fills its budget is not begun again."""
    result = find(hasty, strategy="cot", reflection="always", context_size=200)

    assert len(result.candidates) == 1

"""What the nodes of an exported tree say."""

from search.scripts import answer, lines
from traced import traced

from marco_cli.view.captions import captions

FIRST = "<Thought>\n"
SAME = "We begin with a long sentence that all of the replies share, and then "


def test_siblings_say_where_they_part_and_without_latex() -> None:
    """Neither a beginning that siblings share nor the dress of a formula takes the room of what differs."""
    one, other = f"{SAME}\\(2 \\times 2 = 4\\)\n", f"{SAME}something else\n"
    script = lines(
        {
            "": {FIRST: 1.0},
            FIRST: {one: 0.5, other: 0.5},
            FIRST + one: {answer("4"): 1.0},
            FIRST + other: {answer("5"): 1.0},
        }
    )
    trace = traced(script, strategy="mcts", simulations=4, step="line")
    texts = [caption.text for caption in captions(trace)]

    assert len(texts) == len(trace.tree.nodes)
    assert "…2 × 2 = 4" in texts
    assert "…something else" in texts


def test_a_false_equation_is_named_where_it_stands_and_where_it_leads() -> None:
    """The node that holds it has it as its slip, the end of its reply is false."""
    wrong = "2 + 2 = 5\n"
    script = lines({"": {FIRST: 1.0}, FIRST: {wrong: 1.0}, FIRST + wrong: {answer("5"): 1.0}})
    found = captions(traced(script, strategy="cot", temperature=0.0, step="line"))

    assert [caption.slip.replace(" ", "") for caption in found if caption.slip] == ["2+2=5"]
    assert any(caption.is_false for caption in found)

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len
from search.scripts import grown_script, lines
from traced import traced

from marco_cli.engine.scripted import END
from marco_cli.trace.decoding import Heading, read_heading
from marco_cli.trace.encoding import encode
from marco_cli.trace.record import Trace
from marco_cli.view.trace_card import final_snapshot, path_text, trace_card, tree_text
from marco_cli.view.trace_table import trace_table

HOSTILE = "\x1b[31m[bold]x[/bold]\x1b]8;;http://a\x07\r\u202e</script>"


@pytest.fixture(scope="module")
def trace() -> Trace:
    """Return the trace of a search."""
    return traced(grown_script(4), strategy="mcts", simulations=20, more={"target": "2", "item": "row 7"})


def heading_of(trace: Trace) -> Heading:
    """Return what a list reads of a trace."""
    heading = read_heading(encode(trace))
    assert heading is not None
    return heading


def test_a_card_says_what_was_asked_and_answered(trace: Trace) -> None:
    """Id, model, search, question, target, votes and the output are all there."""
    card = trace_card(trace, width=None)

    for words in (trace.id, "scripted", "mcts, 20 of 20 simulations", "2+2?", "row 7", "stopped: ", trace.reply.output):
        assert words in card
    assert "target    2" in card


def test_a_blank_question_is_no_accident(trace: Trace) -> None:
    """A trace whose question is empty, or white space, has a card and a line like any other."""
    blank = replace(trace, problem=replace(trace.problem, question=" \n"))

    assert trace.id in trace_card(blank, width=60)
    assert trace.id in trace_table([heading_of(blank)], width=60)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_is_wider_than_the_terminal(trace: Trace, width: int) -> None:
    """List and card fit; a list on a narrow terminal leaves out columns before it cuts the question away."""
    long = replace(trace, problem=replace(trace.problem, question="Why? " * 60 + "中文" * 40))
    table = trace_table([heading_of(trace), heading_of(long)], width=width)

    assert all(cell_len(line) <= width for line in table.splitlines())
    assert len(table.splitlines()) == 2
    assert trace.id in table
    assert all(cell_len(line) <= width for line in trace_card(long, width=width).split("\n\n")[0].splitlines())


def test_a_tree_is_shown_whole(trace: Trace) -> None:
    """`--tree` shows what the live view would with room for everything: visits, values, every answer, and what they mean."""
    text, _, legend = tree_text(trace, width=120, is_coloured=False).rpartition("\n\n")
    snapshot = final_snapshot(trace)

    assert text.splitlines()[0].split()[:1] == [str(trace.tree.root.visits)]
    assert text.count("✓") == len(trace.candidates)
    assert "✓ finished" in legend
    assert "\x1b" not in text
    assert "\x1b[" in tree_text(trace, width=120, is_coloured=True)
    assert [node.visits for node in snapshot.nodes] == [node.visits for node in trace.tree.nodes]


def test_a_path_says_what_each_step_was_worth(trace: Trace) -> None:
    """Every step of the given reply comes with visits, value and confidence; together they are the reply."""
    text = path_text(trace, None)

    assert text.count("step ") == len(trace.best_path()) - 1
    assert f"answer {trace.answer.canonical if trace.answer else ''}" in text
    other = trace.candidates[-1]
    assert path_text(trace, other).count("step ") == trace.tree[other.node_id].depth


@pytest.mark.parametrize("width", [80, 50])
def test_on_a_terminal_replies_are_rendered_between_words(width: int) -> None:
    """Formulas and Markdown are shown as in an answer, in the card and in the path; a pipe has the model's own words."""
    output = "The **answer**, which takes a line that is longer than the terminal is wide, is \\(\\frac{1}{2} \\times 8 = 4\\)."
    trace = traced(lines({"": {f"<Thought>\n</Thought>\n<Output>\n{output}\n</Output>{END}": 1.0}}), strategy="cot")
    shown = (trace_card(trace, width=width), path_text(trace, None, width=width))

    assert output in trace_card(trace, width=None)
    for text in shown:
        assert "1/2 × 8 = 4" in " ".join(text.split())
        assert all(cell_len(line) <= width for line in text.splitlines())


def test_a_rollout_that_is_no_node_is_shown_all_the_same() -> None:
    """In the paper's search a reply leaves the tree; its end is shown after the steps."""
    trace = traced(grown_script(4), strategy="mcts-paper", simulations=3)
    shown = [path_text(trace, candidate) for candidate in trace.candidates]

    assert any("not in the tree" in text for text in shown)


def test_hostile_text_is_harmless() -> None:
    """Markup, escape sequences and direction overrides of questions and replies are shown, not obeyed."""
    trace = traced(
        lambda _text: {f"<Thought>\n{HOSTILE}\n</Thought>\n<Output>\n{HOSTILE} 5\n</Output>{END}": 1.0},
        question=HOSTILE, strategy="mcts", simulations=1,
    )  # fmt: skip
    hostile = replace(trace, item=HOSTILE, target=HOSTILE, session=HOSTILE, model=replace(trace.model, name=HOSTILE))
    texts = (
        trace_table([heading_of(hostile)], width=80),
        trace_card(hostile, width=80),
        path_text(hostile, None),
        tree_text(hostile, width=80, is_coloured=False),
    )

    for text in texts:
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(text)
    assert "[bold]x[/bold]" in texts[1]


def test_turns_and_items_are_told_apart(trace: Trace) -> None:
    """A turn of a conversation says which one it is."""
    turn = replace(trace, source="chat", turn=3, session="20260101-000000-000-abcd", created=datetime.now(UTC))

    assert "chat 3" in trace_table([heading_of(turn)], width=None)
    assert "turn 3" in trace_card(turn, width=None)

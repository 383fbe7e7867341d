import io

from view.story import Story, candidate

from marco_cli.search.events import CandidateFound, SearchStarted
from marco_cli.view.plain import PlainSearch


def played(story: Story, *, is_verbose: bool) -> list[str]:
    """Return the lines of a whole search."""
    stream = io.StringIO()
    with PlainSearch(stream, is_verbose=is_verbose) as view:
        view.on_token(1, b"Let")
        for event in story.events():
            view.on_event(event)
    return stream.getvalue().splitlines()


def test_a_verbose_search_is_one_line_a_simulation() -> None:
    """Each says which simulation it was, what it answered, what that was worth and what has been spent."""
    lines = played(Story(simulations=3, seed=1), is_verbose=True)

    assert lines == [
        "simulation 1 of 3: 24 (value 0.37), 4 steps, 84 tokens, 0.2 s",
        "simulation 2 of 3: 72 (value 0.69), 5 steps, 168 tokens, 0.5 s",
        "simulation 3 of 3: 24 (value 0.38), 5 steps, 189 tokens, 0.8 s",
    ]


def test_a_search_that_is_not_verbose_is_silent() -> None:
    """What came of it is told by the summary."""
    assert played(Story(simulations=3), is_verbose=False) == []


def test_replies_without_a_tree_are_lines_too() -> None:
    """Strategies that sample whole replies end no simulations of a tree: each reply is a line."""
    stream = io.StringIO()
    view = PlainSearch(stream, is_verbose=True)
    view.on_event(SearchStarted(question="?", strategy="vote", parallel=1, progress=Story(simulations=8).progress))
    view.on_event(CandidateFound(candidate=candidate(0, thought="so", output="The answer is 4.")))

    assert stream.getvalue() == "simulation 1 of 8: 4 (value 0.50), 0 tokens\n"


def test_a_line_cannot_steer_the_terminal() -> None:
    """Answers come from a model: escape codes are made visible, in an encoding that the stream has."""
    data = io.BytesIO()
    stream = io.TextIOWrapper(data, encoding="ascii", newline="")
    PlainSearch(stream).say("四 \x1b[31m")

    assert data.getvalue() == b"? \\x1b[31m\n"

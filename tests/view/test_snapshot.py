import time

import pytest
from loop import finished
from search.scripts import reply_table
from tables import table
from view.story import Story, candidate

from marco_cli.engine.base import SamplingParams, Usage
from marco_cli.engine.scripted import END, scripted_engine
from marco_cli.search import STRATEGIES
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.events import CandidateFound, Noticed, Progress, SearchStarted, VoteChanged
from marco_cli.search.solve import search
from marco_cli.search.vote import count_votes, majority
from marco_cli.sections import MARCO
from marco_cli.view.snapshot import Recorder, Snapshot

FOUR, FIVE = (f"2+2 = {n}.\n</Thought>\n<Output>\nThe answer is {n}.\n</Output>{END}" for n in (4, 5))
SCRIPT = reply_table(
    {
        "": {"<Thought>\nLet me add.\n": 0.6, "<Thought>\nFirst I think.\n": 0.4},
        "<Thought>\nLet me add.\n": {FOUR: 0.6, FIVE: 0.4},
        "<Thought>\nFirst I think.\n": {FOUR: 0.9, FIVE: 0.1},
    }
)


def progress(**spent: float) -> Progress:
    """Return a progress of which only some numbers matter."""
    nothing = {"num_simulations": 0, "max_simulations": None, "num_tokens": 0, "max_tokens": None}
    return Progress(**{**nothing, "seconds": 0.0, "max_seconds": None, **spent})  # type: ignore[arg-type]


def recorded(story: Story) -> Recorder:
    """Return a recorder that has heard a whole story."""
    recorder = Recorder()
    for event in story.events():
        recorder.fold(event)
    return recorder


def test_the_picture_is_the_tree() -> None:
    """After any number of events, parents, children, visits, values and answers are those of the search's own tree."""
    story = Story(simulations=40)
    snapshot = recorded(story).snapshot()

    assert len(snapshot.nodes) == len(story.tree)
    for seen, node in zip(snapshot.nodes, story.tree.nodes, strict=True):
        assert (seen.id, seen.visits, seen.value) == (node.id, node.visits, node.value)
        assert seen.parent == (None if node.parent is None else node.parent.id)
        assert seen.children == tuple(child.id for child in node.children)
        if node.candidate_id is not None:
            answer = story.candidates[node.candidate_id].reply.answer
            assert answer is not None
            assert seen.answer == answer.canonical
    visited = [node.value for node in story.tree.nodes if node.visits]
    assert snapshot.value_range[0] <= min(visited) <= max(visited) <= snapshot.value_range[1]
    assert snapshot.stop_reason == "simulations"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_can_be_watched(strategy: str) -> None:
    """The events of a real search give its final tree or its replies, its votes and a path to its answer."""
    recorder = Recorder()

    async def run() -> SearchResult:
        engine = scripted_engine(SCRIPT)
        prompt = engine.tokenize("<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n", special=True)
        problem = Problem(prompt_ids=prompt, tags=MARCO, question="2+2?", max_tokens=200, output_reserve=40)
        config = SearchConfig(
            strategy=strategy, simulations=4, step="line", sampling=SamplingParams(temperature=1.0), beam_width=2
        )
        try:
            return await search(problem, SearchContext(engine=engine, on_event=recorder.fold), config)
        finally:
            await engine.close()

    result = finished(run())
    snapshot = recorder.snapshot()

    if result.tree is not None and len(result.tree) > 1:
        assert [(node.id, node.parent, node.visits, node.value) for node in snapshot.nodes] == [
            (node.id, node.parent, node.visits, node.value) for node in result.tree.snapshot()
        ]
    else:
        assert len(snapshot.nodes) == 1 + len(result.candidates)
    assert [vote.weight for vote in snapshot.votes] == [vote.weight for vote in result.votes]
    assert snapshot.best_path[0] == 0
    assert snapshot.num_simulations == result.num_simulations
    assert snapshot.stop_reason == result.stop_reason


def test_the_best_path_leads_to_the_leading_reply() -> None:
    """It begins at the root, every node is the child of the one before, and it ends where the leader's reply ends."""
    story = Story(simulations=20)
    snapshot = recorded(story).snapshot()
    leader = story.result().votes[0].candidate_ids[0]

    assert snapshot.best_path[0] == 0
    assert snapshot.best_path[-1] == story.candidates[leader].node_id
    assert all(
        snapshot.nodes[child].parent == parent
        for parent, child in zip(snapshot.best_path, snapshot.best_path[1:], strict=False)
    )
    assert snapshot.thought == story.candidates[leader].reply.thought


def test_a_snapshot_never_changes() -> None:
    """What was drawn from a snapshot stays true while the search goes on."""
    story = Story(simulations=30)
    recorder = Recorder()
    events = list(story.events())
    for event in events[:30]:
        recorder.fold(event)
    before = recorder.snapshot()
    nodes = before.nodes
    for event in events[30:]:
        recorder.fold(event)

    assert before.nodes is nodes
    assert len(recorder.snapshot().nodes) > len(nodes)
    assert before != recorder.snapshot()


def test_replies_without_a_tree_stand_below_the_root() -> None:
    """Strategies that sample whole replies have no tree: each reply is a child of the question."""
    recorder = Recorder()
    recorder.fold(SearchStarted(question="2+2?", strategy="vote", parallel=4, progress=progress(max_simulations=8)))
    replies = [
        candidate(number, thought=f"I count {text}.", output=text, reward=number / 4)
        for number, text in enumerate(("4", "5", "4"))
    ]
    for number, reply in enumerate(replies):
        recorder.fold(CandidateFound(candidate=reply))
        recorder.fold(VoteChanged(votes=count_votes(replies[: number + 1], majority), certainty=0.5))
    snapshot = recorder.snapshot()

    assert [node.answer for node in snapshot.nodes] == [None, "4", "5", "4"]
    assert snapshot.nodes[0].children == (1, 2, 3)
    assert snapshot.nodes[0].visits == 3
    assert snapshot.nodes[0].value == pytest.approx(0.25)
    assert snapshot.num_simulations == 3
    assert snapshot.best_path == (0, 3)
    assert [vote.answer for vote in snapshot.votes] == ["4", "5"]


def test_free_text_stands_for_itself() -> None:
    """Where no answer can be read, the first words of the output take its place, on one line and not too long."""
    recorder = Recorder()
    output = "```\n" + "one two three\n" * 20 + "```"
    reply = candidate(0, thought="", output=output)
    recorder.fold(CandidateFound(candidate=reply))
    recorder.fold(VoteChanged(votes=count_votes([reply], majority), certainty=0.0))
    vote = recorder.snapshot().votes[0]

    assert reply.reply.answer is None
    assert vote.answer.startswith("``` one two three one")
    assert vote.answer.endswith("...")
    assert len(vote.answer) <= 43


def test_the_first_thought_is_heard_until_it_is_finished() -> None:
    """Pieces cut inside a character are put together; the finished reply takes the place of what was heard."""
    recorder = Recorder()
    for byte in "四月 48".encode():
        recorder.hear(bytes([byte]))

    assert recorder.snapshot().thought == "四月 48"
    reply = candidate(0, thought="四月 48 个", output="72")
    recorder.fold(CandidateFound(candidate=reply))
    recorder.fold(VoteChanged(votes=count_votes([reply], majority), certainty=0.0))
    recorder.hear(b"more")
    assert recorder.snapshot().thought == "四月 48 个"


@table(
    [
        ({}, None, None),
        ({"max_simulations": 32}, None, 0.0),
        ({"num_simulations": 8, "max_simulations": 32, "seconds": 4.0}, 12.0, 0.25),
        ({"num_simulations": 8, "max_simulations": 32, "seconds": 4.0, "max_seconds": 5.0}, 1.0, 0.8),
        ({"num_tokens": 90, "max_tokens": 100, "seconds": 9.0, "max_seconds": 60.0}, 1.0, 0.9),
        ({"seconds": 9.0, "max_seconds": 5.0}, 0.0, 1.0),
    ]
)
def test_the_budget_that_ends_first_counts(
    spent: dict[str, float], seconds_left: float | None, share: float | None
) -> None:
    """The time left and the bar are those of whichever budget is used up first, and never run past the end."""
    recorder = Recorder()
    recorder.fold(SearchStarted(question="?", strategy="mcts", parallel=1, progress=progress(**spent)))
    snapshot = recorder.snapshot()

    assert snapshot.seconds_left == (None if seconds_left is None else pytest.approx(seconds_left))
    assert snapshot.share_spent == (None if share is None else pytest.approx(share))


def test_a_meter_fills_the_gaps_between_events() -> None:
    """Tokens, seconds and batch width move while a long rollout is under way and no event comes."""
    recorder = Recorder()
    recorder.fold(SearchStarted(question="?", strategy="mcts", parallel=4, progress=progress(num_tokens=10)))
    snapshot = recorder.snapshot(seconds=2.0, usage=Usage(decoded=500, ticks=100, width_sum=350))

    assert (snapshot.num_tokens, snapshot.seconds, snapshot.batch_width) == (500, 2.0, 3.5)
    assert snapshot.tokens_per_second == 250.0


def test_notices_are_kept_in_order() -> None:
    """What the user should know is not lost to what comes after it."""
    recorder = Recorder()
    recorder.fold(Noticed(text="first\nline"))
    recorder.fold(Noticed(text="second"))

    assert recorder.snapshot().notices == ("first line", "second")


def test_an_event_costs_what_it_changes() -> None:
    """Folding a simulation into a tree of thousands of nodes takes no longer than into one of a hundred."""
    story, recorder = Story(simulations=4_000, has_votes=False), Recorder()

    def cost() -> float:
        best = 1.0
        for _ in range(20):
            events = list(story.simulation())
            started = time.thread_time()
            for event in events:
                recorder.fold(event)
            best = min(best, (time.thread_time() - started) / max(1, len(events)))
        return best

    recorder.fold(next(story.events()))
    small = cost()
    while len(story.tree) < 1_500:
        for event in story.simulation():
            recorder.fold(event)

    assert cost() < 5 * small


def test_an_empty_picture_can_be_taken() -> None:
    """Before the first event there is a root and nothing else."""
    snapshot = Recorder().snapshot()

    assert isinstance(snapshot, Snapshot)
    assert [node.id for node in snapshot.nodes] == [0]
    assert snapshot.share_spent is None

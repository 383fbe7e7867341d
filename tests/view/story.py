"""A made-up search that grows a real tree: the events of any number of simulations, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import replace

from marco_cli.answer import extract
from marco_cli.engine.base import Tokens, Usage
from marco_cli.reward.signals import measure
from marco_cli.search.base import Candidate, Reply, SearchResult, StopReason
from marco_cli.search.events import (
    CandidateFound,
    NodesAdded,
    Progress,
    SearchEnded,
    SearchEvent,
    SearchStarted,
    SimulationEnded,
    VoteChanged,
)
from marco_cli.search.tree import Node, Step, Tree
from marco_cli.search.vote import certainty, count_votes, majority

QUESTIONS = {
    "en": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether in April and May?",
    "zh": "娜塔莉亚四月把发夹卖给了48个朋友，五月卖了一半。四月和五月她一共卖了多少个发夹？",
}
STEPS = {
    "en": (
        "Let me see what is asked for: the number of clips sold altogether.",
        "Natalia sold 48 clips in April.",
        "In May she sold half as many, so 48 / 2 = 24.",
        "In May she sold twice as many, so 48 * 2 = 96.",
        "Then I add both months: 48 + 24 = 72.",
        "Hmm, wait, half as many clips means 48 - 24 = 24 clips.",
        "I should check this once more before I answer the question at hand.",
        "April and May together are the two months that count here.",
    ),
    "zh": (
        "让我看看问题要什么：一共卖了多少个发夹。",
        "娜塔莉亚四月卖了48个发夹。",
        "五月她卖了一半，所以 48 / 2 = 24 个。",
        "五月她卖了两倍，所以 48 * 2 = 96 个。",
        "然后把两个月加起来：48 + 24 = 72。",
        "等等，一半的意思是 48 - 24 = 24 个发夹。",
        "回答之前我应该再检查一遍。",
    ),
}
LAST = {"en": "</Thought>\n<Output>\nThe answer is {}.", "zh": "</Thought>\n<Output>\n答案是 {}。"}


class Story:
    """A search that picks its steps at random and rewards 72."""

    def __init__(
        self,
        *,
        language: str = "en",
        seed: int = 0,
        simulations: int = 32,
        question: str | None = None,
        has_votes: bool = True,
    ) -> None:
        self.question = QUESTIONS[language] if question is None else question
        self.steps = STEPS[language]
        self.last = LAST[language]
        self.simulations = simulations
        self.has_votes = has_votes
        """Counting them after every reply takes time that grows with the search."""
        self.tree = Tree((1, 2, 3))
        self.candidates: list[Candidate] = []
        self.num_tokens = 0
        self._rng = random.Random(seed)
        self._number = 0

    def events(self) -> Iterator[SearchEvent]:
        """Yield a whole search."""
        yield SearchStarted(question=self.question, strategy="mcts", parallel=4, progress=self.progress)
        for _ in range(self.simulations):
            yield from self.simulation()
        yield SearchEnded(stop_reason="simulations", progress=self.progress)

    def simulation(self) -> Iterator[SearchEvent]:
        """Yield the events of one simulation: branch off somewhere, go on to an answer, back up."""
        before = len(self.tree)
        node = self._branch_point()
        added = []
        while node.depth < 2 or (node.depth < 8 and self._rng.random() < 0.7):
            node = self._step(node, self._rng.choice(self.steps) + "\n")
            added.append(node)
        answer = self._rng.choice(("72", "72", "72", "24", "96"))
        node = self._step(node, self.last.format(answer), is_terminal=True)
        self._number += 1
        self.num_tokens += 21 * len(self.tree.nodes[before:])
        if len(self.tree) > before:
            yield NodesAdded(nodes=tuple(each.state() for each in self.tree.nodes[before:]))
        value = min(1.0, max(0.0, self._rng.gauss(0.8 if answer == "72" else 0.45, 0.08)))
        if node.candidate_id is None:
            node.candidate_id = len(self.candidates)
            self.candidates.append(self._candidate(node, value))
            yield CandidateFound(candidate=self.candidates[-1])
            if self.has_votes:
                votes = count_votes(self.candidates, majority)
                yield VoteChanged(votes=votes, certainty=certainty(votes, self.candidates))
        self.tree.back_up(node, value)
        yield SimulationEnded(
            number=self._number,
            path=tuple(each.state() for each in self.tree.path(node)),
            value=value,
            candidate_id=node.candidate_id,
            progress=self.progress,
        )

    @property
    def progress(self) -> Progress:
        """What has been spent: every simulation takes a quarter of a second."""
        return Progress(
            num_simulations=self._number,
            max_simulations=self.simulations,
            num_tokens=self.num_tokens,
            max_tokens=None,
            seconds=self._number / 4,
            max_seconds=60.0,
        )

    def result(self, *, stop_reason: StopReason = "simulations") -> SearchResult:
        """Return what the search has come to so far."""
        votes = count_votes(self.candidates, majority)
        return SearchResult(
            reply=self.candidates[votes[0].candidate_ids[0]].reply,
            candidates=tuple(self.candidates),
            votes=votes,
            certainty=certainty(votes, self.candidates),
            stop_reason=stop_reason,
            num_simulations=self._number,
            max_simulations=self.simulations,
            tree=self.tree,
            usage=Usage(decoded=self.num_tokens, ticks=100, width_sum=360),
            seconds=self._number / 4,
            strategy="mcts",
        )

    def _branch_point(self) -> Node:
        node = self.tree.root
        while node.children and self._rng.random() < 0.75:
            node = max(node.children, key=lambda child: child.value + 0.15 * self._rng.random())
            if node.is_terminal:
                return node.parent or node
        return node

    def _step(self, node: Node, text: str, *, is_terminal: bool = False) -> Node:
        data = text.encode()
        return self.tree.add(node, Step(tokens=Tokens.forced(tuple(data)), data=data, is_terminal=is_terminal))

    def _candidate(self, node: Node, reward: float) -> Candidate:
        thought, _, output = self.tree.data(node).decode().partition("</Thought>\n<Output>\n")
        return candidate(len(self.candidates), thought=thought.strip(), output=output, reward=reward, node_id=node.id)


def candidate(number: int, *, thought: str, output: str, reward: float = 0.5, node_id: int = 0) -> Candidate:
    """Return a finished reply with the confidence 0.9 + a hundredth a number."""
    nothing = Tokens.forced(())
    reply = Reply(
        tokens=nothing,
        data=f"{thought}\n{output}".encode(),
        thought=thought,
        output=output,
        answer=extract(output),
        finish_reason="eos",
        signals=replace(measure(nothing), confidence=min(1.0, 0.9 + number / 100)),
    )
    return Candidate(id=number, reply=reply, node_id=node_id, reward=reward)

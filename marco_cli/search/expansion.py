"""How a search tree grows: steps sampled from a node, rollouts from a node, and what is kept of them.

In: a `Run` and its tree. Out: nodes, candidates, backed-up values. Where to grow is the strategy's business. The seed of
everything sampled from a node is a hash of the path to it and of a running number, so texts do not depend on the order in
which nodes are looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marco_cli.engine.base import Completion, Request, SamplingParams, StopRule, Tokens
from marco_cli.search.base import Candidate, Reply
from marco_cli.search.events import NodesAdded, SimulationEnded
from marco_cli.search.lanes import Lane
from marco_cli.search.limits import thought_limit
from marco_cli.search.pending import Pending
from marco_cli.search.reader import Reader
from marco_cli.search.rollout import NOTHING, read_reply
from marco_cli.search.run import Run, Simulation
from marco_cli.search.seeds import derive_seed
from marco_cli.search.steps import split, step_rule
from marco_cli.search.tree import Node, Step, Tree
from marco_cli.search.watch import StepListener


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grown:
    """What a finished reply became."""

    node: Node
    """Where it ends."""
    candidate: Candidate | None
    """None without an output, or when the very same reply was a candidate already."""


class Expansion:
    """The growing tree of one search."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.tree = Tree(run.problem.prompt_ids) if run.tree is None else run.tree
        self.pending = Pending()
        self._prefill = run.problem.prefill.encode()
        self._mode = run.config.step
        self._tags = run.problem.tags
        self._shown: set[int] = set()
        """Nodes that are there before their reply has ended."""
        run.tree = self.tree

    async def roll_out(
        self,
        lane: Lane,
        node: Node,
        *,
        index: int,
        opening: Tokens = NOTHING,
        sampling: SamplingParams | None = None,
        is_streamed: bool = False,
        on_step: Callable[[Tokens], None] | None = None,
    ) -> Reply:
        """Continue from a node, and from `opening` after it, to the end of the reply.

        Args:
            lane: who generates.
            node: where to begin.
            index: tells apart several rollouts from one node.
            opening: tokens that are settled already.
            sampling: how to go on; None as the configuration says.
            is_streamed: whether the listener to tokens hears it.
            on_step: gets the reply so far after each step but the last; for greedy ones.
        """
        if node.is_terminal:
            reply = read_reply(self.run.problem, engine=self.run.engine, tokens=self.tree.tokens(node))
            return await self.run.assessed(reply)
        return await self.run.rollout(
            lane,
            prefix=Tokens.concat((self.tree.tokens(node), opening)),
            sampling=sampling,
            seed=derive_seed(self.run.config.seed, node.key, index),
            is_streamed=is_streamed,
            on_step=None if on_step is None else StepListener(mode=self._mode, hear=on_step),
        )

    async def sample_steps(self, lane: Lane, wanted: Sequence[tuple[Node, int]]) -> list[Node]:
        """Sample one step from each node, all in one batched decode.

        Args:
            lane: who generates.
            wanted: nodes, each with the running number of the sample; a node may come several times.

        Returns:
            The children in the order asked for; steps that came out the same are the same child, and nodes whose thought
            has no room for another step (`step_room`) have none.
        """
        wanted = [(node, index) for node, index in wanted if self.step_room(node) > 0]
        befores = [self._prefill + self.tree.data(node) for node, _ in wanted]
        requests = [
            Request(
                prompt_ids=self.tree.token_ids(node),
                max_tokens=self.step_room(node),
                sampling=self.run.config.sampling,
                seed=derive_seed(self.run.config.seed, node.key, index),
                stop_when=self._step_rule(before),
            )
            for (node, index), before in zip(wanted, befores, strict=True)
        ]
        completions = await lane.generate_all(requests) if requests else ()
        num_before = len(self.tree)
        children = [
            self._add_step(node, completion, before)
            for (node, _), completion, before in zip(wanted, completions, befores, strict=True)
            if len(completion.tokens)  # one that was cancelled at once has none, and an empty step leads nowhere
        ]
        self._announce(num_before)
        return children

    def step_room(self, node: Node) -> int:
        """Return how many tokens a step may have that follows `node`; a thought without room must be rolled out."""
        limit, most = thought_limit(self.run.problem, self.run.engine), self.run.problem.max_thought_tokens
        return (limit if most is None else min(limit, most)) - node.num_tokens

    def _add_step(self, node: Node, completion: Completion, before: bytes) -> Node:
        data = b"".join(self._pieces(completion.tokens.ids.tolist()))
        is_terminal = completion.finish_reason in ("eos", "stop") or self._is_over(before + data)
        return self.tree.add(node, Step(tokens=completion.tokens, data=data, is_terminal=is_terminal))

    def accept(
        self,
        simulation: Simulation,
        reply: Reply,
        start: Node,
        *,
        reflects: int | None = None,
        is_independent: bool = False,
        num_shared: int = 0,
    ) -> Grown:
        """Take a simulation's reply: its steps into the tree, itself to the candidates, and its value up its path.

        Args:
            simulation: what the reply came of; when that does not count, no value is backed up.
            reply: begins with the tokens of `start`.
            start: where the reply leaves the tree that was known.
            reflects: the candidate that it thinks over.
            is_independent: whether it was sampled from the prompt alone. Then it is a witness of its own even where it says,
                word for word, what another says.
            num_shared: tokens after `start` that another reply has as well, in a step that they share the beginning of.
        """
        if self.run.assessment.verification.is_late(reply):
            return Grown(node=start, candidate=None)
        num_before = len(self.tree)
        end = self._graft(start, self._split(start, reply.tokens, is_terminal=simulation.counts(reply)))
        path = self.tree.path(end)[start.depth + 1 :]
        # Steps that were shown while the reply was written are as new as those that it brings now.
        fresh = sum(len(node.step.tokens) for node in path if node.id >= num_before or node.id in self._shown)
        self._announce(num_before)
        candidate = None
        if end.candidate_id is not None and not is_independent:  # the same reply, token by token
            simulation.repeat(reply, end.candidate_id)
        else:
            # Nothing of it is new, yet it is no candidate: its steps were sampled before it was finished.
            share = 1.0 if is_independent else (fresh - num_shared) / max(1, len(reply.tokens)) or 1.0
            candidate = simulation.accept(reply, node_id=end.id, fresh=share, reflects=reflects)
            if candidate is not None and end.candidate_id is None:
                end.candidate_id = candidate.id
        if simulation.is_done:
            self.back_up(end, self.run.ballot.value(reply))
        return Grown(node=end, candidate=candidate)

    def show(self, tip: Node, tokens: Tokens) -> Node:
        """Add the steps after `tip` of a reply that is still being written; return the node that it has come to."""
        num_before = len(self.tree)
        end = self.tree.graft(tip, self._split(tip, tokens, is_terminal=False))
        self._shown.update(range(num_before, len(self.tree)))
        self._announce(num_before)
        return end

    def _split(self, start: Node, tokens: Tokens, *, is_terminal: bool) -> tuple[Step, ...]:
        """Cut what a reply says after `start` into steps."""
        new = tokens[start.num_tokens :]
        before = self._prefill + self.tree.data(start)
        pieces = self._pieces(new.ids.tolist())
        return split(new, pieces, self._mode, self._tags, before=before, is_terminal=is_terminal)

    def back_up(self, node: Node, value: float) -> None:
        """Add the value of a simulation that counted to the path that ends at `node`, and say so."""
        self.tree.back_up(node, value)
        run = self.run
        if run.announcer.is_heard:
            path = tuple(above.state() for above in self.tree.path(node))
            run.announcer.emit(
                SimulationEnded(
                    number=run.budget.num_simulations,
                    path=path,
                    value=value,
                    candidate_id=node.candidate_id,
                    progress=run.announcer.progress,
                )
            )

    def _graft(self, start: Node, steps: tuple[Step, ...]) -> Node:
        node = start
        for step in steps:
            if node is not start:  # the start was counted when its branch was chosen
                node.tries += 1
            node = self.tree.add(node, step)
        return node

    def _step_rule(self, before: bytes) -> StopRule:
        rule = step_rule(self._mode, self._tags, before=before)
        budget = self.run.budget
        # A step that is cut by the budget stays open: its reply may still be closed by force.
        return lambda data, num_sampled: rule(data, num_sampled) or budget.is_tight()

    def _is_over(self, data: bytes) -> bool:
        reader = Reader(self.run.problem)
        reader.feed(data[len(self._prefill) :])
        return reader.is_over

    def _pieces(self, ids: list[int]) -> list[bytes]:
        return [self.run.engine.detokenize((token,)) for token in ids]

    def _announce(self, num_before: int) -> None:
        if self.run.announcer.is_heard and len(self.tree) > num_before:
            self.run.announcer.emit(NodesAdded(nodes=tuple(node.state() for node in self.tree.nodes[num_before:])))

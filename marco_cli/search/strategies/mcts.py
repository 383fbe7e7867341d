"""Monte Carlo tree search over steps of reasoning: the default mode.

A simulation selects a path by value, branches off where the model was least sure, lets the model run to the end of its
reply, and backs the reply's reward up. In contrast to the paper (`search.strategies.paper`):

- Q is taken on the running min-max of the tree, because raw confidences differ by less than any useful bonus.
- Every rollout's steps stay in the tree and every finished rollout is a candidate: the search knows no less than sampling
  as many replies would tell, and pays only for what they do not share.
- The first rollout is greedy, and its steps are in the tree as soon as they are written: the other lanes leave it where it was
  in doubt while it goes on. Where to branch is not left to chance: how likely the model was to go on otherwise is known
  from the scores of the tokens already there, and a rollout begins with the likeliest token that was not taken
  (`search.alternatives`), so that no path is paid for twice.
- Equations between numbers are worked out again (`reward.equations`): a chain with a false one weighs next to nothing, and
  branches leave it before that step.
- Steps that came out the same are one node; what cannot yield anything new is closed.
- With few simulations the root is searched by sequential halving.
- Where the first reply answers with a number, a share of the others answers with a program, which is run (`search.program`).
- `root_samples` replies are sampled from the prompt alone before any branch is taken: independent witnesses.
"""

from marco_cli.engine.base import GREEDY, Tokens
from marco_cli.search.base import Candidate, Reply, StopReason
from marco_cli.search.correction import corrected
from marco_cli.search.descent import Branch, Descent, Thought
from marco_cli.search.expansion import Expansion, Grown
from marco_cli.search.lanes import Lane
from marco_cli.search.program import Programs, opening, opens_program, share
from marco_cli.search.reflection import reflect_in_tree, think_again, thought_tokens
from marco_cli.search.run import Run, Simulation
from marco_cli.search.seeds import derive_seed
from marco_cli.search.tree import Node


async def mcts(run: Run) -> StopReason:
    """Search until the budget ends, the leader is certain, or there is nothing new to be found."""
    search = _Search(run)
    if search.tree.root.visits:
        await run.in_lanes(search.reopen, num_lanes=1)
        await run.in_lanes(search.simulate)
    else:
        await run.in_lanes(search.begin)
    return run.ending()


class _Search:
    """One search: where to go is the descent's business, what comes of it the tree's."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.config = run.config
        self.growth = Expansion(run)
        self.tree = self.growth.tree
        self.pending = self.growth.pending
        self.descent = Descent(self.tree, run.config, self.pending, max_simulations=run.budget.max_simulations)

    async def begin(self, lane: Lane) -> None:
        """Simulate in a new tree; the first lane writes the first reply, and the others branch off while it does."""
        if lane.number == 0:
            await self._open(lane)
        await self.simulate(lane)

    async def _open(self, lane: Lane) -> None:
        """Make the first simulation: the greedy reply, which may exist already."""
        async with self.run.simulation() as simulation:
            if simulation is None:
                return
            branch = self.descent.begin(self.tree.root)
            self.descent.is_opening = True
            tip = branch.node

            def show(tokens: Tokens) -> None:
                nonlocal tip
                above, tip = tip, self.growth.show(tip, tokens)
                for node in self.tree.path(tip)[above.depth + 1 :]:
                    self.pending.extend(node)

            try:
                reply = self.run.first or await self.growth.roll_out(
                    lane,
                    branch.node,
                    index=branch.index,
                    sampling=GREEDY if self.config.greedy_first else None,
                    is_streamed=True,
                    on_step=show if self._may_overlap else None,
                )
            finally:
                self.pending.end(tip)
                self.descent.is_opening = False
            candidate = self._accept(simulation, branch.node, reply, branch=branch)
            self.descent.programs.share = self._program_share(reply)
        await self._reflect(lane, candidate)
        self._correct(reply)

    def _program_share(self, first: Reply) -> float:
        if self.run.interpreter is None:
            return 0.0
        return share(first.answer, tags=self.run.problem.tags, wanted=self.config.programs)

    def _correct(self, reply: Reply) -> None:
        """Have the first reply written once more from its first wrong result on."""
        known = next((candidate for candidate in self.run.candidates if candidate.reply is reply), None)
        if known is None or not self.config.corrects:
            return
        place = corrected(reply.tokens.ids.tolist(), reply.data, self.run.engine)
        if place is not None:
            node = self.tree[known.node_id].within(place.num_tokens)
            kept = reply.tokens[node.num_tokens : place.num_tokens]
            self.descent.correct(node, Tokens.concat((kept, Tokens.forced(place.forced_ids))))

    @property
    def _may_overlap(self) -> bool:
        """Whether other lanes may work beside the first reply: not where they would use up the budget that it needs."""
        budget = self.run.budget
        is_limited = budget.max_tokens is not None or budget.max_seconds is not None
        return self.config.greedy_first and self.config.parallel > 1 and not is_limited

    async def reopen(self, lane: Lane) -> None:
        """Go on where an earlier search ended: with its open thoughts, and the reflection that its budget cut off."""
        begun = sum(node.visits for node in self.tree.nodes if opens_program(node.step.data))
        whole = sum(1 + each.repeats for each in self.run.candidates if each.reply.is_program)
        wanted = max((self._program_share(each.reply) for each in self.run.candidates[:1]), default=0.0)
        self.descent.programs = Programs(share=wanted, num_begun=begun, num_failed=begun - whole)
        for candidate in self.run.candidates:
            if candidate.reflects is not None:
                self.descent.drop_thought(candidate.reflects)
            elif self.config.reflection == "child":
                self._remember_thought(self.tree[candidate.node_id], candidate)
        if self.run.candidates and self.run.candidates[-1].reflects is None:
            await self._reflect(lane, self.run.candidates[-1])

    async def simulate(self, lane: Lane) -> None:
        """Make one simulation after the other."""
        while True:
            candidate = None
            async with self.run.simulation() as simulation:
                if simulation is None:
                    return
                branch = self.descent.select()
                if branch is not None:
                    try:
                        start, reply = await self._explore(lane, branch)
                    finally:
                        self.descent.end(branch)
                    candidate = self._accept(simulation, start, reply, branch=branch)
            await self._reflect(lane, candidate)
            if branch is None:
                if not self.pending[self.tree.root]:
                    self.run.reason = "exhausted"
                    return
                await self._wait_for_news(lane)

    async def _wait_for_news(self, lane: Lane) -> None:
        """Rest until something that is under way has come to an end, or to another step: it may open new ways."""
        known = self._extent
        while self.pending[self.tree.root] and self._extent == known:
            await lane.rest()

    @property
    def _extent(self) -> tuple[int, int, int]:
        return len(self.tree), self.tree.root.visits, self.pending[self.tree.root]

    async def _explore(self, lane: Lane, branch: Branch) -> tuple[Node, Reply]:
        """Generate what a branch asks for; return where it leaves the known tree, and the whole reply."""
        node = branch.node
        if branch.thought is not None:
            seed = derive_seed(self.config.seed, node.key, branch.index)
            return node, await think_again(self.run, lane, branch.thought.tokens, seed=seed)
        is_greedy = self.config.greedy_first and (branch.is_correction or branch.program == 0)
        reply = await self.growth.roll_out(
            lane,
            node,
            index=branch.index,
            opening=branch.opening if branch.program is None else self._program_opening(),
            sampling=GREEDY if is_greedy else None,
        )
        self.descent.programs.num_failed += reply.is_program and not reply.output and not reply.is_given_up
        return node, reply

    def _program_opening(self) -> Tokens:
        problem = self.run.problem
        return Tokens.forced(self.run.engine.tokenize(opening(problem.tags, problem.prefill), special=True))

    async def _reflect(self, lane: Lane, candidate: Candidate | None) -> None:
        """Think a candidate over, if there is one and the configuration says so."""
        if candidate is not None:
            await reflect_in_tree(self.growth, lane, candidate, accept=self._accept_reflection)

    def _accept(self, simulation: Simulation, start: Node, reply: Reply, *, branch: Branch) -> Candidate | None:
        """Keep a reply, and close what it leaves nothing new to find in."""
        reflects = None if branch.thought is None else branch.thought.candidate_id
        shared = len(branch.opening) if branch.is_correction else 0
        grown = self.growth.accept(
            simulation, reply, start, reflects=reflects, is_independent=branch.is_independent, num_shared=shared
        )
        return self._closed(simulation, grown, start, reply, reflects)

    def _accept_reflection(self, simulation: Simulation, start: Node, reply: Reply, reflects: int) -> Candidate | None:
        """Keep a reply that thinks another one over."""
        grown = self.growth.accept(simulation, reply, start, reflects=reflects)
        return self._closed(simulation, grown, start, reply, reflects)

    def _closed(
        self, simulation: Simulation, grown: Grown, start: Node, reply: Reply, reflects: int | None
    ) -> Candidate | None:
        """Close what a reply leaves nothing new to find in."""
        if not simulation.is_done:
            return None
        if reply.is_refuted:
            self.descent.refutation.add(grown.node, reply)
        if grown.node is start:  # it has no room for another token, or has ended
            start.is_closed = True
        self.descent.close_upwards(grown.node)
        if grown.candidate is not None and self.config.reflection == "child" and reflects is None:
            self._remember_thought(grown.node, grown.candidate)
        return grown.candidate

    def _remember_thought(self, end: Node, candidate: Candidate) -> None:
        """Note where a reply's thought ends, for a child that thinks it over."""
        tokens = thought_tokens(self.run, candidate.reply)
        if tokens is not None:
            thought = Thought(tokens=tokens, candidate_id=candidate.id)
            self.descent.add_thought(end.within(len(tokens)), thought)

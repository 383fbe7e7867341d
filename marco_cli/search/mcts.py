"""Monte Carlo tree search over steps of reasoning: the default mode.

A simulation selects a path by value, branches off where the model was least sure, lets the model run to the end of its
reply, and backs the reply's reward up. In contrast to the paper (`search.paper`):

- Q is taken on the running min-max of the tree, because raw confidences differ by less than any useful bonus.
- Every rollout's steps stay in the tree and every finished rollout is a candidate: the search knows no less than sampling
  as many replies would tell, and pays only for what they do not share.
- The first rollout is greedy. Where to branch is not left to chance: a node's doubt, the probability that one more sample
  would be none of its children, is known from the scores of the tokens already there.
- Steps that came out the same are one node; what cannot yield anything new is closed.
- With few simulations the root is searched by sequential halving.
"""

from dataclasses import dataclass
from typing import Literal

from marco_cli.engine.base import GREEDY, Tokens
from marco_cli.search.alternatives import Alternatives
from marco_cli.search.base import Candidate, Reply, StopReason
from marco_cli.search.config import HALVING_LIMIT, SearchConfig
from marco_cli.search.expansion import Expansion, Grown
from marco_cli.search.lanes import Lane
from marco_cli.search.reflection import Acceptor, reflect, think_again, thought_tokens
from marco_cli.search.rollout import NOTHING
from marco_cli.search.run import Run
from marco_cli.search.seeds import derive_seed
from marco_cli.search.selection import argmax, considered_visits, may_widen, uct, with_pending
from marco_cli.search.tree import Node, Tree


async def mcts(run: Run) -> StopReason:
    """Search until the budget ends, the leader is certain, or there is nothing new to be found."""
    search = _Search(run)
    await run.in_lanes(search.open, num_lanes=1)
    if search.reason is None:
        await run.in_lanes(search.simulate)
    return search.reason or run.budget.spent() or "finished"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """Where the next simulation leaves the known tree."""

    node: Node
    kind: Literal["sample", "reflect"]
    index: int
    """How often this node was sampled before."""
    opening: Tokens = NOTHING
    """The tokens that the branch begins with, if they were not left to chance."""


class _Search:
    """The selection rule and what it remembers."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.config = run.config
        self.growth = Expansion(run)
        self.tree = self.growth.tree
        self.reason: StopReason | None = None
        self._thoughts: dict[int, Tokens] = {}
        """Node → an open thought that runs through it and may be thought over (`reflection="child"`)."""
        limit = run.budget.max_simulations
        is_small = limit is not None and limit <= HALVING_LIMIT
        self._is_halving = run.config.root == "halving" or (run.config.root == "auto" and is_small)
        self._considered: tuple[int, ...] = ()
        self._alternatives = Alternatives()

    async def open(self, lane: Lane) -> None:
        """Make the first simulation: the greedy reply, which may exist already."""
        self.reason = self.run.claim()
        if self.reason is not None:
            return
        branch = self._begin(self.tree.root, "sample")
        try:
            reply = self.run.first or await self.growth.roll_out(
                lane,
                branch.node,
                index=branch.index,
                sampling=GREEDY if self.config.greedy_first else None,
                is_streamed=True,
            )
        finally:
            self.tree.mark_pending(branch.node, -1)
        await self._end(lane, branch.node, reply)

    async def simulate(self, lane: Lane) -> None:
        """Make one simulation after the other."""
        while True:
            self.reason = self.run.claim()
            if self.reason is not None:
                return
            branch = self.select()
            if branch is None:
                self.run.budget.settle(is_done=False)
                if self.tree.root.num_pending:
                    await lane.rest()  # what is under way may open new ways
                    continue
                self.reason = "exhausted"
                return
            try:
                start, reply = await self._explore(lane, branch)
            finally:
                self.tree.mark_pending(branch.node, -1)
            await self._end(lane, start, reply)

    def select(self) -> Branch | None:
        """Choose where to go on, and mark it as under way; None when there is nothing new to be found for now."""
        while not self.tree.root.is_closed:
            if self._is_halving and self._wants_arm():
                return self._begin(self.tree.root, "sample")
            path = self._walk()
            if not path[-1].children and path[-1].num_pending == 0:
                return self._begin(path[-1], "sample")
            again = next((node for node in reversed(path) if node.id in self._thoughts and node.visits > 1), None)
            if again is not None:
                return self._begin(again, "reflect")
            node = self._branch_point(path)
            if node is not None:
                return self._begin(node, "sample")
            if path[-1].num_pending or not self._close_upwards(path[-1]):
                return None
        return None

    def _begin(self, node: Node, kind: Literal["sample", "reflect"]) -> Branch:
        self.tree.mark_pending(node, +1)
        index = node.tries
        node.tries += 1
        is_chosen = kind == "sample" and node.children and self.config.expand == "alternative"
        way = self._alternatives.take(node) if is_chosen else None
        return Branch(node=node, kind=kind, index=index, opening=NOTHING if way is None else way.opening)

    def _walk(self) -> list[Node]:
        """Follow the best open child from the root for as long as there is one."""
        path = [self.tree.root]
        if self._is_halving and self.tree.root.num_open:
            path.append(self._surviving_child())
        while path[-1].num_open:
            path.append(best_child(self.tree, path[-1], self.config))
        return path

    def _branch_point(self, path: list[Node]) -> Node | None:
        """Return the node of a path that deserves one more child.

        First choice are nodes that progressive widening allows one, then those below `max_children`, then any that may
        still say something new (simulations under way have taken the rest).
        """
        known = [node for node in path if not node.is_terminal and node.children]
        if self._is_halving and len(known) > 1:
            known = known[1:]  # the root has its arms
        able = [node for node in known if self._doubt(node) >= self.config.min_doubt]
        free = [node for node in able if node.tries < self.config.max_children]
        for nodes in ([node for node in free if self._may_widen(node)], free, able):
            if nodes:
                return (
                    nodes[0] if self.config.branch == "top" else nodes[argmax([self._promise(node) for node in nodes])]
                )
        return None

    def _may_widen(self, node: Node) -> bool:
        return may_widen(
            tries=node.tries,
            visits=node.visits + node.num_pending,
            factor=self.config.widen_factor,
            exponent=self.config.widen_exponent,
        )

    def _doubt(self, node: Node) -> float:
        """Return how likely one more child is to be new, or how likely the next alternative is, in [0, 1]."""
        if self.config.expand == "alternative" and node.children:
            return self._alternatives.best_probability(node)
        return 1.0 - node.seen_mass

    def _promise(self, node: Node) -> float:
        """Return a node's doubt; samples are discounted by those made in vain, alternatives never are in vain."""
        doubt = self._doubt(node)
        return doubt if self.config.expand == "alternative" else doubt / node.tries

    def _wants_arm(self) -> bool:
        """Say whether the root needs one more child to be halved."""
        root = self.tree.root
        limit = self.run.budget.max_simulations or HALVING_LIMIT
        arms = min(self.config.root_children, max(1, limit // 2))
        if root.tries < arms and self._doubt(root) >= self.config.min_doubt:
            return True
        if not self._considered:
            self._considered = considered_visits(len(root.children), limit)
        return False

    def _surviving_child(self) -> Node:
        """Return the root child that sequential halving gives the next simulation to: the best of the least visited."""
        root = self.tree.root
        turn = min(root.visits + root.num_pending, len(self._considered) - 1)
        children = [child for child in root.children if not child.is_closed]
        counts = [child.visits + child.num_pending for child in children]
        meant = max((count for count in counts if count <= self._considered[turn]), default=min(counts))
        survivors = [child for child, count in zip(children, counts, strict=True) if count == meant]
        return survivors[argmax([_quality(self.tree, child, self.config) for child in survivors])]

    async def _explore(self, lane: Lane, branch: Branch) -> tuple[Node, Reply]:
        """Generate what a branch asks for; return where it leaves the known tree, and the whole reply."""
        node = branch.node
        if branch.kind == "reflect":
            thought = self._thoughts.pop(node.id)
            seed = derive_seed(self.config.seed, node.key, branch.index)
            return node, await think_again(self.run, lane, thought, seed=seed)
        if self.config.siblings > 1 and node.children and not len(branch.opening):
            node = await self._best_new_step(lane, branch)
        index = branch.index
        if node is not branch.node:
            index, node.tries = node.tries, node.tries + 1
        node.num_pending += 1
        try:
            sampling = GREEDY if len(branch.opening) and self.config.greedy_after else None
            return node, await self.growth.roll_out(lane, node, index=index, opening=branch.opening, sampling=sampling)
        finally:
            node.num_pending -= 1

    async def _best_new_step(self, lane: Lane, branch: Branch) -> Node:
        """Sample siblings and return the one that the model is surest of, a new one if there is any."""
        node, count = branch.node, self.config.siblings
        node.tries += count - 1
        children = await self.growth.sample_steps(lane, [(node, branch.index + turn) for turn in range(count)])
        new = [child for child in children if not child.visits and not child.num_pending]
        return max(new or children or [node], key=lambda child: child.confidence or 0.0)

    async def _end(self, lane: Lane, start: Node, reply: Reply) -> None:
        """Keep a reply, back its reward up, and think it over if the configuration says so."""
        candidate = self._take(lane, start, reply, reflects=None)
        if candidate is not None:
            seed = derive_seed(self.config.seed, self.tree[candidate.node_id].key, 0)
            await reflect(self.run, lane, candidate, seed=seed, accept=self._accept_reflection(lane))

    def _take(self, lane: Lane, start: Node, reply: Reply, *, reflects: int | None) -> Candidate | None:
        grown = self.growth.keep(reply, start, reflects=reflects)
        if not self.run.is_done(reply):
            self.run.budget.settle(is_done=False)
            return None
        self.growth.back_up(grown.node, self.run.value(reply), lane=lane.number)
        self._close_upwards(grown.node)
        if grown.candidate is not None and self.config.reflection == "child" and reflects is None:
            self._remember_thought(grown)
        return grown.candidate

    def _accept_reflection(self, lane: Lane) -> Acceptor:
        def accept(reply: Reply, num_shared: int, reflects: int) -> Candidate | None:
            end = self.tree[self.run.candidates[reflects].node_id]
            return self._take(lane, self._node_within(end, num_shared), reply, reflects=reflects)

        return accept

    def _remember_thought(self, grown: Grown) -> None:
        """Note where a reply's thought ends, for a child that thinks it over."""
        candidate = grown.candidate
        thought = None if candidate is None else thought_tokens(self.run, candidate.reply)
        if thought is not None:
            self._thoughts.setdefault(self._node_within(grown.node, len(thought)).id, thought)

    def _node_within(self, node: Node, num_tokens: int) -> Node:
        """Return the deepest node of the path to `node` that has at most so many tokens."""
        while node.num_tokens > num_tokens and node.parent is not None:
            node = node.parent
        return node

    def _close_upwards(self, node: Node) -> bool:
        """Close what cannot yield anything new, from `node` upwards; say whether that was anything."""
        is_changed = False
        above: Node | None = node
        while above is not None:
            if not above.is_closed:
                if above.num_open or above.num_pending or not self._is_exhausted(above):
                    break
                self.tree.close(above)
                is_changed = True
            above = above.parent
        return is_changed

    def _is_exhausted(self, node: Node) -> bool:
        if not node.children:
            return False
        return node.tries >= self.config.max_children or self._doubt(node) < self.config.min_doubt


def best_child(tree: Tree, node: Node, config: SearchConfig) -> Node:
    """Return the open child with the highest UCT score, the first of equals.

    Simulations under way count as visits that came to 0. A child without any is worth what its parent is, so that not all
    siblings need be tried before the best of them is tried again.
    """
    children = [child for child in node.children if not child.is_closed]
    scores = [
        uct(
            with_pending(
                _quality(tree, child if child.visits else node, config),
                visits=max(1, child.visits),
                pending=child.num_pending,
            ),
            visits=max(1, child.visits + child.num_pending),
            parent_visits=node.visits + node.num_pending,
            exploration=config.exploration,
        )
        for child in children
    ]
    return children[argmax(scores)]


def _quality(tree: Tree, node: Node, config: SearchConfig) -> float:
    return tree.normalise(node.value) if config.normalise else node.value

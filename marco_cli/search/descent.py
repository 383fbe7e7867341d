"""Which way down the tree the next simulation takes, and where it leaves what is known.

In: the tree with its values, the configuration. Out: a `Branch`. No engine, no text: everything here follows from numbers
that are in the tree already. A path is selected by value (UCT, or sequential halving at the root) and left where another
child promises most.
"""

from dataclasses import dataclass

from marco_cli.engine.base import Tokens
from marco_cli.search.alternatives import Alternatives
from marco_cli.search.config import SearchConfig
from marco_cli.search.outlook import Outlook
from marco_cli.search.pending import Pending
from marco_cli.search.program import Programs, opens_program
from marco_cli.search.refutation import Refutation
from marco_cli.search.rollout import NOTHING
from marco_cli.search.selection import argmax, may_widen
from marco_cli.search.siblings import Halving, best_child
from marco_cli.search.tree import Node, Tree, upwards


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thought:
    """The open thought of a candidate, which may be thought over."""

    tokens: Tokens
    candidate_id: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """Where the next simulation leaves the known tree."""

    node: Node
    index: int
    """How often this node was sampled before."""
    opening: Tokens = NOTHING
    """The tokens that the branch begins with, if they are not left to chance."""
    thought: Thought | None = None
    """What to think over, if the branch is a reflection."""
    is_root_sample: bool = False
    """Whether it is one of the replies that share nothing (`SearchConfig.root_samples`)."""
    program: int | None = None
    """Which reply that answers with a program it is, from 0; None for any other."""
    is_correction: bool = False
    """Whether it is the first reply once more, from a result that is put right."""

    @property
    def is_independent(self) -> bool:
        """Whether it begins at the prompt and shares nothing."""
        return self.is_root_sample or self.program is not None


_LIKELY = 0.2
"""Probability from which on another way is followed while the first reply is still being written: such ways are taken in any
case, sooner or later."""

_MAPPED = 0.1
"""Probability that known ways must hold together for the next one to be chosen among them instead of sampled."""


class Descent:
    """The selection rule of one search, and what it remembers."""

    def __init__(self, tree: Tree, config: SearchConfig, pending: Pending, *, max_simulations: int | None) -> None:
        self._tree = tree
        self._config = config
        self._pending = pending
        self._outlook = Outlook()
        self._halving = Halving(tree, config, pending, max_simulations=max_simulations)
        self.is_opening = False
        """Whether the first reply is still being written: until then only likely ways are followed, and off it alone."""
        self.programs = Programs(share=0.0)
        """The replies that answer with a program; without a share until the first reply shows that they make sense."""
        self._num_root_samples = 0
        """Root samples under way."""
        self._thoughts: dict[int, Thought] = {}
        """By the node that the end of the thought lies behind."""
        self._alternatives = Alternatives()
        self.refutation = Refutation(tree)
        self._corrected: tuple[Node, Tokens] | None = None
        """Where the first reply is left for the right result, and what comes after that node, the result included."""

    def correct(self, node: Node, opening: Tokens) -> None:
        """Note how the first reply goes on from `node` with its first wrong result put right: that is tried before all else."""
        self._corrected = node, opening

    def add_thought(self, node: Node, thought: Thought) -> None:
        """Note that a thought ends right after `node`; it may be thought over once the node has been visited again."""
        self._thoughts.setdefault(node.id, thought)

    def drop_thought(self, candidate_id: int) -> None:
        """Note that a candidate's thought has been thought over."""
        self._thoughts = {
            node: thought for node, thought in self._thoughts.items() if thought.candidate_id != candidate_id
        }

    def select(self) -> Branch | None:
        """Choose where to go on, and mark it as under way; None when there is nothing new to be found for now."""
        if self._corrected is not None:
            (node, opening), self._corrected = self._corrected, None
            self._pending.begin(node)
            return Branch(node=node, index=node.tries, opening=opening, is_correction=True)
        root = self._tree.root
        is_program = self.programs.is_due(root.visits + self._pending[root])
        if 0 < root.tries <= self._config.root_samples:
            return self.begin(root, is_root_sample=True, is_program=is_program)
        if self._num_root_samples:
            return None
        if is_program:
            return self.begin(root, is_program=True)
        return self._leave_first() if self.is_opening else self._select()

    def _select(self) -> Branch | None:
        while not self._tree.root.is_closed:
            if self._halving.is_on and self._wants_arm():
                return self.begin(self._tree.root)
            path = self._walk()
            if not path[-1].children and not self._pending[path[-1]]:  # a new tree, or the end of a reply that was cut
                return self.begin(path[-1])
            again = next((node for node in reversed(path) if node.id in self._thoughts and node.visits > 1), None)
            if again is not None:
                return self.begin(again, thought=self._thoughts.pop(again.id))
            node = self._branch_point(path)
            if node is not None:
                return self.begin(node)
            # Nothing to do on this path: closed, it leads the next walk elsewhere. What is under way may open it again.
            if self._pending[path[-1]] or not self.close_upwards(path[-1]):
                return None
        return None

    def begin(
        self, node: Node, *, thought: Thought | None = None, is_root_sample: bool = False, is_program: bool = False
    ) -> Branch:
        """Mark a simulation from `node` as under way, until `end`."""
        self._pending.begin(node)
        self._num_root_samples += is_root_sample
        index, node.tries = node.tries, node.tries + 1
        program = self.programs.num_begun if is_program else None
        # A branch off a program is one, too.
        self.programs.num_begun += is_program or any(opens_program(above.step.data) for above in upwards(node))
        is_chosen = thought is None and not is_root_sample and not is_program and self._is_mapped(node)
        way = self._alternatives.pop(node) if is_chosen else None
        opening = NOTHING if way is None else way.opening
        return Branch(
            node=node, index=index, opening=opening, thought=thought, is_root_sample=is_root_sample, program=program
        )

    def end(self, branch: Branch) -> None:
        """Mark that the simulation of a branch is no more under way."""
        self._pending.end(branch.node)
        self._num_root_samples -= branch.is_root_sample

    def _leave_first(self) -> Branch | None:
        """Choose a way off the first reply, as far as it is written: one that would be taken later as well."""
        root = self._tree.root
        if self._halving.is_on and root.children:
            if self._is_mapped(root) and self._wants_arm():
                return self.begin(root)
            if root.tries > 1:
                return None  # which arm goes on is for its value to say
        path = [root]
        while path[-1].children:
            path.append(path[-1].children[0])
        # With halving the root has its arms; the end of the path is still being written.
        ways = [node for node in path[int(self._halving.is_on) : -1] if self._is_worth(node) and self._is_mapped(node)]
        doubts = [self._doubt(node) for node in ways]
        return self.begin(ways[argmax(doubts)]) if max(doubts, default=0.0) >= _LIKELY else None

    def _walk(self) -> list[Node]:
        """Follow the best open child from the root for as long as there is one."""
        path = [self._tree.root]
        if self._halving.is_on and self._tree.root.open_children:
            path.append(self._halving.survivor())
        while path[-1].open_children:
            path.append(best_child(self._tree, path[-1], self._config, self._pending))
        return path

    def _branch_point(self, path: list[Node]) -> Node | None:
        """Return the node of a path that deserves one more child.

        First choice are nodes that progressive widening allows one, then those below `max_children`, then any that may
        still say something new (simulations under way have taken the rest); of a reply that a check refuted, the last of them.
        """
        known = [node for node in path if not node.is_terminal and node.children and self._is_worth(node)]
        if self._halving.is_on and len(known) > 1:
            known = known[1:]  # the root has its arms
        able = [node for node in known if self._doubt(node) >= self._config.min_doubt]
        free = [node for node in able if node.tries < self._config.max_children]
        for tier in ([node for node in free if self._may_widen(node)], free, able):
            nodes = self.refutation.preferred(tier)
            if nodes:
                return nodes[argmax([self._promise(node) for node in nodes])]
        return None

    def _may_widen(self, node: Node) -> bool:
        return may_widen(tries=node.tries, visits=node.visits + self._pending[node])

    def _doubt(self, node: Node) -> float:
        """Return how likely one more child is to be new, or how likely the next alternative is, in [0, 1]."""
        return (
            self._alternatives.best_probability(node) if self._is_mapped(node) else 1.0 - self._outlook.seen_mass(node)
        )

    def _is_mapped(self, node: Node) -> bool:
        """Say whether the ways on from a node are known: a model that is nearly indifferent has others than its top five."""
        if not node.children:
            return False
        return self._outlook.seen_mass(node) + self._alternatives.total_probability(node) >= _MAPPED

    def _promise(self, node: Node) -> float:
        """Return a node's doubt; samples are discounted by those made in vain, alternatives never are in vain."""
        doubt = self._doubt(node)
        return doubt if self._is_mapped(node) else doubt / max(1, node.tries)

    def _wants_arm(self) -> bool:
        """Say whether the root needs one more child to be halved."""
        return self._halving.wants_arm and self._doubt(self._tree.root) >= self._config.min_doubt

    def close_upwards(self, node: Node) -> bool:
        """Close what cannot yield anything new, from `node` upwards; say whether that was anything."""
        is_changed = False
        above: Node | None = node
        while above is not None:
            if not above.is_closed:
                if above.open_children or self._pending[above] or not self._is_exhausted(above):
                    break  # then nothing above is closed by it, either
                above.is_closed = True
                is_changed = True
            above = above.parent
        return is_changed

    def _is_worth(self, node: Node) -> bool:
        """Say whether to go on from a node: below a false equation, or behind what a check refuted, nothing good is to be found."""
        if self.refutation.is_behind(node):
            return False
        return not self._config.avoid_unsound or self._outlook.is_sound(node)

    def _is_exhausted(self, node: Node) -> bool:
        if not node.children:
            return False
        if not self._is_worth(node):
            return True
        return node.tries >= self._config.max_children or self._doubt(node) < self._config.min_doubt

"""What a process model says of the steps of one search.

In: replies and nodes. Out: their worth in [0, 1]. Each beginning of a reply is scored once, however many replies share it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from marco_cli.concurrency import together
from marco_cli.engine.base import Engine, Usage
from marco_cli.reward.process.base import StepScore, StepScorer
from marco_cli.search import StepMode
from marco_cli.search.base import Problem, Reply
from marco_cli.search.steps import split
from marco_cli.search.tree import Node, Tree
from marco_cli.sections.format import any_mark

UNKNOWN: Final = 0.5
"""Worth of steps that could not be scored."""

TOO_LONG: Final = "the process model's context has no room for a reply, of which the steps up to there count"


class StepScores:
    """The scores of one problem's steps."""

    def __init__(
        self,
        scorer: StepScorer,
        problem: Problem,
        *,
        engine: Engine,
        step: StepMode,
        spend: Callable[[Usage], None],
        notice: Callable[[str], None],
    ) -> None:
        self._scorer = scorer
        self._problem = problem
        self._engine = engine
        """The model that answers, which knows the bytes of its tokens."""
        self._step = step
        self._spend = spend
        self._notice = notice
        self._marks = any_mark(problem.tags)
        self._known: dict[tuple[str, ...], float | None] = {}

    async def rated(self, reply: Reply) -> Reply:
        """Return a reply with what its steps are worth; one without an output, or that has been rated, as it is."""
        if not reply.output or reply.signals.process is not None:
            return reply
        pieces = [self._engine.detokenize((token,)) for token in reply.tokens.ids.tolist()]
        before = self._problem.prefill.encode()
        steps = split(reply.tokens, pieces, self._step, self._problem.tags, before=before)
        worth = await self._worth(self._texts([step.data for step in steps]))
        return replace(reply, signals=replace(reply.signals, process=worth))

    async def of_nodes(self, tree: Tree, nodes: Sequence[Node]) -> list[float]:
        """Return what the steps from the root to each node are worth, in [0, 1]."""
        paths = [self._texts([node.step.data for node in tree.path(node)[1:]]) for node in nodes]
        return list(await together([self._worth(path) for path in paths]))

    def _texts(self, parts: Sequence[bytes]) -> tuple[str, ...]:
        """Return what steps say, without marks of the reply's format; steps that say nothing are left out.

        A character that two steps share is read in neither.
        """
        texts = (self._marks.sub("", part.decode("utf-8", errors="ignore")).strip() for part in parts)
        return tuple(text for text in texts if text)

    async def _worth(self, steps: tuple[str, ...]) -> float:
        """Return what steps are worth together, by the scores of all that there was room to ask about."""
        ends = [len(steps)] if self._scorer.is_whole else range(1, len(steps) + 1)
        # Replies of a tree share their beginnings: each is asked about once.
        new = [steps[:end] for end in ends if end and steps[:end] not in self._known]
        asked = await together([self._scorer.score(self._problem.question, beginning) for beginning in new])
        for beginning, score in zip(new, asked, strict=True):
            self._remember(beginning, score)
        known = [self._known[steps[:end]] for end in ends if end]
        scores = [value for value in known if value is not None]
        return self._scorer.worth(scores) if scores else UNKNOWN

    def _remember(self, steps: tuple[str, ...], score: StepScore | None) -> None:
        self._known[steps] = None if score is None else score.value
        if score is None:
            self._notice(TOO_LONG)
        else:
            self._spend(score.usage)

"""What is said of the replies of one search by others than the model that writes them: checks, a process model, a judge.

In: finished replies. Out: the same with verdicts, scores and preferences. What other models write is of the search's budget.
"""

from collections.abc import Callable

from marco_cli.engine.base import Usage
from marco_cli.search.ballot import Ballot
from marco_cli.search.base import Problem, Reply
from marco_cli.search.budget import Budget
from marco_cli.search.choice import to_judge
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.step_scores import StepScores
from marco_cli.search.verification import Verification


class Assessment:
    """Asks those whom the context names."""

    def __init__(
        self,
        problem: Problem,
        context: SearchContext,
        config: SearchConfig,
        *,
        budget: Budget,
        notice: Callable[[str], None],
    ) -> None:
        self.usage = Usage()
        """Work of other models."""
        self.verification = Verification(context.verifier, problem, budget, notice=notice)
        self.step_scores: StepScores | None = None
        """What a process model says of steps; None without one."""
        if context.scorer is not None:
            self.step_scores = StepScores(
                context.scorer, problem, engine=context.engine, step=config.step, spend=self._spend, notice=notice
            )
        self._judge = context.judge
        self._question = problem.question
        self._budget = budget

    async def of(self, reply: Reply, *, number: int) -> Reply:
        """Return a finished reply, before which `number` were, with what the checks say of it, and the process model of its steps."""
        reply = await self.verification.judged(reply, number=number)
        return reply if self.step_scores is None else await self.step_scores.rated(reply)

    async def judge(self, ballot: Ballot) -> bool:
        """Ask the judge, if there is one, which reply to an open-ended question is the best; say whether anything was asked."""
        if self._judge is None or not (asked := to_judge(ballot.candidates)):
            return False
        judgement = await self._judge.judge(self._question, [each.reply.output for each in asked])
        self._spend(judgement.usage)
        ballot.judge(asked, judgement.values)
        return True

    def _spend(self, usage: Usage) -> None:
        self.usage += usage
        self._budget.count(usage.decoded)

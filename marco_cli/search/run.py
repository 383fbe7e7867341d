"""One search in progress: what every strategy shares.

In: a problem, a `SearchContext`, a `SearchConfig`. A strategy takes a `Run`, asks it for rollouts, hands it the finished
replies and reads its budget; out comes a `SearchResult`. Which rollouts are made, and from where, is the strategy's
business alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from marco_cli.engine.base import SamplingParams, Tokens, Usage
from marco_cli.reward.signals import measure
from marco_cli.search import notices
from marco_cli.search.announcer import Announcer
from marco_cli.search.assessment import Assessment
from marco_cli.search.ballot import Ballot
from marco_cli.search.base import Candidate, Earlier, Problem, Reply, SearchResult, StopReason
from marco_cli.search.budget import Budget
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.lanes import Lane, run_lanes
from marco_cli.search.rollout import NOTHING, rollout
from marco_cli.search.tree import Tree
from marco_cli.search.watch import StepListener

Strategy = Callable[["Run"], Awaitable[StopReason]]

_NO_REPLY = Reply(
    tokens=NOTHING,
    data=b"",
    thought="",
    output="",
    answer=None,
    finish_reason="cancelled",
    is_truncated=True,
    signals=measure(NOTHING),
)


class Simulation:
    """One simulation under way. It counts once a reply is taken that counts; else the budget has it back at its end."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self.is_done = False
        """Whether it has counted."""

    def accept(
        self, reply: Reply, *, node_id: int = 0, fresh: float = 1.0, reflects: int | None = None
    ) -> Candidate | None:
        """Take the simulation's reply; return the candidate that it is, if it has an output.

        What comes after an answer that a check found right is dropped: how far it got depends on the machine's speed.
        """
        if self._run.assessment.verification.is_late(reply):
            return None
        self._count(reply)
        return self._run.accept(reply, node_id=node_id, fresh=fresh, reflects=reflects)

    def repeat(self, reply: Reply, candidate_id: int) -> None:
        """Take a reply that is a candidate already."""
        self._count(reply)
        self._run.ballot.repeat(candidate_id)

    @staticmethod
    def counts(reply: Reply) -> bool:
        """Say whether a simulation with this reply counts: one that the budget cut off without an output does not."""
        return bool(reply.output) or not (reply.is_given_up or reply.finish_reason == "cancelled")

    def _count(self, reply: Reply) -> None:
        self.is_done = self.counts(reply)
        if self.is_done:
            self._run.budget.end_simulation(is_done=True)


class Run:
    """A search and what has come of it so far."""

    def __init__(
        self,
        problem: Problem,
        context: SearchContext,
        config: SearchConfig,
        *,
        first: Reply | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.problem = problem
        self.engine = context.engine
        self.config = config
        self.budget = Budget(
            clock=context.clock,
            stop=context.stop,
            simulations=None if config.entry.is_chain else config.simulations,
            tokens=config.max_search_tokens,
            seconds=config.time_limit,
            output_reserve=problem.output_reserve,
        )
        self.ballot = Ballot(
            reward=config.reward_name,
            vote=config.vote_name,
            certainty=config.certainty,
            looks=config.root_samples,
            doubt_below=config.doubt_below,
        )
        self.candidates = self.ballot.candidates  # the same list
        self.announcer = Announcer(context.on_event, budget=self.budget, ballot=self.ballot)
        self.assessment = Assessment(problem, context, config, budget=self.budget, notice=self.announcer.notice)
        self.first = first
        """A greedy reply that exists already and need not be generated again."""
        self.tree: Tree | None = None
        self.reason: StopReason | None = None
        """Why a simulation was refused, the last time that one was."""
        self.usage = Usage()
        self._on_token = context.on_token
        self.interpreter = context.interpreter
        """Runs programs that replies answer with."""
        self._unfinished: Reply | None = None
        self._num_replies = 0
        if earlier is not None:
            self._resume(earlier)

    async def in_lanes(self, work: Callable[[Lane], Awaitable[None]], *, num_lanes: int | None = None) -> None:
        """Run `work` in as many lanes as the configuration says, until each returns."""
        lanes = self.config.parallel if num_lanes is None else num_lanes
        for usage in await run_lanes(lanes, self.engine, self.budget, work):
            self.usage += usage

    @asynccontextmanager
    async def simulation(
        self, *, may_be_certain: bool = True, is_needed: bool = False
    ) -> AsyncIterator[Simulation | None]:
        """Begin one more simulation, and end it; None when the search is to end, for the `reason`.

        Args:
            may_be_certain: whether a certain vote ends the search.
            is_needed: as long as there is no candidate, begin even if tokens or time are used up.
        """
        is_certain = may_be_certain and self.ballot.is_certain
        refusal = "certain" if is_certain else self.budget.begin_simulation(is_needed=is_needed and not self.candidates)
        if refusal is not None:
            self.reason = refusal
            yield None
            return
        simulation = Simulation(self)
        try:
            yield simulation
        finally:
            if not simulation.is_done:
                self.budget.end_simulation(is_done=False)

    def ending(self) -> StopReason:
        """Say why nothing more is begun: what the last refusal said, else the limit that is reached, else all was done."""
        return self.reason or self.budget.spent() or "finished"

    async def rollout(
        self,
        lane: Lane,
        *,
        prefix: Tokens = NOTHING,
        forced_ids: tuple[int, ...] = (),
        sampling: SamplingParams | None = None,
        seed: int = 0,
        is_streamed: bool = False,
        on_step: StepListener | None = None,
    ) -> Reply:
        """Continue a reply to its end within the budget; greedy with `GREEDY`, else as the configuration samples.

        Its arithmetic is corrected as it is written, but not in a reply that is streamed: what was said stays said.
        """
        with self.budget.rollout() as limits:
            reply = await rollout(
                self.problem,
                engine=lane,
                prefix=prefix,
                forced_ids=forced_ids,
                sampling=self.config.sampling if sampling is None else sampling,
                seed=seed,
                on_token=self._on_token if is_streamed else None,
                limits=limits,
                on_step=on_step,
                is_corrected=self.config.corrects and not is_streamed,  # a listener cannot take back what it has shown
                interpreter=self.interpreter,
            )
        return await self.assessed(replace(reply, is_given_up=True) if limits.is_given_up else reply)

    async def assessed(self, reply: Reply) -> Reply:
        """Return a finished reply with what is said of it.

        Its lane keeps its turn meanwhile, so that the search does not depend on how long that takes.
        """
        return await self.assessment.of(reply, number=self._num_replies)

    def accept(
        self, reply: Reply, *, node_id: int = 0, fresh: float = 1.0, reflects: int | None = None
    ) -> Candidate | None:
        """Take a reply for what it is: a candidate if it has an output, and in any case something to look at."""
        self._num_replies += 1
        for text in notices.of_reply(reply, self.problem.tags, is_first=self._num_replies == 1):
            self.announcer.notice(text)
        if not reply.output:
            self._unfinished = reply
            return None
        candidate = Candidate(id=len(self.candidates), reply=reply, node_id=node_id, fresh=fresh, reflects=reflects)
        self._add(candidate)
        self.announcer.candidate(candidate)
        return candidate

    def _add(self, candidate: Candidate) -> None:
        reply = candidate.reply
        self.budget.learn_output(len(reply.tokens) * len(reply.output.encode()) // max(1, len(reply.data)))
        self.ballot.add(candidate)

    def _resume(self, earlier: Earlier) -> None:
        """Stand where an earlier search ended."""
        self.tree = earlier.tree
        self.budget.resume(earlier.num_simulations)
        self._num_replies = earlier.num_simulations
        for candidate in earlier.candidates:  # not announced before the search is
            self._add(candidate)

    def start(self) -> None:
        """Announce the search."""
        self.announcer.start(self.problem, self.config, self.tree)

    async def result(self, reason: StopReason) -> SearchResult:
        """End the search: have all candidates judged, rate them against each other, and vote."""
        if await self.assessment.judge(self.ballot):
            self.announcer.forget_votes()
        stop_reason: StopReason = "verified" if self.budget.is_verified else reason
        self.announcer.end(stop_reason)
        # Rewards depend on the other replies: only now are they what they will be.
        candidates = tuple(self.ballot.rated(candidate) for candidate in self.candidates)
        votes = self.ballot.votes()
        reply = candidates[votes[0].candidate_ids[0]].reply if votes else self._unfinished or _NO_REPLY
        for text in notices.of_result(reply, self.engine):
            self.announcer.notice(text)
        return SearchResult(
            reply=reply,
            candidates=candidates,
            votes=votes,
            certainty=self.ballot.certainty(votes),
            stop_reason=stop_reason,
            num_simulations=self.budget.num_simulations,
            max_simulations=self.budget.max_simulations,
            tree=self.tree,
            usage=self.usage + self.assessment.usage,
            seconds=self.budget.seconds,
            notices=tuple(self.announcer.notices),
            strategy=self.config.strategy,
        )

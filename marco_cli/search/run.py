"""One search in progress: what every strategy shares.

In: a problem, engines, a `SearchConfig`, listeners. A strategy takes a `Run`, asks it for rollouts, hands it the finished
replies and reads its budget; out comes a `SearchResult`. Which rollouts are made, and from where, is the strategy's
business alone.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from marco_cli.answer import AnswerKey
from marco_cli.check.base import Verifier
from marco_cli.engine.base import Engine, SamplingParams, TokenListener, Tokens, Usage
from marco_cli.reward import REWARDS
from marco_cli.reward.judge import Judge
from marco_cli.reward.population import Population
from marco_cli.reward.process.base import StepScorer
from marco_cli.reward.signals import measure
from marco_cli.search import VOTES, load
from marco_cli.search.base import Candidate, Earlier, Problem, Reply, SearchResult, StopReason, Vote
from marco_cli.search.budget import Budget
from marco_cli.search.choice import choose, to_judge
from marco_cli.search.config import SearchConfig
from marco_cli.search.correction import put_right
from marco_cli.search.events import (
    CandidateFound,
    EventListener,
    NodesAdded,
    Noticed,
    Progress,
    SearchEnded,
    SearchEvent,
    SearchStarted,
    VoteChanged,
)
from marco_cli.search.lanes import Lane, run_lanes
from marco_cli.search.rating import Reward, rated, value
from marco_cli.search.rollout import NOTHING, StepListener, rollout
from marco_cli.search.step_scores import StepScores
from marco_cli.search.tree import Tree
from marco_cli.search.verification import Verification
from marco_cli.search.vote import VoteRule, certainty, probability_ahead

Strategy = Callable[["Run"], Awaitable[StopReason]]


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
        if self._run.verification.is_late(reply):
            return None
        self._count(reply)
        return self._run.accept(reply, node_id=node_id, fresh=fresh, reflects=reflects)

    def repeat(self, reply: Reply, candidate_id: int) -> None:
        """Take a reply that is a candidate already."""
        self._count(reply)
        self._run.repeat(candidate_id)

    @staticmethod
    def counts(reply: Reply) -> bool:
        """Say whether a simulation with this reply counts: one that the budget cut off without an output does not."""
        return bool(reply.output) or not (reply.is_given_up or reply.finish_reason == "cancelled")

    def _count(self, reply: Reply) -> None:
        self.is_done = self.counts(reply)
        if self.is_done:
            self._run.budget.settle(is_done=True)


class Run:
    """A search and what has come of it so far."""

    def __init__(
        self,
        problem: Problem,
        *,
        engine: Engine,
        config: SearchConfig,
        budget: Budget,
        scorer: StepScorer | None = None,
        judge: Judge | None = None,
        verifier: Verifier | None = None,
        on_event: EventListener | None = None,
        on_token: TokenListener | None = None,
        first: Reply | None = None,
        earlier: Earlier | None = None,
    ) -> None:
        self.problem = problem
        self.engine = engine
        self.config = config
        self.budget = budget
        self.verification = Verification(verifier, problem, budget, notice=self.notice)
        self.first = first
        """A greedy reply that exists already and need not be generated again."""
        self.tree: Tree | None = None
        self.reason: StopReason | None = None
        """Why a simulation was refused, the last time that one was."""
        self.candidates: list[Candidate] = []
        self.usage = Usage()
        self.notices: list[str] = []
        self.on_event = on_event
        self.on_token = on_token
        """Hears the tokens of the first rollout."""
        self.step_scores = (
            None
            if scorer is None
            else StepScores(scorer, problem, engine=engine, step=config.step, spend=self._spend, notice=self.notice)
        )
        """What a process model says of steps; None without one."""
        self._judge = judge
        self._population = Population()
        self._reward: Reward = load(REWARDS[config.reward_name])
        self._rule: VoteRule = load(VOTES[config.vote_name])
        self._evidence: dict[AnswerKey, float] = {}
        self._unfinished: Reply | None = None
        self._num_replies = 0
        self._num_announced = 0
        """Candidates of the votes last announced."""
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
        is_certain = may_be_certain and self.is_certain
        refusal = "certain" if is_certain else self.budget.claim(is_needed=is_needed and not self.candidates)
        if refusal is not None:
            self.reason = refusal
            yield None
            return
        simulation = Simulation(self)
        try:
            yield simulation
        finally:
            if not simulation.is_done:
                self.budget.settle(is_done=False)

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
        budget = self.budget
        was_output = is_given_up = False

        def brake(is_output: bool) -> bool:  # noqa: FBT001  # the signature of `rollout.Brake`
            nonlocal was_output, is_given_up
            if is_output and not was_output:
                was_output = True
                budget.begin_output()
            must_stop = budget.must_stop(is_output)
            is_given_up = is_given_up or must_stop
            return must_stop

        def room() -> int:
            nonlocal is_given_up
            left = budget.output_room()
            is_given_up = is_given_up or left < 1
            return left

        budget.begin_rollout()
        try:
            reply = await rollout(
                self.problem,
                engine=lane,
                prefix=prefix,
                forced_ids=forced_ids,
                sampling=self.config.sampling if sampling is None else sampling,
                seed=seed,
                on_token=self.on_token if is_streamed else None,
                brake=brake,
                room=room,
                on_step=on_step,
                is_corrected=self.config.corrects and not is_streamed,
            )
        finally:
            budget.end_rollout(was_output=was_output)
        return await self.assessed(replace(reply, is_given_up=True) if is_given_up else reply)

    async def assessed(self, reply: Reply) -> Reply:
        """Return a finished reply with what the checks say of it, and the process model of its steps.

        Its lane keeps its turn meanwhile, so that the search does not depend on how long that takes.
        """
        reply = await self.verification.judged(reply, number=self._num_replies)
        return reply if self.step_scores is None else await self.step_scores.rated(reply)

    def accept(
        self, reply: Reply, *, node_id: int = 0, fresh: float = 1.0, reflects: int | None = None
    ) -> Candidate | None:
        """Take a reply for what it is: a candidate if it has an output, and in any case something to look at."""
        self._num_replies += 1
        self._look_at(reply)
        if not reply.output:
            self._unfinished = reply
            return None
        candidate = Candidate(id=len(self.candidates), reply=reply, node_id=node_id, fresh=fresh, reflects=reflects)
        self._remember(candidate)
        if self.on_event is not None:
            self.emit(CandidateFound(candidate=self._rated(candidate)))
            if len(self.candidates) >= self._num_announced * (1 + _NEWS):
                self._announce_votes()
        return candidate

    async def judge(self) -> None:
        """Ask the judge, if there is one, which of the replies to an open-ended question is the best."""
        asked = [] if self._judge is None else to_judge(self.candidates)
        if self._judge is None or not asked:
            return
        judgement = await self._judge.judge(self.problem.question, [each.reply.output for each in asked])
        self._spend(judgement.usage)
        for candidate, worth in zip(asked, judgement.values, strict=True):
            self.candidates[candidate.id] = replace(candidate, judged=worth)
        self._num_announced = 0

    def _spend(self, usage: Usage) -> None:
        """Count work of another model than the one that answers; what it writes is of the search's budget."""
        self.usage += usage
        self.budget.count(usage.decoded)

    def _look_at(self, reply: Reply) -> None:
        """Tell what is odd about a reply."""
        tags = self.problem.tags
        if reply.tags is not None and tags.marks:
            marks = ", ".join(reply.tags.marks)
            self.notice(f"the reply is in another format than the preset's: it is read by {marks}")
        elif self._num_replies == 1 and not reply.has_tags and tags.output_open:
            self.notice(
                f"the first reply has none of the preset's tags ({', '.join(tags.marks)}): is this the model's preset?"
            )
        if reply.finish_reason == "loop":
            self.notice("a reply said the same again and again, and was ended")

    def _remember(self, candidate: Candidate) -> None:
        reply = candidate.reply
        self.budget.learn_output(len(reply.tokens) * len(reply.output.encode()) // max(1, len(reply.data)))
        self.candidates.append(candidate)
        self._population.add(reply.signals, reply.answer, weight=candidate.weight)
        if reply.answer is not None:
            key = reply.answer.key
            self._evidence[key] = self._evidence.get(key, 0.0) + candidate.evidence

    def _resume(self, earlier: Earlier) -> None:
        """Stand where an earlier search ended."""
        self.tree = earlier.tree
        self.budget.resume(earlier.num_simulations)
        self._num_replies = earlier.num_simulations
        for candidate in earlier.candidates:
            self._remember(candidate)

    def repeat(self, candidate_id: int) -> None:
        """Note that the very same reply came up once more."""
        candidate = self.candidates[candidate_id]
        self.candidates[candidate_id] = replace(candidate, repeats=candidate.repeats + 1)

    def value(self, reply: Reply) -> float:
        """Return the reward of a reply as things stand, in [0, 1]; half when it is not whole, 0 without an output."""
        return value(reply, self._reward, self._population)

    @property
    def is_certain(self) -> bool:
        """Whether the leader's posterior reaches the wanted certainty.

        The answer with the most evidence is looked at first, which costs no pass over the candidates.
        """
        if self.config.certainty >= 1 or len(self.candidates) < _FEWEST_CANDIDATES:
            return False
        totals = sorted(self._evidence.values(), reverse=True)[:2]
        if not totals or probability_ahead(totals[0], totals[1] if totals[1:] else 0.0) < self.config.certainty:
            return False
        return certainty(self.votes(), self.candidates) >= self.config.certainty

    def is_doubtful(self, reply: Reply) -> bool:
        """Say whether a reply's confidence is low: below the model's threshold, or well below its like."""
        threshold = self.config.doubt_below
        if threshold is not None:
            return reply.signals.confidence < threshold
        return self._population.standing(reply.signals.confidence) < _LOW_STANDING

    def votes(self) -> tuple[Vote, ...]:
        """Return the votes as things stand, leader first."""
        return choose([self._rated(candidate) for candidate in self.candidates], self._rule)

    def notice(self, text: str) -> None:
        """Tell the user something, once."""
        if text not in self.notices:
            self.notices.append(text)
            self.emit(Noticed(text=text))

    def emit(self, event: SearchEvent) -> None:
        """Pass an event on; build it only when `on_event` is set if that costs anything."""
        if self.on_event is not None:
            self.on_event(event)

    @property
    def progress(self) -> Progress:
        """What has been spent so far."""
        budget = self.budget
        return Progress(
            num_simulations=budget.num_simulations,
            max_simulations=budget.max_simulations,
            num_tokens=budget.num_tokens,
            max_tokens=budget.max_tokens,
            seconds=budget.seconds,
            max_seconds=budget.max_seconds,
        )

    def start(self) -> None:
        """Announce the search."""
        self.emit(
            SearchStarted(
                question=self.problem.question,
                strategy=self.config.strategy,
                parallel=self.config.parallel,
                progress=self.progress,
            )
        )
        if self.on_event is not None:
            self._announce_earlier()

    def _announce_earlier(self) -> None:
        """Tell what there is already when the search goes on from an earlier one."""
        if self.tree is not None:
            self.emit(NodesAdded(nodes=self.tree.snapshot()[1:]))
        for candidate in self.candidates:
            self.emit(CandidateFound(candidate=self._rated(candidate)))
        if self.candidates:
            self._announce_votes()

    def _announce_votes(self) -> None:
        """Tell how the vote stands: a pass over all candidates, so when there are many not after each of them."""
        self._num_announced = len(self.candidates)
        votes = self.votes()
        self.emit(VoteChanged(votes=votes, certainty=certainty(votes, self.candidates)))

    def result(self, stop_reason: StopReason) -> SearchResult:
        """End the search: rate all candidates against each other and vote."""
        if self.on_event is not None and len(self.candidates) > self._num_announced:
            self._announce_votes()
        self.emit(SearchEnded(stop_reason=stop_reason, progress=self.progress))
        candidates = tuple(self._rated(candidate) for candidate in self.candidates)
        votes = choose(candidates, self._rule)
        reply = candidates[votes[0].candidate_ids[0]].reply if votes else self._unfinished or _NO_REPLY
        if reply.output and reply.is_truncated and reply.finish_reason == "length":
            self.notice("the output was cut where its tokens ended: --max-tokens allows more")
        numbers = put_right(reply.tokens, self.engine)
        if numbers and reply.signals.false_equations:
            self.notice(f"some false arithmetic of the reply was put right ({', '.join(numbers)}), some was not")
        elif numbers:
            self.notice(f"false arithmetic was put right in the reply: {', '.join(numbers)}")
        return SearchResult(
            reply=reply,
            candidates=candidates,
            votes=votes,
            certainty=certainty(votes, candidates),
            stop_reason=stop_reason,
            num_simulations=self.budget.num_simulations,
            max_simulations=self.budget.max_simulations,
            tree=self.tree,
            usage=self.usage,
            seconds=self.budget.seconds,
            notices=tuple(self.notices),
            strategy=self.config.strategy,
        )

    def _rated(self, candidate: Candidate) -> Candidate:
        return rated(candidate, self._reward, self._population)


_FEWEST_CANDIDATES = 3
"""Finished replies before which no leader is certain."""
_NEWS = 1 / 64
"""By which share the candidates must have grown for the votes to be announced again: after each of the first 64."""

_LOW_STANDING = 0.37
"""Half a standard deviation below the mean: about the lowest 30 %."""

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

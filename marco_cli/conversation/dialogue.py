"""A conversation under way: one open solver, one turn after the other.

In: questions. Out: turns, with all that a search says while it runs. The solver stays open and its prefix cache with it, so
a turn evaluates what the turn before has not: its output, and the new question. The thought in between was generated in a
place of its own and is not part of what the model is told; an output is therefore evaluated once more, and `warm` does that
ahead of time, while a person reads, and the same with a question while it is typed. It knows neither terminals nor files.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from marco_cli.config.settings import Settings
from marco_cli.conversation.turn import Conversation, Cost, Turn
from marco_cli.conversation.window import drop_oldest
from marco_cli.engine.base import Request, TokenListener
from marco_cli.engine.radix_tree import common_length
from marco_cli.plan import SearchPlan, search_plan
from marco_cli.prompt.base import Message, compose
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import SAMPLED
from marco_cli.search.events import EventListener
from marco_cli.search.limits import reply_limit
from marco_cli.solver import Solver

REPLY_SHARE: Final = 4
"""Of the context, a fourth is kept for the reply when no `max_tokens` says how long that may be."""

LONGEST_TOKEN: Final = 8
"""Characters of a token, at most on average: texts beyond that are too long, which is known without reading them."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taken:
    """A turn that was taken, with its evidence."""

    turn: Turn
    problem: Problem
    history: tuple[Message, ...]
    """What the model was told of the turns before."""
    result: SearchResult
    plan: SearchPlan
    """What it was taken with."""
    num_dropped: int
    """Turns that were dropped for it."""

    @property
    def is_kept(self) -> bool:
        """Whether it became a part of the conversation: a reply without an output does not."""
        return bool(self.turn.output)


class Dialogue:
    """Takes turns with a solver."""

    def __init__(
        self, solver: Solver, *, conversation: Conversation | None = None, clock: Clock = time.perf_counter
    ) -> None:
        self.solver = solver
        self.plan = solver.plan
        """How questions are answered that do not say how."""
        self.conversation = conversation or Conversation()
        self._clock = clock

    async def ask(
        self,
        question: str,
        *,
        replaces_last: bool = False,
        plan: SearchPlan | None = None,
        on_problem: Callable[[Problem], None] | None = None,
        on_event: EventListener | None = None,
        on_token: TokenListener | None = None,
        stop: Stop | None = None,
    ) -> Taken:
        """Take a turn. The conversation changes when it is over: an error or a cancel leaves it as it was.

        The turn may take the place of the last one (`replaces_last`), and have a `plan` of its own. `on_problem` hears what the model
        is asked, before it is.

        Raises:
            InputError: the question is blank, or too long even with all turns dropped.
            DecodeError: the model refused to evaluate it.
        """
        timing = _Timing(self._clock, on_token)
        solver, plan = self.solver, plan or self.plan
        before = self.conversation.without_last() if replaces_last else self.conversation
        fitting, problem = self._fit(before, question, plan, limit=self._prompt_limit(plan))
        reply_limit(problem, solver.engine.context_size)
        if on_problem is not None:
            on_problem(problem)
        result = await solver.solve(problem, plan, on_event=on_event, on_token=timing.hear, stop=stop)
        taken = Taken(
            turn=_turn(question, plan.settings, result, cost=timing.cost(problem, result)),
            problem=problem,
            history=fitting.history,
            result=result,
            plan=plan,
            num_dropped=fitting.num_dropped - before.num_dropped,
        )
        if taken.is_kept:
            self.conversation = fitting.add(taken.turn)
        return taken

    def make_room(self) -> int:
        """Drop the oldest turns if less than an eighth of the room is left for the next question; return how many.

        Done after a turn, so that what all that follows costs is paid by `warm`, while the user does not wait.
        """
        before, limit = self.conversation, self.prompt_limit
        fitting, _ = self._fit(before, "?", self.plan, limit=limit - limit // 8)
        if fitting.kept:
            self.conversation = fitting
        return self.conversation.num_dropped - before.num_dropped

    async def warm(self, question: str = "", *, replaces_last: bool = False) -> None:
        """Evaluate the prompt that a question would make; without one, what any prompt will begin with.

        A cancel keeps what was evaluated so far. Everything else that the KV memory holds is forgotten: the thoughts of
        earlier turns would make every token dearer. For a question that is far too long nothing is done.

        Raises:
            InputError: the question is too long, if not by far, even with all turns dropped.
            DecodeError: the model refused to evaluate it.
        """
        if len(question) > LONGEST_TOKEN * self.prompt_limit:
            return
        ids = self._prompt(question, replaces_last=replaces_last) if question else self.known_prefix()
        await self.solver.engine.reset_cache(ids)
        await self.solver.engine.generate(Request(prompt_ids=ids, max_tokens=0))

    def known_prefix(self) -> tuple[int, ...]:
        """Return the tokens that the next prompt begins with, whatever is asked."""
        history = self.conversation.history
        one, other = (self.solver.problem(text, self.plan, history=history).prompt_ids for text in ("a", "1"))
        return one[: common_length(one, other)]

    def _prompt(self, question: str, *, replaces_last: bool) -> tuple[int, ...]:
        before = self.conversation.without_last() if replaces_last else self.conversation
        return self._fit(before, question, self.plan, limit=self.prompt_limit)[1].prompt_ids

    @property
    def prompt_limit(self) -> int:
        """Tokens that a prompt may have so that there is room for the reply."""
        return self._prompt_limit(self.plan)

    def _prompt_limit(self, plan: SearchPlan) -> int:
        size = self.solver.engine.context_size
        return size - (plan.settings.max_tokens or size // REPLY_SHARE)

    async def close(self) -> None:
        """Free the memory of the model."""
        await self.solver.close()

    def _fit(
        self, conversation: Conversation, question: str, plan: SearchPlan, *, limit: int
    ) -> tuple[Conversation, Problem]:
        """Drop what must be dropped for a question; return what is left with the problem that it makes."""
        problems: dict[int, Problem] = {}

        def count(shorter: Conversation) -> int:
            if shorter.num_dropped not in problems:
                problems[shorter.num_dropped] = self.solver.problem(question, plan, history=shorter.history)
            return len(problems[shorter.num_dropped].prompt_ids)

        fitting = drop_oldest(conversation, count=count, limit=limit)
        count(fitting)
        return fitting, problems[fitting.num_dropped]


def retried(plan: SearchPlan, attempt: int) -> SearchPlan:
    """Return the plan to ask the same question with once more: sampled, and each attempt with a seed of its own.

    A chain, and what begins with one, would take the likeliest tokens again; it becomes one sampled chain.
    """
    settings = replace(
        plan.settings,
        seed=plan.settings.seed + attempt,
        temperature=plan.config.sampling.temperature or SAMPLED.temperature,
        strategy="sample" if plan.begins_with_chain else plan.settings.strategy,
    )
    return search_plan(settings)


def _turn(question: str, settings: Settings, result: SearchResult, *, cost: Cost) -> Turn:
    prompt = compose(question, prefix=settings.prefix, suffix=settings.suffix, variables=settings.variables)
    asked, reply = prompt.messages[-1].content, result.reply
    return Turn(question=question, asked=asked, thought=reply.thought, output=reply.output, cost=cost)


class _Timing:
    """When a turn began, and when its first token came."""

    def __init__(self, clock: Clock, on_token: TokenListener | None) -> None:
        self._clock = clock
        self._on_token = on_token
        self._started = clock()
        self._first_token: float | None = None

    def hear(self, token: int, piece: bytes) -> None:
        """Note the time of the first token, and pass each on."""
        if self._first_token is None:
            self._first_token = self._clock() - self._started
        if self._on_token is not None:
            self._on_token(token, piece)

    def cost(self, problem: Problem, result: SearchResult) -> Cost:
        """Return what a turn that ends at this moment has cost."""
        usage, reply = result.usage, result.reply
        return Cost(
            prompt_tokens=len(problem.prompt_ids),
            reused=usage.reused,
            prefilled=usage.prefilled,
            decoded=usage.decoded,
            thought_tokens=reply.num_thought_tokens,
            output_tokens=reply.num_output_tokens,
            first_token_seconds=self._first_token,
            seconds=self._clock() - self._started,
        )

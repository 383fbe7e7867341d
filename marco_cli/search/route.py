"""System 1, then System 2: answer at once, and search on only when that answer is doubtful.

In: a problem and the configuration of the search. Out: a `SearchResult`, either of the one chain or of the search that it
became the first leaf of. For questions asked one by one and for the rows of a batch alike.

An open-ended question is not searched: its replies share no answer to vote on, and a chain that says something stands, cut or
not. Only a refusal, an empty phrase or a loop is held against a few independent replies (`search.choice`): among replies that all
say something, the first chain was better than any choice that was tried (benchmarks/README.md). With a judge, a doubtful chain
that says something is held against them as well.
"""

from dataclasses import dataclass, replace
from typing import Final

from marco_cli.search import program
from marco_cli.search.base import Problem, SearchResult
from marco_cli.search.config import SearchConfig
from marco_cli.search.context import SearchContext
from marco_cli.search.open_ended import is_lost, is_open_ended, is_useful
from marco_cli.search.solve import search

THRESHOLD: Final = 0.97
"""Mean confidence from which on a chain stands, for models whose threshold was not measured."""
LOOKS: Final = 2
"""Further replies, sampled from the question alone, that a chain below `THRESHOLD` is held against."""
LOOKS_WITH_PROGRAMS: Final = 3
"""As many, where the first of them answers with a program: one that agrees with the chain is enough, three are soon written."""
PATIENCE: Final = 6.0
"""Times what the first chain took that the whole answer may take, where no time limit is given."""
REDRAWS: Final = 3
"""Independent replies that take the place of an open-ended one that failed."""
REDRAW_TOKENS: Final = 1000
"""Tokens of the first chain whose time these replies may take at least."""
LEAST_SECONDS: Final = 20.0
"""But never less than this: on a small model a search is over by then."""


async def answer_or_search(problem: Problem, context: SearchContext, config: SearchConfig) -> SearchResult:
    """Make one chain, greedy if the search would begin greedily, and search on from it when it is doubtful.

    A check that judges the chain decides. Else a chain is doubtful when it was closed by force or cut, has no output or false
    arithmetic, when the process model thinks it rather wrong than right, or when its mean confidence is below
    `config.doubt_below`. Where that is None, nothing is known of the model's confidence: below `THRESHOLD` a search begins with
    independent replies (`LOOKS`), and ends with them if they agree (`search.ballot.AGREED`). A doubtful chain that answers an
    open-ended question stands; where it failed, the best of `REDRAWS` others takes its place. At temperature 0 there are neither
    independent replies nor others: the search goes on where the chain was in doubt, greedily.

    The chain's time and tokens count towards the limits of the whole. Without a time limit the whole takes at most `PATIENCE`
    times as long as the chain. When the time is used up, fewer tokens are left than the chain took, or `stop` was raised, its
    answer stands.

    Returns:
        The chain's result, or the search's with the work of both; then `first` is the chain, and `is_changed`
        says whether the search came to another answer.
    """
    route = _Route(problem, context, config, started=context.clock())
    chain = await route.chain()
    remaining = route.remaining(chain.usage.decoded, route.patience(chain))
    if remaining is None or not _is_doubtful(chain, config):
        return chain
    usage = chain.usage
    # There is something to search for then, whatever the question is like; a chain that was cut is not what a check asks for.
    is_refuted = chain.reply.is_refuted or (context.verifier is not None and chain.reply.is_truncated)
    is_open = is_useful(chain.reply) and is_open_ended((chain.reply,))
    # Texts share no answer to vote on: one that says something stands, unless a judge can hold it against others.
    if is_open and not is_refuted and (context.judge is None or not route.can_draw):
        return chain
    if route.can_draw and not is_refuted and (is_open or not is_useful(chain.reply)):
        redrawn = await route.redraw(chain)
        usage += redrawn.usage
        remaining = route.remaining(usage.decoded, route.patience(chain))
        if remaining is None or is_open_ended([candidate.reply for candidate in redrawn.candidates]):
            return replace(redrawn, usage=usage)
    num_looks = route.num_looks(chain)
    found = await route.go_on(replace(remaining, root_samples=num_looks or remaining.root_samples), chain)
    return replace(found, usage=usage + found.usage, num_looks=num_looks)


@dataclass(frozen=True, slots=True)
class _Route:
    """One question on its way, and what all searches for its answer share."""

    problem: Problem
    context: SearchContext
    config: SearchConfig
    started: float

    @property
    def can_draw(self) -> bool:
        """Whether another reply from the prompt alone can differ: at temperature 0 it would be the chain, and prove nothing."""
        return self.config.sampling.temperature > 0

    def num_looks(self, chain: SearchResult) -> int:
        """Return how many independent replies the search begins with: none where its confidence was measured."""
        if not self.can_draw or self.config.doubt_below is not None:
            return 0
        wanted = 0.0 if self.context.interpreter is None else self.config.programs
        has_programs = program.share(chain.reply.answer, tags=self.problem.tags, wanted=wanted) > 0
        return LOOKS_WITH_PROGRAMS if has_programs else LOOKS

    async def chain(self) -> SearchResult:
        """Make the first chain."""
        strategy = "cot" if self.config.greedy_first else "sample"
        config = replace(self.config, strategy=strategy, reflection="never", reward=None, vote=None)
        return await search(self.problem, replace(self.context, judge=None, on_event=None), config)

    async def go_on(self, config: SearchConfig, chain: SearchResult) -> SearchResult:
        """Search on from the chain; the result's seconds are those of the whole."""
        found = await search(self.problem, replace(self.context, on_token=None), config, first=chain.reply)
        found = replace(found, seconds=self.context.clock() - self.started, first=chain.reply)
        # The same answer again needs no other words: the first reply is what the user has read.
        is_as_good = (
            chain.reply.is_whole and chain.reply.signals.is_sound and chain.reply.verdict == found.reply.verdict
        )
        is_kept = not found.is_changed and is_as_good
        return replace(found, reply=chain.reply) if is_kept else found

    async def redraw(self, chain: SearchResult) -> SearchResult:
        """Hold a chain that failed against a few independent replies; a refusal is over soon, what follows it is not."""
        patience = self.patience(chain, num_tokens=REDRAW_TOKENS)
        config = self.remaining(chain.usage.decoded, patience) or self.config
        return await self.go_on(
            replace(config, strategy="best-of-n", simulations=1 + REDRAWS, reflection="never", reward=None, vote=None),
            chain,
        )

    def patience(self, chain: SearchResult, *, num_tokens: int = 0) -> float:
        """Return how many seconds the whole may take where no limit is given, at least those of so many of its tokens."""
        return max(LEAST_SECONDS, chain.seconds * max(PATIENCE, num_tokens / max(1, chain.usage.decoded)))

    def remaining(self, num_tokens: int, patience: float) -> SearchConfig | None:
        """Return the configuration of a search within what is left of the limits; None if that is too little.

        `num_tokens` are gone; without a time limit the whole may take `patience` seconds.
        """
        config = self.config
        limit = patience if config.time_limit is None else config.time_limit
        seconds = limit - (self.context.clock() - self.started)
        tokens = None if config.max_search_tokens is None else config.max_search_tokens - num_tokens
        # With fewer tokens than the chain took, there would be little but outputs by force to vote against it.
        if self.context.stop.is_set or seconds <= 0 or (tokens is not None and tokens < max(1, num_tokens)):
            return None
        return replace(config, time_limit=seconds, max_search_tokens=tokens)


def _is_doubtful(chain: SearchResult, config: SearchConfig) -> bool:
    threshold = THRESHOLD if config.doubt_below is None else config.doubt_below
    reply = chain.reply
    if reply.is_verified or reply.is_refuted:
        return reply.is_refuted
    if reply.signals.process is not None and reply.signals.process < _RIGHT:
        return True
    is_plain = bool(reply.output) and reply.is_whole and reply.signals.is_sound and not is_lost(reply)
    return not is_plain or chain.confidence < threshold


_RIGHT: Final = 0.5
"""What a process model says at least of a chain that stands."""

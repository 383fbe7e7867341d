"""System 1, then System 2: answer at once, and search on only when that answer is doubtful.

In: a problem and the configuration of the search. Out: a `SearchResult`, either of the one chain or of the search that it
became the first leaf of. For questions asked one by one and for the rows of a batch alike.

An open-ended question is not searched: its replies share no answer to vote on, and a whole reply that says something stands.
Only a refusal, an empty phrase, a loop or a reply that was cut is held against a few independent ones (`search.choice`). On
the 65 questions of `marco eval open` that is better than to choose among all replies by any measure of theirs
(benchmarks/README.md).
"""

import time
from dataclasses import replace
from typing import Final

from marco_cli.engine.base import Engine, TokenListener
from marco_cli.search.base import Clock, Problem, SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.events import EventListener
from marco_cli.search.failure import is_looping
from marco_cli.search.open_ended import is_open_ended, is_useful
from marco_cli.search.solve import search

THRESHOLD: Final = 0.97
"""Mean confidence from which on a chain stands, for models whose threshold nobody has measured."""
LOOKS: Final = 2
"""Further replies, sampled from the question alone, that a chain below `THRESHOLD` is held against."""
AGREED: Final = 0.93
"""Certainty at which a search that begins with looks may end: three replies that agree come to 0.9375."""
PATIENCE: Final = 6.0
"""Times what the first chain took that the whole answer may take, where no time limit is given."""
REDRAWS: Final = 3
"""Independent replies that take the place of an open-ended one that failed."""
REDRAW_TOKENS: Final = 1000
"""For these replies the whole may take the time of so many tokens of the chain: a refusal is over soon, what follows is not."""
LEAST_SECONDS: Final = 20.0
"""But never less than this: on a small model a search is over by then."""


async def answer_or_search(
    problem: Problem,
    *,
    engine: Engine,
    config: SearchConfig,
    critic: Engine | None = None,
    on_event: EventListener | None = None,
    on_token: TokenListener | None = None,
    stop: Stop | None = None,
    clock: Clock = time.monotonic,
) -> SearchResult:
    """Make one chain, greedy if the search would begin greedily, and search on from it when it is doubtful.

    A chain is doubtful when it was closed by force or cut, has no output, or its mean confidence is below
    `config.doubt_below`. Where that is None, nothing is known of the model's confidence: below `THRESHOLD` a search begins with
    `LOOKS` independent replies, and ends with them if they all agree with the chain.

    The chain's time and tokens count towards the limits of the whole. Without a time limit the whole takes at most `PATIENCE`
    times as long as the chain. When the time is used up, fewer tokens are left than the chain took, or `stop` was raised, its
    answer stands.

    Returns:
        The chain's result, or the search's with the work of both; then `first` is the chain, and `is_changed`
        says whether the search came to another answer.

    """
    started = clock()
    stop = stop or Stop()
    chain = await search(
        problem,
        engine=engine,
        config=replace(
            config, strategy="cot" if config.greedy_first else "sample", reflection="never", reward=None, vote=None
        ),
        on_event=None,
        on_token=on_token,
        stop=stop,
        clock=clock,
    )
    spent = clock() - started
    given = config
    if config.time_limit is None:
        config = replace(config, time_limit=max(LEAST_SECONDS, PATIENCE * spent))
    remaining = _remaining(config, chain.usage.decoded, spent)
    if remaining is None or stop.is_set or not _is_doubtful(chain, config):
        return chain

    async def go_on(way: SearchConfig) -> SearchResult:
        found = await search(
            problem,
            engine=engine,
            config=way,
            critic=critic,
            on_event=on_event,
            stop=stop,
            clock=clock,
            first=chain.reply,
        )
        return replace(found, seconds=clock() - started, first=chain.reply)

    usage = chain.usage
    if not is_useful(chain.reply) or is_open_ended((chain.reply,)):
        if is_useful(chain.reply) and chain.reply.is_whole:
            return chain
        patience = spent * max(PATIENCE, REDRAW_TOKENS / max(1, chain.usage.decoded))
        redrawn = await go_on(
            _redraw(remaining, seconds=max(LEAST_SECONDS, patience) if given.time_limit is None else None)
        )
        usage += redrawn.usage
        remaining = _remaining(config, usage.decoded, clock() - started)
        if is_open_ended([candidate.reply for candidate in redrawn.candidates]) or remaining is None or stop.is_set:
            return replace(redrawn, usage=usage)
    has_threshold = config.doubt_below is not None
    found = await go_on(remaining if has_threshold else _with_looks(remaining))
    return replace(found, usage=usage + found.usage, num_looks=0 if has_threshold else LOOKS)


def _is_doubtful(chain: SearchResult, config: SearchConfig) -> bool:
    threshold = THRESHOLD if config.doubt_below is None else config.doubt_below
    reply = chain.reply
    return not reply.output or not reply.is_whole or chain.confidence < threshold or is_looping(reply.output)


def _with_looks(config: SearchConfig) -> SearchConfig:
    return replace(config, root_samples=LOOKS, certainty=min(config.certainty, AGREED))


def _redraw(config: SearchConfig, *, seconds: float | None) -> SearchConfig:
    return replace(
        config,
        strategy="best-of-n",
        simulations=1 + REDRAWS,
        reflection="never",
        reward=None,
        vote=None,
        time_limit=config.time_limit if seconds is None else seconds,
    )


def _remaining(config: SearchConfig, decoded: int, spent: float) -> SearchConfig | None:
    """Return the configuration of a search within what is left of the limits; None if that is too little.

    `decoded` tokens and `spent` seconds are gone.
    """
    seconds = None if config.time_limit is None else config.time_limit - spent
    tokens = None if config.max_search_tokens is None else config.max_search_tokens - decoded
    # With fewer tokens than the chain took, there would be little but outputs by force to vote against it.
    if (seconds is not None and seconds <= 0) or (tokens is not None and tokens < max(1, decoded)):
        return None
    return replace(config, time_limit=seconds, max_search_tokens=tokens)

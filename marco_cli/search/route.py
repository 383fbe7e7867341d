"""System 1, then System 2: answer at once, and search on only when that answer is doubtful.

In: a problem and the configuration of the search. Out: a `SearchResult`, either of the one chain or of the search that it
became the first leaf of. For questions asked one by one and for the rows of a batch alike.
"""

import time
from dataclasses import replace

from marco_cli.engine.base import Engine, TokenListener
from marco_cli.search.base import Clock, Problem, SearchResult
from marco_cli.search.budget import Stop
from marco_cli.search.config import SearchConfig
from marco_cli.search.events import EventListener
from marco_cli.search.solve import search

THRESHOLD = 0.97
"""Mean confidence below which a chain is doubtful, for models whose threshold nobody has measured."""


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
    `config.doubt_below` (`THRESHOLD` where that is None). Its time and its tokens count towards the limits of the whole; when
    the time is used up, fewer tokens are left than it took, or `stop` was raised, its answer stands.

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
    threshold = THRESHOLD if config.doubt_below is None else config.doubt_below
    time_left = None if config.time_limit is None else config.time_limit - (clock() - started)
    tokens_left = None if config.max_search_tokens is None else config.max_search_tokens - chain.usage.decoded
    is_doubtful = not chain.reply.output or not chain.reply.is_whole or chain.confidence < threshold
    # With fewer tokens than the chain took, there would be little but outputs by force to vote against it.
    is_spent = (time_left is not None and time_left <= 0) or (
        tokens_left is not None and tokens_left < max(1, chain.usage.decoded)
    )
    if not is_doubtful or stop.is_set or is_spent:
        return chain
    found = await search(
        problem,
        engine=engine,
        config=replace(config, time_limit=time_left, max_search_tokens=tokens_left),
        critic=critic,
        on_event=on_event,
        stop=stop,
        clock=clock,
        first=chain.reply,
    )
    return replace(found, usage=chain.usage + found.usage, seconds=clock() - started, first=chain.reply)

"""What a search works with besides its problem and its numbers."""

import time
from dataclasses import dataclass, field

from marco_cli.check.base import Verifier
from marco_cli.engine.base import Engine, TokenListener
from marco_cli.reward.judge import Judge
from marco_cli.reward.process.base import StepScorer
from marco_cli.search.base import Clock
from marco_cli.search.budget import Stop
from marco_cli.search.events import EventListener
from marco_cli.search.program import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchContext:
    """The engine, those who know right from wrong, those who listen, and what may end it."""

    engine: Engine
    """Who generates; other searches may use it at the same time."""
    scorer: StepScorer | None = None
    """Who says whether steps are right, for the reward and the vote `process`."""
    judge: Judge | None = None
    """Who chooses among replies that have no answer to vote on."""
    verifier: Verifier | None = None
    """Who knows whether a reply is right; the first right one ends the search."""
    interpreter: Interpreter | None = None
    """Runs programs that replies answer with; without one no reply does."""
    on_event: EventListener | None = None
    """Hears everything that happens, on the event loop."""
    on_token: TokenListener | None = None
    """Hears the tokens of the first reply."""
    stop: Stop = field(default_factory=Stop)
    """Raise it to get the answer now from what there is."""
    clock: Clock = time.monotonic
    """Seconds for the time limit."""

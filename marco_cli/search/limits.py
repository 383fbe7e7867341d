"""How long a reply may be: the tokens of the whole, and those of its thought."""

from typing import Final, Protocol

from marco_cli.errors import ContextOverflowError
from marco_cli.search.base import Problem
from marco_cli.search.decoder import Decoder
from marco_cli.sections import THINK, Tags

LONGEST_REPLY: Final = 16_384
"""Tokens of a reply where nothing else is said. Some models never end, and would fill a context of 128k tokens, for hours on
a CPU. Model cards ask for up to 40 960 for the hardest problems, which `max_tokens` allows. A thought that is cut here
gets an output like any other."""


class RolloutLimits(Protocol):
    """What may end a rollout early."""

    def must_stop(self, is_output: bool) -> bool:  # noqa: FBT001  # asked after each token, in the engine's thread
        """Say whether it must stop now: its thought, which is then closed by force, or its output once that has begun."""
        ...

    def output_room(self) -> int:
        """Return how many more tokens an output by force may have; below 1 the rollout is given up."""
        ...


def reply_limit(problem: Problem, context_size: int) -> int:
    """Return how many tokens a reply may have in a context of `context_size`.

    Raises:
        ContextOverflowError: the prompt leaves no room, or less than `Problem.max_tokens`.
    """
    room = context_size - len(problem.prompt_ids)
    wanted = problem.max_tokens or 1
    if wanted > room:
        raise ContextOverflowError(
            prompt_tokens=len(problem.prompt_ids), wanted_tokens=wanted, context_size=context_size
        )
    return min(room, LONGEST_REPLY) if problem.max_tokens is None else problem.max_tokens


def thought_limit(problem: Problem, engine: Decoder) -> int:
    """Return how many tokens a reply may have before its thought is closed by force."""
    limit = reply_limit(problem, engine.context_size)
    # A reply that may still show a format needs about as much room as one of the usual format.
    tags = THINK if problem.tags.is_like(Tags()) and not problem.tags.is_fixed else problem.tags
    closing = engine.tokenize(tags.closing(phrase=problem.closing_phrase), special=True)
    return limit - min(problem.output_reserve, limit // 2) - len(closing) if closing else limit

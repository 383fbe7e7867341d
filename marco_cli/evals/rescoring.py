"""Score a finished evaluation again: with another scorer, another reward or another vote, without generating anything.

In: an `Outcome` with all its finished paths. Out: the outcome as it would have been had the search chosen by the new rule.
With the run's own names it reproduces the run. What a search *did*, where it branched and when it stopped, is as it was.
Under another scorer, the chain that a search began with is scored anew, too; where its output was not kept it is left out.
"""

from dataclasses import replace

from marco_cli.errors import ConfigError
from marco_cli.evals import SCORERS
from marco_cli.evals.base import Item, Score
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.scoring import check_target, grade
from marco_cli.reward import REWARDS
from marco_cli.search import VOTES
from marco_cli.search.ballot import rerate


def rescore(
    outcome: Outcome, *, reward: str | None = None, vote: str | None = None, scorer: str | None = None
) -> Outcome:
    """Return the outcome under another reward, vote or scorer; None keeps the run's own.

    Raises:
        ConfigError: there is no reward, vote or scorer of that name.
        InputError: the target is not one that the scorer could use.
    """
    for name, value, table in (("reward", reward, REWARDS), ("vote", vote, VOTES), ("scorer", scorer, SCORERS)):
        if value is not None and value not in table:
            raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(table)}")
    if outcome.error is not None:
        return outcome
    item = outcome.item if scorer is None else replace(outcome.item, scorer=scorer)
    if scorer is not None:
        check_target(item, where=f"item {item.id}")
    reward, vote = reward or outcome.reward, vote or outcome.vote
    rated, votes, certainty = rerate(outcome.candidates, reward=reward, vote=vote)
    again = replace(
        outcome,
        item=item,
        reward=reward,
        vote=vote,
        candidates=rated,
        scores=tuple(grade(candidate.reply.output, item) for candidate in rated),
        votes=votes,
        certainty=certainty,
        score=grade(outcome.text, item),
        first=outcome.first if scorer is None else _first(outcome, item),
    )
    chosen = again.chosen
    if chosen is None:
        return again
    return replace(
        again,
        text=chosen.reply.output,
        section="output",
        score=again.scores[chosen.id],
        is_forced=chosen.reply.is_forced,
        is_truncated=chosen.reply.is_truncated,
    )


def _first(outcome: Outcome, item: Item) -> Score | None:
    text = outcome.first_text
    return None if outcome.first is None or text is None else grade(text, item)

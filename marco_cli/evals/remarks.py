"""What a person should look at before believing the figures: rows that failed, and answers that another scorer would take.

In: outcomes. Out: lines of text; a line quotes messages and ids, which its reader escapes.
"""

import re
from collections.abc import Sequence
from typing import Final

from marco_cli.batch.failures import Failures, Reason
from marco_cli.evals.base import Item
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.scoring import folded

_WORD: Final = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]{2}")
"""What a target must have to be looked for as words; shorter ones are in many texts by chance."""


def failure_reasons(rows: Sequence[Outcome]) -> tuple[str, ...]:
    """Say why rows failed, equal reasons once."""
    failures = Failures(noun="problem")
    for row in rows:
        if row.error is not None:
            failures.add(Reason(row.error.message), row.item.id)
    return tuple(text for text, _ in failures.texts())


def near_misses(rows: Sequence[Outcome]) -> tuple[str, ...]:
    """Count the wrong answers that hold the target among other words, which `exact` does not take and `contains` does."""
    num = sum(_is_near(row) for row in rows)
    if not num:
        return ()
    answers = "1 wrong answer holds" if num == 1 else f"{num} wrong answers hold"
    advice = "read them, then perhaps: marco eval rescore RUN --scorer contains"
    return (f"{answers} the target among other words, which the scorer exact does not take; {advice}",)


def _is_near(row: Outcome) -> bool:
    is_refused = row.error is None and row.item.scorer == "exact" and row.score.verdict == "wrong"
    return is_refused and _has_words(row.text, row.item)


def _has_words(text: str, item: Item) -> bool:
    """Say whether a text holds a target as whole words, whatever their case and width."""
    words = (folded(target) for target in item.targets)
    within = folded(text)
    return any(
        re.search(rf"(?<![a-z]){re.escape(each)}(?![a-z])", within) is not None for each in words if _WORD.search(each)
    )

"""Did it pay? Variants against a baseline on the items that both answered, with a verdict in plain words.

In: outcomes by variant. Out: `Comparison`s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marco_cli.errors import InputError, cut
from marco_cli.evals.intervals import Pairing, paired
from marco_cli.evals.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One variant against the baseline."""

    baseline: str
    label: str
    pairing: Pairing
    token_ratio: float | None
    """Decoded tokens of the variant for each of the baseline's; None where the baseline has none."""
    verdict: str


def compare_rows(rows: Mapping[str, Sequence[Outcome]]) -> tuple[Comparison, ...]:
    """Compare each later variant with the first one; variants without a common item are left out.

    Raises:
        InputError: the same id stands for different questions.
    """
    _check_questions(rows)
    baseline, *others = rows
    values = {label: values_of(found) for label, found in rows.items()}
    tokens = {label: _mean_tokens(found) for label, found in rows.items()}
    comparisons = []
    for label in others:
        pairing = paired(values[baseline], values[label])
        if not pairing.difference.num:
            continue
        ratio = tokens[label] / tokens[baseline] if tokens[baseline] else None
        comparisons.append(
            Comparison(
                baseline=baseline,
                label=label,
                pairing=pairing,
                token_ratio=ratio,
                verdict=verdict(baseline, label, pairing, ratio),
            )
        )
    return tuple(comparisons)


def values_of(rows: Sequence[Outcome]) -> dict[str, list[float]]:
    """Return the values of each item, in order of the seeds; rows that failed have none."""
    values: dict[str, list[float]] = {}
    for row in sorted(rows, key=lambda row: (row.item.id, row.seed)):
        if row.error is None:
            values.setdefault(row.item.id, []).append(row.score.value)
    return values


def _mean_tokens(rows: Sequence[Outcome]) -> float:
    asked = [row.usage.decoded for row in rows if row.error is None]
    return sum(asked) / len(asked) if asked else 0.0


def _check_questions(rows: Mapping[str, Sequence[Outcome]]) -> None:
    questions: dict[str, str] = {}
    for found in rows.values():
        for row in found:
            if questions.setdefault(row.item.id, row.item.question) != row.item.question:
                raise InputError(
                    f"the id {cut(row.item.id)} stands for different questions",
                    hint="compare runs of the same data set",
                )


def verdict(baseline: str, label: str, pairing: Pairing, ratio: float | None) -> str:
    """Say in one sentence whether the variant was worth its tokens.

    A difference is shown when the 95 % interval leaves out 0 and the sign test over the items has p <= 0.05: where few items
    differ, the bootstrap alone is sure too soon.
    """
    change = pairing.difference
    points = f"{100 * change.value:+.1f} points [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
    price = "" if ratio is None else f" at {ratio:.1f} times the tokens"
    is_dearer = ratio is not None and ratio > _SAME_PRICE
    is_sure = pairing.sign_p_value <= _SIGNIFICANT
    if change.low > 0 and is_sure:
        return f"{label} is better than {baseline}: {points}{price}"
    if change.high < 0 and is_sure:
        lesson = "; the extra work did not pay" if is_dearer else ""
        return f"{label} is worse than {baseline}: {points}{price}{lesson}"
    doubt = f" (sign test: p = {pairing.sign_p_value:.3f})" if change.low > 0 or change.high < 0 else ""
    lesson = "; the extra work is not shown to pay" if is_dearer else ""
    return f"no difference shown between {label} and {baseline}: {points}{doubt}{price}{lesson}"


_SAME_PRICE = 1.05
_SIGNIFICANT = 0.05

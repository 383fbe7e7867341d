"""What an evaluation came to: every figure of the report, from its rows alone.

In: outcomes. Out: a `Report` of plain values that tables, pages and `summary.json` are made of. Shares are in [0, 1]. The
order of the rows in their file changes no figure.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from marco_cli.evals.base import NO_ANSWER
from marco_cli.evals.comparison import Comparison, compare_rows, values_of
from marco_cli.evals.confidence import SignalReport, signal_reports
from marco_cli.evals.failures import Instructive, instructive, reflection_flips
from marco_cli.evals.intervals import Estimate, bootstrap, mean_of_shares
from marco_cli.evals.metrics import Attempt, Attempts, chosen_at, solved_at
from marco_cli.evals.outcome import Outcome
from marco_cli.evals.paper import MGSM, PaperRow
from marco_cli.evals.remarks import failure_reasons, near_misses
from marco_cli.evals.translation import CorpusScores, corpus_scores
from marco_cli.search import STRATEGIES

KS = (1, 2, 4, 8, 16, 32)
"""Numbers of guesses of the curves; tables show 1, 8 and 32 as the Marco-o1 paper does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtK:
    """What k guesses come to."""

    k: int
    solved: float
    """Test@k: some guess is right."""
    maj: float
    weighted: float
    best: float
    """What the vote would choose among k guesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What became of answers that were thought over again."""

    gained: int = 0
    """Wrong, then right."""
    lost: int = 0
    """Right, then wrong."""
    kept_right: int = 0
    kept_wrong: int = 0

    @property
    def num(self) -> int:
        """All of them."""
        return self.gained + self.lost + self.kept_right + self.kept_wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """One language, or one kind of problem."""

    name: str
    accuracy: Estimate
    at: tuple[AtK, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an item cost on average; seconds are the machine's own, shared fairly among rows worked on together."""

    tokens: float
    """Decoded."""
    seconds: float
    waiting_seconds: float
    """From asking to the answer."""
    tokens_per_right: float | None
    seconds_per_right: float | None
    """Of all items, also the wrong ones, for each right answer; None without any."""
    price_per_right: float | None
    """In the currency of `--price-per-hour`; None without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantReport:
    """All figures of one way of answering."""

    label: str
    strategy: str
    reward: str
    vote: str
    seeds: tuple[int, ...]
    num_items: int
    accuracy: Estimate
    """Mean over items of the mean over seeds; translations: mean sentence chrF / 100."""
    num_right: int
    num_wrong: int
    num_no_answer: int
    num_forced: int
    """Answers from a thought that was closed by force: among the right and the wrong ones."""
    num_errors: int
    """Rows that could not be asked: in no other figure."""
    cost: Cost
    at: tuple[AtK, ...]
    is_independent: bool
    """Whether `at` is of independent samples; else "k" are the first k paths of a tree search."""
    by_lang: tuple[GroupReport, ...]
    by_group: tuple[GroupReport, ...]
    rules: tuple[tuple[str, int], ...]
    """How often each rule read the answer, most frequent first."""
    stop_reasons: tuple[tuple[str, int], ...]
    reflections: Flips
    searches: Flips
    """Of `auto`: first chain, then the search."""
    num_searched: int
    signals: tuple[SignalReport, ...]
    corpus: CorpusScores | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole evaluation."""

    dataset: str
    source: str
    model: str
    scorers: tuple[str, ...]
    num_items: int
    num_rows: int
    precision: float
    price_per_hour: float | None
    variants: tuple[VariantReport, ...]
    comparisons: tuple[Comparison, ...]
    """Each later variant against the first."""
    paper: tuple[PaperRow, ...]
    """The Marco-o1 paper's figures on this data set, if it has any."""
    notices: tuple[str, ...]
    failures: tuple[Instructive, ...] = field(default=())
    rows: tuple[Outcome, ...] = field(default=(), repr=False, compare=False)
    """What the figures are of, by item, variant and seed."""

    @property
    def is_rubric(self) -> bool:
        """Whether values are shares of rubrics."""
        return self.scorers == ("rubric",)

    @property
    def is_translation(self) -> bool:
        """Whether values are chrF and nothing is right or wrong."""
        return self.scorers == ("chrf",)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the rows do not say themselves."""

    dataset: str
    source: str
    model: str
    precision: float = 0.95
    price_per_hour: float | None = None
    labels: tuple[str, ...] = ()
    """Order of the variants; others follow in order of appearance."""


def build_report(outcomes: Iterable[Outcome], about: About) -> Report:
    """Compute every figure of an evaluation."""
    found_rows = list(outcomes)
    labels = list(dict.fromkeys((*about.labels, *(row.variant for row in found_rows))))
    # Sorted, because a resumed run writes the same rows in another order.
    rows = sorted(found_rows, key=lambda row: (row.item.id, row.variant, row.seed))
    by_label = {label: [row for row in rows if row.variant == label] for label in labels}
    by_label = {label: found for label, found in by_label.items() if found}
    scorers = tuple(sorted({row.item.scorer for row in rows}))
    langs = {row.item.lang for row in rows}
    variants = tuple(_variant(label, found, about) for label, found in by_label.items())
    return Report(
        dataset=about.dataset,
        source=about.source,
        model=about.model,
        scorers=scorers,
        num_items=len({row.item.id for row in rows}),
        num_rows=len(rows),
        precision=about.precision,
        price_per_hour=about.price_per_hour,
        variants=variants,
        comparisons=compare_rows(by_label) if by_label else (),
        paper=tuple(row for row in MGSM if row.lang in langs) if about.dataset == "mgsm" else (),
        notices=(*_notices(variants), *failure_reasons(rows), *near_misses(rows)),
        failures=() if scorers == ("chrf",) else instructive(rows),
        rows=tuple(rows),
    )


_GRADED = ("chrf", "rubric")
"""Scorers with values between 0 and 1, of texts that no two count as the same answer."""


def accuracy_of(rows: Sequence[Outcome]) -> Estimate:
    """Return the mean over items of the mean over seeds, with its interval over items."""
    means = [statistics.fmean(values) for values in values_of(rows).values()]
    return bootstrap(means) if any(row.item.scorer in _GRADED for row in rows) else mean_of_shares(means)


def _variant(label: str, rows: Sequence[Outcome], about: About) -> VariantReport:
    asked = [row for row in rows if row.error is None]
    verdicts = Counter(row.score.verdict for row in asked)
    is_translation = any(row.item.scorer == "chrf" for row in rows)
    first = next((row for row in asked if row.first is not None), asked[0] if asked else rows[0])
    attempts = {} if any(row.item.scorer in _GRADED for row in rows) else _attempts(asked)
    return VariantReport(
        label=label,
        strategy=first.strategy,
        reward=first.reward,
        vote=first.vote,
        seeds=tuple(sorted({row.seed for row in rows})),
        num_items=len({row.item.id for row in asked}),
        accuracy=accuracy_of(asked),
        num_right=verdicts["right"],
        num_wrong=verdicts["wrong"],
        num_no_answer=verdicts["no_answer"],
        num_forced=sum(row.is_forced and row.score.verdict != "no_answer" for row in asked),
        num_errors=len(rows) - len(asked),
        cost=_cost(asked, about.price_per_hour),
        at=_at(attempts, KS),
        is_independent=bool(attempts) and all(each.is_independent for each in attempts.values()),
        by_lang=_groups(asked, attempts, lambda row: row.item.lang),
        by_group=_groups(asked, attempts, lambda row: row.item.group),
        rules=tuple(Counter(_rule(row) for row in asked).most_common()),
        stop_reasons=tuple(Counter(str(row.stop_reason) for row in asked).most_common()),
        reflections=_flips(flip for row in asked for flip in reflection_flips(row)),
        searches=_flips(
            (row.first.verdict == "right", row.score.verdict == "right") for row in asked if row.first is not None
        ),
        num_searched=sum(row.is_searched for row in asked),
        signals=() if is_translation else signal_reports(asked, precision=about.precision),
        corpus=corpus_scores([row.text for row in asked], [row.item for row in asked])
        if is_translation and asked
        else None,
    )


def _rule(row: Outcome) -> str:
    return row.score.rule if row.section == "output" else f"{row.score.rule} ({row.section.replace('_', ' ')})"


def _cost(rows: Sequence[Outcome], price_per_hour: float | None) -> Cost:
    num = len(rows) or 1
    num_right = sum(row.score.verdict == "right" for row in rows)
    tokens, seconds = sum(row.usage.decoded for row in rows), sum(row.work_seconds for row in rows)
    per_right = seconds / num_right if num_right else None
    return Cost(
        tokens=tokens / num,
        seconds=seconds / num,
        waiting_seconds=sum(row.seconds for row in rows) / num,
        tokens_per_right=tokens / num_right if num_right else None,
        seconds_per_right=per_right,
        price_per_right=None if price_per_hour is None or per_right is None else price_per_hour * per_right / 3600,
    )


def _attempts(rows: Sequence[Outcome]) -> dict[str, Attempts]:
    """Return all guesses at each item, over all seeds where they are independent, else those of the first seed.

    A reply that was thought over is one guess, as it first was. What has no output leaves only its simulation behind, so a
    reflection that came to none cannot be told from a silent reply, and counts as one.
    """
    found: dict[str, Attempts] = {}
    for row in rows:
        is_independent = row.strategy in STRATEGIES and STRATEGIES[row.strategy].is_independent
        guesses = tuple(
            Attempt(candidate=candidate, score=score)
            for candidate, score in zip(row.candidates, row.scores, strict=True)
            if candidate.reflects is None
        )
        if is_independent:
            silent = max(0, row.num_simulations - len(row.candidates))
            guesses += (Attempt(candidate=None, score=NO_ANSWER),) * silent
        before = found.get(row.item.id)
        if before is None:
            found[row.item.id] = Attempts(attempts=guesses, is_independent=is_independent)
        elif is_independent and before.is_independent:
            found[row.item.id] = Attempts(attempts=(*before.attempts, *guesses), is_independent=True)
    return found


def _at(attempts: Mapping[str, Attempts], ks: Sequence[int]) -> tuple[AtK, ...]:
    """Return the figures for each k that every item has guesses for."""
    least = min((len(each.attempts) for each in attempts.values()), default=0)
    return tuple(
        AtK(
            k=k,
            solved=_mean(solved_at(each, k) for each in attempts.values()),
            maj=_mean(chosen_at(each, k, rule="maj", seed=id_) for id_, each in attempts.items()),
            weighted=_mean(chosen_at(each, k, rule="weighted", seed=id_) for id_, each in attempts.items()),
            best=_mean(chosen_at(each, k, rule="best", seed=id_) for id_, each in attempts.items()),
        )
        for k in ks
        if k <= least
    )


def _mean(values: Iterable[float | None]) -> float:
    return statistics.fmean(value for value in values if value is not None)


def _groups(
    rows: Sequence[Outcome], attempts: Mapping[str, Attempts], name_of: Callable[[Outcome], str]
) -> tuple[GroupReport, ...]:
    """Return a report on each group; none when there is only one."""
    names = list(dict.fromkeys(name_of(row) for row in rows))
    if len(names) < 2:
        return ()
    reports = []
    for name in sorted(names):
        members = [row for row in rows if name_of(row) == name]
        ids = {row.item.id for row in members}
        own = {id_: each for id_, each in attempts.items() if id_ in ids}
        reports.append(GroupReport(name=name, accuracy=accuracy_of(members), at=_at(own, (1, 8, 32))))
    return tuple(reports)


def _flips(pairs: Iterable[tuple[bool, bool]]) -> Flips:
    counts = Counter(pairs)
    return Flips(
        gained=counts[False, True],
        lost=counts[True, False],
        kept_right=counts[True, True],
        kept_wrong=counts[False, False],
    )


def _notices(variants: Sequence[VariantReport]) -> tuple[str, ...]:
    notices = []
    for variant in variants:
        if variant.num_items and variant.num_no_answer == variant.num_right + variant.num_wrong + variant.num_no_answer:
            notices.append(f"{variant.label}: not one reply has an answer; is this the model's preset, and its scorer?")
        if variant.num_errors:
            notices.append(f"{variant.label}: {variant.num_errors} rows failed and count in no figure")
        num_late = dict(variant.stop_reasons).get("time", 0)
        if num_late:
            notices.append(
                f"{variant.label}: {num_late} of the answers ended at a time limit, so they depend on the machine, "
                "on what else it did, and on --rows"
            )
    return tuple(notices)

"""The tables of an evaluation, as rows of words and figures that Markdown and HTML are made of.

In: a `Report`, `Comparison`s. Out: `Sheet`s. Texts are as they came, from people and files: the code that writes them escapes them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from marco_cli.evals.comparison import Comparison
from marco_cli.evals.intervals import Estimate
from marco_cli.evals.paper import standard_error
from marco_cli.evals.report import AtK, GroupReport, Report, VariantReport
from marco_cli.view.numbers import grouped

NONE = "–"  # noqa: RUF001 (an en dash reads as "none" in a column of figures)

Row = tuple[str, ...]

_RESULT_NOTE = (
    "Tokens are decoded ones and seconds the machine's own, a problem on average. No answer: nothing that the scorer could "
    "read; counted as not right. Forced: the thought was closed by force."
)
_PAPER_NOTE = (
    "The paper (arXiv 2411.14405) states no errors; ± is the standard error of its 250 problems. Measured Test@1 is the "
    "chosen answer's accuracy with its 95 % interval."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: a title, the names of its columns, its rows, and what one should know to read it."""

    title: str
    head: Row
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def short_sheet(report: Report) -> Sheet:
    """Return one line a variant that fits a narrow terminal: accuracy, what was no answer, what it cost."""
    rows = (
        (
            variant.label,
            percent(variant.accuracy.value),
            interval(variant.accuracy),
            str(variant.num_no_answer),
            str(variant.num_forced),
            grouped(variant.cost.tokens),
            seconds(variant.cost.seconds),
        )
        for variant in report.variants
    )
    head = ("variant", _metric(report), "95 %", "none", "forced", "tokens", "s")
    return Sheet(title="Results", head=head, rows=tuple(rows))


def result_sheet(report: Report) -> Sheet:
    """Return one line a variant with all costs."""
    has_price, has_corpus = report.price_per_hour is not None, report.is_translation
    head = (
        "variant",
        _metric(report),
        "95 %",
        *(("corpus chrF", "BLEU") if has_corpus else ()),
        "problems",
        "no answer",
        "forced",
        "tokens",
        "seconds",
        *(() if has_corpus else ("tokens a right answer", "seconds a right answer")),
        *(("price of 1 000 right answers",) if has_price else ()),
    )
    rows = (_result(variant, has_price=has_price, has_corpus=has_corpus) for variant in report.variants)
    return Sheet(title="Results", head=head, rows=tuple(rows), notes=(_RESULT_NOTE,))


def _result(variant: VariantReport, *, has_price: bool, has_corpus: bool) -> Row:
    cost, corpus = variant.cost, variant.corpus
    scores = (NONE, NONE) if corpus is None else (f"{corpus.chrf:.1f}", f"{corpus.bleu:.1f}")
    per_right = (
        NONE if cost.tokens_per_right is None else grouped(cost.tokens_per_right),
        seconds(cost.seconds_per_right),
    )
    price = NONE if cost.price_per_right is None else f"{1000 * cost.price_per_right:.3g}"
    return (
        variant.label,
        percent(variant.accuracy.value),
        interval(variant.accuracy),
        *(scores if has_corpus else ()),
        str(variant.num_items),
        str(variant.num_no_answer),
        str(variant.num_forced),
        grouped(cost.tokens),
        seconds(cost.seconds),
        *(() if has_corpus else per_right),
        *((price,) if has_price else ()),
    )


def detail_sheets(report: Report) -> tuple[Sheet, ...]:
    """Return all further tables that have something to say."""
    sheets = (
        paper_sheet(report),
        comparison_sheet(report.comparisons),
        _group_sheet(report, "By language", lambda variant: variant.by_lang),
        _group_sheet(report, "By kind of problem", lambda variant: variant.by_group),
        guesses_sheet(report),
        signal_sheet(report),
        flips_sheet(report),
        rule_sheet(report),
    )
    return tuple(sheet for sheet in sheets if sheet.rows)


def guesses_sheet(report: Report) -> Sheet:
    """Return Test@k and what each vote makes of k guesses, for variants with two guesses at every problem."""
    rows = [
        (
            variant.label + ("" if variant.is_independent else " †"),
            str(at.k),
            *(percent(share) for share in (at.solved, at.maj, at.weighted, at.best)),
        )
        for variant in report.variants
        if len(variant.at) > 1
        for at in variant.at
    ]
    notes = ["Test@k: some guess of k is right (unbiased). maj, weighted, best: what that vote chooses among k."]
    if any("†" in row[0] for row in rows):
        notes.append("† The first k paths of a tree search, which are not independent samples.")
    notes.append(
        "A k is shown when every problem has that many guesses; +certainty=1 keeps a vote from stopping early."
    )
    return Sheet(
        title="Guesses",
        head=("variant", "k", "Test@k", "maj@k", "weighted@k", "best@k"),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def signal_sheet(report: Report) -> Sheet:
    """Return AUROC, calibration error and threshold of each signal."""
    rows = []
    for variant in report.variants:
        for signal in variant.signals:
            cut = signal.threshold
            rows.append(
                (
                    variant.label,
                    signal.name,
                    NONE if signal.auroc is None else f"{signal.auroc:.3f}",
                    f"{signal.calibration_error:.3f}",
                    NONE if cut is None else f"{cut.score:.4f}",
                    NONE if cut is None else percent(cut.precision),
                    NONE if cut is None else percent(cut.coverage),
                )
            )
    wanted = f"cut for {100 * report.precision:g} %"
    return Sheet(
        title="Can the confidence be trusted?",
        head=("variant", "signal", "AUROC", "calibration error", wanted, "right % above", "kept %"),
        rows=tuple(rows),
        notes=("AUROC: the chance that a right answer scores above a wrong one; 0.5 is a coin.",),
    )


def flips_sheet(report: Report) -> Sheet:
    """Return what reflection, and the searches of `auto`, did to right and wrong answers."""
    rows = [
        (variant.label, name, *(str(count) for count in (flips.gained, flips.lost, flips.kept_right, flips.kept_wrong)))
        for variant in report.variants
        for name, flips in (("reflection", variant.reflections), ("search", variant.searches))
        if flips.num
    ]
    head = ("variant", "by", "wrong → right", "right → wrong", "stayed right", "stayed wrong")
    return Sheet(title="Thinking again", head=head, rows=tuple(rows))


def rule_sheet(report: Report) -> Sheet:
    """Return which rules read the answers."""
    rules = list(dict.fromkeys(rule for variant in report.variants for rule, _ in variant.rules))
    rows = ((variant.label, *(str(dict(variant.rules).get(rule, 0)) for rule in rules)) for variant in report.variants)
    return Sheet(title="How the answers were read", head=("variant", *rules), rows=tuple(rows))


def paper_sheet(report: Report) -> Sheet:
    """Return the paper's Test@1/8/32 with standard errors, and the measured ones below."""
    rows: list[Row] = []
    for lang in dict.fromkeys(row.lang for row in report.paper):
        papers = (row for row in report.paper if row.lang == lang)
        rows += [(f"paper: {paper.name}", lang, *(_with_error(value) for _, value in paper.at)) for paper in papers]
        rows += [(f"measured: {variant.label}", lang, *_measured(variant, lang)) for variant in report.variants]
    return Sheet(
        title="Beside the Marco-o1 paper",
        head=("what", "language", "Test@1", "Test@8", "Test@32"),
        rows=tuple(rows),
        notes=(_PAPER_NOTE,),
    )


def comparison_sheet(comparisons: Sequence[Comparison]) -> Sheet:
    """Return paired tests, one line a pair."""
    rows = (
        (
            each.label,
            each.baseline,
            str(each.pairing.difference.num),
            f"{100 * each.pairing.difference.value:+.1f}",
            f"{100 * each.pairing.difference.low:+.1f} to {100 * each.pairing.difference.high:+.1f}",
            str(each.pairing.gained),
            str(each.pairing.lost),
            p_value(each.pairing.p_value),
            NONE if each.token_ratio is None else f"{each.token_ratio:.2f}",
        )
        for each in comparisons
    )
    head = ("variant", "against", "problems", "points", "95 %", "won", "lost", "McNemar p", "token ratio")
    return Sheet(
        title="Compared problem by problem",
        head=head,
        rows=tuple(rows),
        notes=(
            "Points with a 95 % bootstrap interval over problems; won, lost and the exact p are of the first seed.",
            "A variant is better or worse when the interval leaves out 0 and a sign test over the problems has p <= 0.05.",
        ),
    )


def _metric(report: Report) -> str:
    return "chrF" if report.is_translation else "rubric %" if report.is_rubric else "right %"


def _with_error(value: float) -> str:
    return f"{value:.1f} ± {standard_error(value):.1f}"


def _measured(variant: VariantReport, lang: str) -> Row:
    group = next((each for each in variant.by_lang if each.name == lang), None)
    accuracy = variant.accuracy if group is None else group.accuracy
    at = variant.at if group is None else group.at
    return f"{percent(accuracy.value)} [{interval(accuracy)}]", _solved(at, 8), _solved(at, 32)


def _solved(at: Iterable[AtK], k: int) -> str:
    return next((percent(each.solved) for each in at if each.k == k), NONE)


def _group_sheet(report: Report, title: str, groups_of: Callable[[VariantReport], tuple[GroupReport, ...]]) -> Sheet:
    sizes = {group.name: group.accuracy.num for variant in report.variants for group in groups_of(variant)}
    rows = []
    for variant in report.variants:
        found = {group.name: group.accuracy for group in groups_of(variant)}
        figures = (
            f"{percent(found[each].value)} [{interval(found[each])}]" if each in found else NONE for each in sizes
        )
        rows.append((variant.label, *figures))
    head = ("variant", *(f"{name or 'other'} ({size})" for name, size in sizes.items()))
    return Sheet(title=title, head=head, rows=tuple(rows) if sizes else ())


def percent(share: float) -> str:
    """Write a share in per cent with one decimal."""
    return f"{100 * share:.1f}"


def interval(estimate: Estimate) -> str:
    """Write an interval of shares in per cent."""
    return f"{percent(estimate.low)}–{percent(estimate.high)}"  # noqa: RUF001 (a range)


def seconds(value: float | None) -> str:
    """Write seconds with three figures."""
    return NONE if value is None else f"{value:.3g}" if value < 100 else grouped(value)


def p_value(value: float) -> str:
    """Write a p-value, small ones as a bound."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

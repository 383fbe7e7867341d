"""The tables of an evaluation, as rows of words and figures that Markdown and HTML are made of.

In: a `Report`, `Comparison`s. Out: `Sheet`s. Texts are as they came, from people and files: the code that writes them escapes them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from marco_cli.evals.comparison import Comparison
from marco_cli.evals.confidence import SignalReport
from marco_cli.evals.intervals import Estimate
from marco_cli.evals.paper import standard_error
from marco_cli.evals.report import AtK, GroupReport, Report, VariantReport
from marco_cli.view.numbers import grouped

NONE = "–"  # noqa: RUF001 (an en dash reads as "none" in a column of figures)

Row = tuple[str, ...]
T = TypeVar("T")
Column = tuple[str, Callable[[T], str]]

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


def _sheet(title: str, columns: Sequence[Column[T]], things: Iterable[T], notes: tuple[str, ...] = ()) -> Sheet:
    """Return a table with a row a thing: a column is its name, and what of the thing stands in it."""
    rows = tuple(tuple(cell(thing) for _, cell in columns) for thing in things)
    return Sheet(title=title, head=tuple(name for name, _ in columns), rows=rows, notes=notes)


def _accuracy(report: Report) -> list[Column[VariantReport]]:
    return [
        ("variant", lambda variant: variant.label),
        (_metric(report), lambda variant: percent(variant.accuracy.value)),
        ("95 %", lambda variant: interval(variant.accuracy)),
    ]


def short_sheet(report: Report) -> Sheet:
    """Return one line a variant that fits a narrow terminal: accuracy, what was no answer, what it cost."""
    columns: list[Column[VariantReport]] = [
        *_accuracy(report),
        ("none", lambda variant: str(variant.num_no_answer)),
        ("forced", lambda variant: str(variant.num_forced)),
        ("tokens", lambda variant: grouped(variant.cost.tokens)),
        ("s", lambda variant: seconds(variant.cost.seconds)),
    ]
    return _sheet("Results", columns, report.variants)


def result_sheet(report: Report) -> Sheet:
    """Return one line a variant with all costs."""
    columns = _accuracy(report)
    if report.is_translation:
        columns += [
            ("corpus chrF", lambda variant: NONE if variant.corpus is None else f"{variant.corpus.chrf:.1f}"),
            ("BLEU", lambda variant: NONE if variant.corpus is None else f"{variant.corpus.bleu:.1f}"),
        ]
    columns += [
        ("problems", lambda variant: str(variant.num_items)),
        ("no answer", lambda variant: str(variant.num_no_answer)),
        ("forced", lambda variant: str(variant.num_forced)),
        ("tokens", lambda variant: grouped(variant.cost.tokens)),
        ("seconds", lambda variant: seconds(variant.cost.seconds)),
    ]
    if not report.is_translation:
        columns += [
            ("tokens a right answer", lambda variant: _counted(variant.cost.tokens_per_right)),
            ("seconds a right answer", lambda variant: seconds(variant.cost.seconds_per_right)),
        ]
    if report.price_per_hour is not None:
        columns.append(("price of 1 000 right answers", lambda variant: _price(variant.cost.price_per_right)))
    return _sheet("Results", columns, report.variants, (_RESULT_NOTE,))


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
    columns: list[Column[tuple[VariantReport, AtK]]] = [
        ("variant", lambda row: row[0].label + ("" if row[0].is_independent else " †")),
        ("k", lambda row: str(row[1].k)),
        ("Test@k", lambda row: percent(row[1].solved)),
        ("maj@k", lambda row: percent(row[1].maj)),
        ("weighted@k", lambda row: percent(row[1].weighted)),
        ("best@k", lambda row: percent(row[1].best)),
    ]
    shown = [(variant, at) for variant in report.variants if len(variant.at) > 1 for at in variant.at]
    notes = ["Test@k: some guess of k is right (unbiased). maj, weighted, best: what that vote chooses among k."]
    if any(not variant.is_independent for variant, _ in shown):
        notes.append("† The first k paths of a tree search, which are not independent samples.")
    notes.append(
        "A k is shown when every problem has that many guesses; +certainty=1 keeps a vote from stopping early."
    )
    return _sheet("Guesses", columns, shown, tuple(notes))


def signal_sheet(report: Report) -> Sheet:
    """Return AUROC, calibration error and threshold of each signal."""
    columns: list[Column[tuple[VariantReport, SignalReport]]] = [
        ("variant", lambda row: row[0].label),
        ("signal", lambda row: row[1].name),
        ("AUROC", lambda row: NONE if row[1].auroc is None else f"{row[1].auroc:.3f}"),
        ("calibration error", lambda row: f"{row[1].calibration_error:.3f}"),
        (
            f"cut for {100 * report.precision:g} %",
            lambda row: NONE if row[1].threshold is None else f"{row[1].threshold.score:.4f}",
        ),
        ("right % above", lambda row: NONE if row[1].threshold is None else percent(row[1].threshold.precision)),
        ("kept %", lambda row: NONE if row[1].threshold is None else percent(row[1].threshold.coverage)),
    ]
    shown = [(variant, signal) for variant in report.variants for signal in variant.signals]
    note = "AUROC: the chance that a right answer scores above a wrong one; 0.5 is a coin."
    return _sheet("Can the confidence be trusted?", columns, shown, (note,))


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
    columns: list[Column[Comparison]] = [
        ("variant", lambda each: each.label),
        ("against", lambda each: each.baseline),
        ("problems", lambda each: str(each.pairing.difference.num)),
        ("points", lambda each: _points(each.pairing.difference.value)),
        ("95 %", lambda each: f"{_points(each.pairing.difference.low)} to {_points(each.pairing.difference.high)}"),
        ("won", lambda each: str(each.pairing.gained)),
        ("lost", lambda each: str(each.pairing.lost)),
        ("McNemar p", lambda each: p_value(each.pairing.p_value)),
        ("token ratio", lambda each: NONE if each.token_ratio is None else f"{each.token_ratio:.2f}"),
    ]
    notes = (
        "Points with a 95 % bootstrap interval over problems; won, lost and the exact p are of the first seed.",
        "A variant is better or worse when the interval leaves out 0 and a sign test over the problems has p <= 0.05.",
    )
    return _sheet("Compared problem by problem", columns, comparisons, notes)


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


def _counted(value: float | None) -> str:
    return NONE if value is None else grouped(value)


def _price(value: float | None) -> str:
    return NONE if value is None else f"{1000 * value:.3g}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def p_value(value: float) -> str:
    """Write a p-value, small ones as a bound."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

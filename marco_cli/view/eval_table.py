"""An evaluation as tables of text: Markdown that also reads well unrendered.

In: a `Report`, `Comparison`s. Out: text. The short table fits 80 columns; the long one, for `table.md`, has every figure.
Names of variants, groups and models come from people and files: pipes in them are escaped, control characters shown.
"""

from collections.abc import Sequence

from rich.cells import cell_len

from marco_cli.evals.comparison import Comparison
from marco_cli.evals.intervals import Estimate
from marco_cli.evals.paper import standard_error
from marco_cli.evals.report import AtK, Report, VariantReport
from marco_cli.view.printable import printable
from marco_cli.view.status import grouped

Cells = Sequence[str]

NONE = "–"  # noqa: RUF001 (an en dash reads as "none" in a column of numbers)


def summary_text(report: Report) -> str:
    """Return the table for a terminal with the verdicts below it."""
    parts = [short_table(report), *(f"- {cell(each.verdict)}" for each in report.comparisons)]
    parts += [f"note: {cell(notice)}" for notice in report.notices]
    return "\n".join(parts) + "\n"


def short_table(report: Report) -> str:
    """Return one line a variant: accuracy, what was no answer, what it cost."""
    head = ("variant", "chrF" if report.is_translation else "right %", "95 %", "none", "forced", "tokens", "s")
    rows = [
        (
            cell(variant.label),
            percent(variant.accuracy.value),
            interval(variant.accuracy),
            str(variant.num_no_answer),
            str(variant.num_forced),
            grouped(variant.cost.tokens),
            seconds(variant.cost.seconds),
        )
        for variant in report.variants
    ]
    return table(head, rows)


def markdown(report: Report) -> str:
    """Return the whole report as Markdown."""
    metric = "chrF" if report.is_translation else "right answers"
    scorers = ", ".join(report.scorers)
    lines = [
        f"# {cell(report.model)} on {report.dataset}",
        "",
        f"{report.num_items} problems ({cell(report.source)}), scored by {scorers}; {metric} with 95 % intervals.",
        "",
        long_table(report),
        *([""] if report.comparisons else []),
        *(f"- {cell(each.verdict)}" for each in report.comparisons),
        *(f"\nNote: {cell(notice)}" for notice in report.notices),
    ]
    for title, part in (
        ("By language", _groups(report, "by_lang")),
        ("By kind of problem", _groups(report, "by_group")),
        ("Guesses", guesses_table(report)),
        ("Can the confidence be trusted?", signal_table(report)),
        ("Thinking again", flips_table(report)),
        ("Beside the Marco-o1 paper", paper_table(report)),
    ):
        if part:
            lines += ["", f"## {title}", "", part]
    return "\n".join(lines) + "\n"


def long_table(report: Report) -> str:
    """Return one line a variant with all costs."""
    price = report.price_per_hour is not None
    head = [
        "variant",
        "chrF" if report.is_translation else "right %",
        "95 %",
        "problems",
        "no answer",
        "forced",
        "tokens",
        "seconds",
        "tokens a right answer",
        "seconds a right answer",
    ]
    if price:
        head.append("price a right answer")
    rows = []
    for variant in report.variants:
        cost = variant.cost
        row = [
            cell(variant.label),
            percent(variant.accuracy.value),
            interval(variant.accuracy),
            str(variant.num_items),
            str(variant.num_no_answer),
            str(variant.num_forced),
            grouped(cost.tokens),
            seconds(cost.seconds),
            NONE if cost.tokens_per_right is None else grouped(cost.tokens_per_right),
            seconds(cost.seconds_per_right),
        ]
        if price:
            row.append(NONE if cost.price_per_right is None else f"{cost.price_per_right:.3g}")
        rows.append(row)
    return table(head, rows)


def guesses_table(report: Report) -> str:
    """Return Test@k and what each vote makes of k guesses; "" where no variant has two guesses at every problem."""
    rows = []
    for variant in report.variants:
        if len(variant.at) < 2:
            continue
        mark = "" if variant.is_independent else " †"
        for at in variant.at:
            shares = (at.solved, at.maj, at.weighted, at.best)
            rows.append((cell(variant.label) + mark, str(at.k), *(percent(share) for share in shares)))
    if not rows:
        return ""
    text = table(("variant", "k", "Test@k", "maj@k", "weighted@k", "best@k"), rows)
    text += "\n\nTest@k: some guess of k is right (unbiased). maj, weighted, best: what that vote chooses among k."
    if any("†" in row[0] for row in rows):
        text += "\n† the first k paths of a tree search, which are not independent samples."
    return text


def signal_table(report: Report) -> str:
    """Return AUROC, calibration error and threshold of each signal."""
    rows = []
    for variant in report.variants:
        for signal in variant.signals:
            cut = signal.threshold
            rows.append(
                (
                    cell(variant.label),
                    signal.name,
                    NONE if signal.auroc is None else f"{signal.auroc:.3f}",
                    f"{signal.calibration_error:.3f}",
                    NONE if cut is None else f"{cut.score:.4f}",
                    NONE if cut is None else f"{percent(cut.precision)} of {percent(cut.coverage)}",
                )
            )
    if not rows:
        return ""
    wanted = f"≥ for {100 * report.precision:g} % right"
    return table(("variant", "signal", "AUROC", "calibration error", wanted, "right % of kept %"), rows)


def flips_table(report: Report) -> str:
    """Return what reflection, and the searches of `auto`, did to right and wrong answers; "" where there was none."""
    rows = []
    for variant in report.variants:
        for name, flips in (("reflection", variant.reflections), ("search", variant.searches)):
            if flips.num:
                counts = (flips.gained, flips.lost, flips.kept_right, flips.kept_wrong)
                rows.append((cell(variant.label), name, *(str(count) for count in counts)))
    if not rows:
        return ""
    return table(("variant", "by", "wrong → right", "right → wrong", "stayed right", "stayed wrong"), rows)


def paper_table(report: Report) -> str:
    """Return the paper's Test@1/8/32 with standard errors, and the measured ones below; "" where it has none."""
    if not report.paper:
        return ""
    rows = []
    for lang in dict.fromkeys(row.lang for row in report.paper):
        for paper in report.paper:
            if paper.lang == lang:
                figures = (f"{value:.1f} ± {standard_error(value):.1f}" for _, value in paper.at)
                rows.append((lang, f"paper: {paper.name}", *figures))
        rows += [(lang, f"measured: {cell(variant.label)}", *_measured(variant, lang)) for variant in report.variants]
    text = table(("language", "what", "Test@1", "Test@8", "Test@32"), rows)
    return text + (
        "\n\nThe paper (arXiv 2411.14405) states no errors; ± is the standard error of its 250 problems. "
        "Measured Test@1 is the chosen answer's accuracy with its 95 % interval."
    )


def _measured(variant: VariantReport, lang: str) -> tuple[str, str, str]:
    group = next((each for each in variant.by_lang if each.name == lang), None)
    accuracy = variant.accuracy if group is None else group.accuracy
    at = variant.at if group is None else group.at
    return f"{percent(accuracy.value)} [{interval(accuracy)}]", _solved(at, 8), _solved(at, 32)


def _solved(at: Sequence[AtK], k: int) -> str:
    return next((percent(each.solved) for each in at if each.k == k), NONE)


def _groups(report: Report, name: str) -> str:
    names = list(dict.fromkeys(group.name for variant in report.variants for group in getattr(variant, name)))
    if not names:
        return ""
    rows = []
    for variant in report.variants:
        found = {group.name: group.accuracy for group in getattr(variant, name)}
        figures = (
            f"{percent(found[each].value)} [{interval(found[each])}]" if each in found else NONE for each in names
        )
        rows.append((cell(variant.label), *figures))
    sizes = {group.name: group.accuracy.num for variant in report.variants for group in getattr(variant, name)}
    return table(("variant", *(f"{cell(each)} ({sizes[each]})" for each in names)), rows)


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Return paired tests, one line a pair."""
    rows = [
        (
            cell(each.label),
            cell(each.baseline),
            str(each.pairing.difference.num),
            f"{100 * each.pairing.difference.value:+.1f}",
            f"{100 * each.pairing.difference.low:+.1f} to {100 * each.pairing.difference.high:+.1f}",
            f"{each.pairing.gained}/{each.pairing.lost}",
            p_value(each.pairing.p_value),
            NONE if each.token_ratio is None else f"{each.token_ratio:.2f}",
        )
        for each in comparisons
    ]
    return table(("variant", "against", "problems", "points", "95 %", "won/lost", "McNemar p", "token ratio"), rows)


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """Return a Markdown table with aligned columns: the first to the left, figures to the right."""
    widths = [max(cell_len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    is_left = [column < 1 or not _is_numeric([row[column] for row in rows]) for column in range(len(head))]
    rule = [
        ("-" * (width + 1) + "-") if left else ("-" * (width + 1) + ":")
        for width, left in zip(widths, is_left, strict=True)
    ]
    return "\n".join(
        (_line(head, widths, is_left), "|" + "|".join(rule) + "|", *(_line(row, widths, is_left) for row in rows))
    )


def cell(text: str) -> str:
    """Return text that neither ends a cell nor steers a terminal."""
    return printable(" ".join(text.split())).replace("|", "\\|")


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


def _is_numeric(column: Cells) -> bool:
    return any(any(character.isdigit() for character in text[:2]) for text in column)


def _line(row: Cells, widths: Sequence[int], is_left: Sequence[bool]) -> str:
    cells = []
    for text, width, left in zip(row, widths, is_left, strict=True):
        space = " " * (width - cell_len(text))
        cells.append(text + space if left else space + text)
    return "| " + " | ".join(cells) + " |"

"""Which charts an evaluation has: accuracy, what it costs, what k guesses hold, and how far confidence can be trusted.

In: a `Report`. Out: `Plot`s. Variants are numbered as in the page's legend, so that no text of the user's stands in a chart.
Colours are the page's own CSS variables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from marco_cli.evals.confidence import SignalReport
from marco_cli.evals.report import Report, VariantReport
from marco_cli.view.chart import Axis, Series, chart, linear_axis, log_axis

NUM_COLOURS: Final = 8
_LEAST_LOG_RATIO: Final = 3
"""Prices that differ by more than this are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One drawing."""

    title: str
    svg: str


def plots(report: Report) -> tuple[Plot, ...]:
    """Draw everything that has something to show."""
    return tuple(_drawings(report)) if _shown(report) else ()


def colour_number(index: int) -> int:
    """Return which of the page's colours a variant has, from 1."""
    return index % NUM_COLOURS + 1


def _drawings(report: Report) -> Iterator[Plot]:
    metric = "chrF" if report.is_translation else "rubric, %" if report.is_rubric else "right answers, %"
    yield _accuracy("Accuracy with 95 % intervals", report, metric)
    yield _price(
        "Accuracy against decoded tokens",
        report,
        lambda variant: variant.cost.tokens,
        "decoded tokens a problem",
        metric,
    )
    yield _price("Accuracy against seconds", report, lambda variant: variant.cost.seconds, "seconds a problem", metric)
    if any(len(variant.at) > 1 for variant in report.variants):
        yield _guesses("Guesses: what a vote of k chooses, and (dashed) what k hold", report)
    for name in ("vote share", "confidence"):
        if any(_signal(variant, name) for variant in report.variants):
            yield _calibration(f"Calibration of the {name}", report, name)


def _colour(index: int) -> str:
    return f"var(--s{colour_number(index)})"


def _accuracy(title: str, report: Report, metric: str) -> Plot:
    """Draw a row a variant, in the order of the tables."""
    series, values = [], []
    for index, variant in _shown(report):
        low, middle, high = _percent(variant)
        values += [low, high]
        series.append(Series(points=((middle, index),), colour=_colour(index), x_ranges=((low, high),)))
    num = len(report.variants)
    rows = Axis(
        label="variant",
        ends=(num - 0.5, -0.5),
        ticks=tuple((index, str(index + 1)) for index in range(num)),
        has_grid=False,
    )
    return Plot(title=title, svg=chart(title, linear_axis(metric, values), rows, series))


def _price(title: str, report: Report, price: Callable[[VariantReport], float], label: str, metric: str) -> Plot:
    """Draw accuracy against what it costs."""
    prices = [price(variant) for _, variant in _shown(report)]
    series, values = [], []
    for (index, variant), cost in zip(_shown(report), prices, strict=True):
        low, middle, high = _percent(variant)
        values += [low, high]
        series.append(
            Series(points=((cost, middle),), colour=_colour(index), label=str(index + 1), y_ranges=((low, high),))
        )
    is_log = min(prices) > 0 and max(prices) > _LEAST_LOG_RATIO * min(prices)
    axis = log_axis(label, prices) if is_log else linear_axis(label, prices)
    return Plot(title=title, svg=chart(title, axis, linear_axis(metric, values), series))


def _guesses(title: str, report: Report) -> Plot:
    """Draw what a weighted vote of k guesses chooses, and dashed whether any of k is right."""
    series = []
    for index, variant in enumerate(report.variants):
        if len(variant.at) > 1:
            chosen = tuple((float(at.k), 100 * at.weighted) for at in variant.at)
            held = tuple((float(at.k), 100 * at.solved) for at in variant.at)
            colour = _colour(index)
            series.append(Series(points=held, colour=colour, dash="5 4", has_dots=False))
            series.append(Series(points=chosen, colour=colour, label=str(index + 1)))
    points = [point for each in series for point in each.points]
    ks = sorted({k for k, _ in points})
    axis = log_axis("guesses, k", ks, ticks=ks)
    return Plot(title=title, svg=chart(title, axis, linear_axis("%", [share for _, share in points]), series))


def _calibration(title: str, report: Report, name: str) -> Plot:
    """Draw how many are right against how sure they were; as sure as right is the dotted line."""
    series = []
    for index, variant in enumerate(report.variants):
        signal = _signal(variant, name)
        if signal is not None:
            points = tuple((each.mean_score, 100 * each.accuracy) for each in signal.bins)
            series.append(Series(points=points, colour=_colour(index), label=str(index + 1)))
    scores = [score for each in series for score, _ in each.points]
    low = min(scores)
    even = Series(points=((low, 100 * low), (1, 100)), colour="var(--muted)", dash="2 4", has_dots=False)
    axis = linear_axis(f"{name} (dotted: as sure as right)", [*scores, 1.0])
    return Plot(
        title=title, svg=chart(title, axis, linear_axis("right answers, %", (), limits=(-4, 104)), [even, *series])
    )


def _shown(report: Report) -> list[tuple[int, VariantReport]]:
    """Return the variants that have answers, with their places in the tables."""
    return [(index, variant) for index, variant in enumerate(report.variants) if variant.num_items]


def _percent(variant: VariantReport) -> tuple[float, float, float]:
    """Return the interval's ends and the estimate between them, in per cent."""
    estimate = variant.accuracy
    return 100 * estimate.low, 100 * estimate.value, 100 * estimate.high


def _signal(variant: VariantReport, name: str) -> SignalReport | None:
    return next((each for each in variant.signals if each.name == name and len(each.bins) > 1), None)

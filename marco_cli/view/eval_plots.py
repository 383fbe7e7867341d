"""The plots of an evaluation as inline SVG. The only door to matplotlib, which is an extra (`report`).

In: a `Report`. Out: `Plot`s, empty without matplotlib. Variants are numbered as in the page's legend, so that no text of
the user's stands in a plot. Colours are the page's own CSS variables, so one drawing serves light and dark.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from marco_cli.evals.confidence import SignalReport
from marco_cli.evals.report import Report, VariantReport

NUM_COLOURS: Final = 8

_INK, _MUTED, _GRID = "#010203", "#020304", "#030405"
_VARIABLES: Final = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--rule)",
    **{f"#0a0b0{n}": f"var(--s{n})" for n in range(1, NUM_COLOURS + 1)},
}
"""Colours that are drawn with → what the page says they are."""

_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "savefig.transparent": True,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One drawing."""

    title: str
    svg: str
    """An `<svg>` element without a declaration; its ids occur in no other plot."""


def is_available() -> bool:
    """Say whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def plots(report: Report) -> tuple[Plot, ...]:
    """Draw everything that has something to show."""
    if not is_available() or not report.variants:
        return ()
    import matplotlib as mpl  # noqa: PLC0415 (an extra, and slow to import)
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    metric = "chrF" if report.is_translation else "rubric, %" if report.is_rubric else "right answers, %"
    drawn = []
    for number, (title, draw) in enumerate(_drawings(report, metric)):
        # `rc_context` and no `pyplot`: nothing of the caller's own figures is touched.
        style: Any = {**_STYLE, "svg.hashsalt": f"marco-{number}"}
        with mpl.rc_context(style):
            figure = Figure(figsize=(4.3, 2.9))
            FigureCanvasSVG(figure)
            axes = figure.add_subplot()
            axes.grid(visible=True)
            axes.set_axisbelow(True)
            draw(axes)
            buffer = io.StringIO()
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        drawn.append(Plot(title=title, svg=_inline(buffer.getvalue(), title, f"p{number}-")))
    return tuple(drawn)


def colour_number(index: int) -> int:
    """Return which of the page's colours a variant has, from 1."""
    return index % NUM_COLOURS + 1


def _drawings(report: Report, metric: str) -> Iterator[tuple[str, Callable[[Any], None]]]:
    yield "Accuracy with 95 % intervals", lambda axes: _draw_accuracy(axes, report, metric)
    yield (
        "Accuracy against decoded tokens",
        lambda axes: _draw_price(axes, report, lambda variant: variant.cost.tokens, "decoded tokens a problem", metric),
    )
    yield (
        "Accuracy against seconds",
        lambda axes: _draw_price(axes, report, lambda variant: variant.cost.seconds, "seconds a problem", metric),
    )
    if any(len(variant.at) > 1 for variant in report.variants):
        yield "Guesses: what a vote of k chooses, and (dashed) what k hold", lambda axes: _draw_guesses(axes, report)
    for name in ("vote share", "confidence"):
        if any(_signal(variant, name) for variant in report.variants):
            yield f"Calibration of the {name}", partial(_draw_calibration, report=report, name=name)


def _colour(index: int) -> str:
    return f"#0a0b0{colour_number(index)}"


def _draw_accuracy(axes: Any, report: Report, metric: str) -> None:
    for index, variant in enumerate(report.variants):
        estimate, colour = variant.accuracy, _colour(index)
        axes.plot([100 * estimate.low, 100 * estimate.high], [index, index], color=colour, linewidth=2.5, alpha=0.55)
        axes.plot([100 * estimate.value], [index], "o", color=colour, markersize=6)
    axes.set_yticks(range(len(report.variants)), [str(index + 1) for index in range(len(report.variants))])
    axes.set(ylim=(len(report.variants) - 0.5, -0.5), xlabel=metric)
    axes.grid(visible=False, axis="y")


def _draw_price(axes: Any, report: Report, price: Callable[[VariantReport], float], label: str, metric: str) -> None:
    prices = [price(variant) for variant in report.variants]
    for index, variant in enumerate(report.variants):
        estimate, colour = variant.accuracy, _colour(index)
        errors = [[100 * (estimate.value - estimate.low)], [100 * (estimate.high - estimate.value)]]
        axes.errorbar(
            [prices[index]], [100 * estimate.value], yerr=errors, fmt="o", color=colour, ecolor=colour, elinewidth=1.2
        )
        axes.annotate(str(index + 1), (prices[index], 100 * estimate.value), xytext=(6, 4), textcoords="offset points")
    if min(prices) > 0 and max(prices) > 3 * min(prices):
        axes.set_xscale("log")
        ticks = _log_ticks(min(prices), max(prices))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.margins(x=0.12)
    axes.set(xlabel=label, ylabel=metric)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers over a range: 1, 2 and 5 times the powers of ten, from just outside to just outside."""
    rounds = [float(f"{digit}e{power}") for power in range(-6, 10) for digit in (1, 2, 5)]
    first = max((each for each in rounds if each <= low), default=rounds[0])
    last = min((each for each in rounds if each >= high), default=rounds[-1])
    ticks = [each for each in rounds if first <= each <= last]
    return ticks[:: max(1, len(ticks) // 7 + (len(ticks) > 7))]


def _draw_guesses(axes: Any, report: Report) -> None:
    for index, variant in enumerate(report.variants):
        if len(variant.at) < 2:
            continue
        ks = [at.k for at in variant.at]
        colour = _colour(index)
        axes.plot(ks, [100 * at.weighted for at in variant.at], "o-", color=colour, markersize=4, linewidth=1.6)
        axes.plot(ks, [100 * at.solved for at in variant.at], "--", color=colour, linewidth=1.2)
        axes.annotate(
            str(index + 1), (ks[-1], 100 * variant.at[-1].weighted), xytext=(6, -3), textcoords="offset points"
        )
    axes.set_xscale("log", base=2)
    ticks = sorted({at.k for variant in report.variants for at in variant.at})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.margins(x=0.1)
    axes.set(xlabel="guesses, k", ylabel="%")


def _draw_calibration(axes: Any, report: Report, name: str) -> None:
    lows = []
    for index, variant in enumerate(report.variants):
        signal = _signal(variant, name)
        if signal is None:
            continue
        scores = [each.mean_score for each in signal.bins]
        lows.append(min(scores))
        axes.plot(
            scores,
            [100 * each.accuracy for each in signal.bins],
            "o-",
            color=_colour(index),
            markersize=4,
            linewidth=1.4,
        )
        axes.annotate(
            str(index + 1), (scores[0], 100 * signal.bins[0].accuracy), xytext=(-10, -3), textcoords="offset points"
        )
    low = min(lows)
    axes.plot([low, 1], [100 * low, 100], ":", color=_MUTED, linewidth=1)
    axes.set(xlabel=f"{name} (dotted: as sure as right)", ylabel="right answers, %", ylim=(-4, 104))
    axes.locator_params(axis="x", nbins=5)
    axes.margins(x=0.1)


def _signal(variant: VariantReport, name: str) -> SignalReport | None:
    return next((each for each in variant.signals if each.name == name and len(each.bins) > 1), None)


def _inline(svg: str, title: str, prefix: str) -> str:
    """Cut the drawing out of its document, with ids of its own, the page's colours, and no fixed size."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(xlink:href="#|href="#|url\(#)(?!p\d+-)', rf"\g<1>{prefix}", svg)
    for drawn, meant in _VARIABLES.items():
        svg = svg.replace(drawn, meant)
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{title}">{rest}'.strip()

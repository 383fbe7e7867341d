"""A chart as SVG: two axes with ticks and a grid, points with error bars, lines, and a label beside each series.

In: series in the units of the data, axes, a title. Out: one `<svg>` element. Colours are what CSS takes, so `var(--ink)` of a page
serves light and dark alike; the font is the page's. Labels and titles are escaped. The same input gives the same text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

WIDTH: Final = 380
HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 18, 12, 44
_FONT: Final = 12
_CHARACTER: Final = 6.6
"""Width of a character of a label, about."""
_MOST_TICKS: Final = 6
_MARGIN: Final = 0.07
"""Share of an axis that is left free on both sides of the data."""

Range = tuple[float, float]
Tick = tuple[float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis: what it shows and from where to where."""

    label: str
    ends: Range
    """First and last value; the first may be the larger one."""
    ticks: tuple[Tick, ...]
    is_log: bool = False
    has_grid: bool = True

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the first end, 1 at the last."""
        first, last, value = (math.log(each) if self.is_log else each for each in (*self.ends, value))
        return (value - first) / (last - first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points in one colour."""

    points: tuple[tuple[float, float], ...]
    colour: str
    label: str = ""
    """Written beside the last point."""
    x_ranges: tuple[Range, ...] = ()
    """Horizontal error bars, one a point, or none."""
    y_ranges: tuple[Range, ...] = ()
    """Vertical error bars, one a point, or none."""
    dash: str = ""
    """Of the line: an SVG dash pattern."""
    has_line: bool = True
    has_dots: bool = True


def linear_axis(label: str, values: Sequence[float], *, limits: Range | None = None) -> Axis:
    """Return an axis over all values, or over the limits, with round ticks."""
    low, high = limits or _spread(min(values), max(values))
    step = _round_step((high - low) / _MOST_TICKS)
    first = math.ceil(low / step - 1e-9)
    ticks = [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(label=label, ends=(low, high), ticks=tuple((tick, f"{tick:.{digits}f}") for tick in ticks))


def log_axis(label: str, values: Sequence[float], *, ticks: Sequence[float] = ()) -> Axis:
    """Return a logarithmic axis over positive values; ticks are 1, 2 and 5 times the powers of ten unless given."""
    low, high = min(values), max(values)
    room = max(math.log(high / low), 0.1) * _MARGIN
    low, high = low / math.exp(room), high * math.exp(room)
    rounds = ticks or [float(f"{digit}e{power}") for power in range(-6, 10) for digit in (1, 2, 5)]
    within = [tick for tick in rounds if low <= tick <= high]
    if len(within) < 2:  # too narrow a range for these
        return replace(linear_axis(label, (low, high), limits=(low, high)), is_log=True)
    within = within[:: 1 + (len(within) - 1) // (_MOST_TICKS + 1)]
    return Axis(label=label, ends=(low, high), ticks=tuple((tick, f"{tick:g}") for tick in within), is_log=True)


def chart(
    title: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    style: str | None = None,
) -> str:
    """Draw the series, the first lowest; the title is what a screen reader says.

    A letter has about twelve of the units of `size`. A `style` sheet with the colours makes the drawing a file of its
    own.
    """
    frame = _Frame(x, y, *size)
    labels = _Labels(size[0])
    parts = [*_axes(frame), *(part for each in series for part in _marks(frame, each))]
    parts += [labels.placed(each, *frame.place(each.points[-1])) for each in series if each.label]
    file = "" if style is None else ' xmlns="http://www.w3.org/2000/svg" font-family="sans-serif"'
    sheet = "" if style is None else f"<style>{style}</style>"
    return (
        f'<svg{file} viewBox="0 0 {size[0]} {size[1]}" font-size="{_FONT}" role="img" aria-label="{escape(title)}">'
        f"{sheet}{''.join(parts)}</svg>"
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    x: Axis
    y: Axis
    width: int
    height: int

    def across(self, value: float) -> float:
        return _LEFT + self.x.share(value) * (self.width - _LEFT - _RIGHT)

    def down(self, value: float) -> float:
        return self.height - _BOTTOM - self.y.share(value) * (self.height - _TOP - _BOTTOM)

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        return self.across(point[0]), self.down(point[1])


def _axes(frame: _Frame) -> list[str]:
    """Return grid, ticks and the labels of both axes."""
    right, bottom = frame.width - _RIGHT, frame.height - _BOTTOM
    grid, texts = [], []
    for tick, text in frame.x.ticks:
        across = frame.across(tick)
        grid += [f"M{across:.1f} {_TOP}V{bottom}"] if frame.x.has_grid else []
        texts.append(f'<text x="{across:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(text)}</text>')
    for tick, text in frame.y.ticks:
        down = frame.down(tick)
        grid += [f"M{_LEFT} {down:.1f}H{right}"] if frame.y.has_grid else []
        texts.append(f'<text x="{_LEFT - 7}" y="{down + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    middle, centre = (_LEFT + right) / 2, (_TOP + bottom) / 2
    texts.append(f'<text x="{middle:.1f}" y="{frame.height - 8}" text-anchor="middle">{escape(frame.x.label)}</text>')
    texts.append(
        f'<text transform="translate(13 {centre:.1f}) rotate(-90)" text-anchor="middle">{escape(frame.y.label)}</text>'
    )
    return [
        f'<path d="{"".join(grid)}" stroke="var(--rule)" stroke-width=".7" fill="none"/>',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" stroke="var(--muted)" fill="none"/>',
        f'<g fill="var(--muted)">{"".join(texts)}</g>',
    ]


def _marks(frame: _Frame, series: Series) -> list[str]:
    """Return error bars, line and dots of a series."""
    bars = [
        f"M{frame.across(low):.1f} {frame.down(y):.1f}H{frame.across(high):.1f}"
        for (_, y), (low, high) in zip(series.points, series.x_ranges, strict=bool(series.x_ranges))
    ] + [
        f"M{frame.across(x):.1f} {frame.down(low):.1f}V{frame.down(high):.1f}"
        for (x, _), (low, high) in zip(series.points, series.y_ranges, strict=bool(series.y_ranges))
    ]
    places = [frame.place(point) for point in series.points]
    parts = []
    if bars:
        parts.append(
            f'<path d="{"".join(bars)}" stroke="{series.colour}" stroke-width="2.5" opacity=".55" fill="none"/>'
        )
    if series.has_line and len(places) > 1:
        line = "L".join(f"{across:.1f} {down:.1f}" for across, down in places)
        dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
        parts.append(f'<path d="M{line}" stroke="{series.colour}" stroke-width="1.6"{dash} fill="none"/>')
    if series.has_dots:
        parts += [
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="{series.colour}"/>' for across, down in places
        ]
    return parts


class _Labels:
    """Labels beside points, each where no earlier one is."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._boxes: list[tuple[float, float, float, float]] = []

    def placed(self, series: Series, across: float, down: float) -> str:
        """Return a label as near its point as there is room for it."""
        width = _CHARACTER * len(series.label)
        for dx, dy, anchor in _PLACES:
            left = across + dx - (width if anchor == "end" else 0)
            box = (left, down + dy - _FONT, left + width, down + dy)
            if (
                left >= 0
                and box[2] <= self._width
                and box[1] >= 0
                and not any(_overlap(box, other) for other in self._boxes)
            ):
                break
        self._boxes.append(box)
        return (
            f'<text x="{across + dx:.1f}" y="{down + dy:.1f}" text-anchor="{anchor}" fill="{series.colour}" '
            f'font-weight="600">{escape(series.label)}</text>'
        )


_PLACES: Final = (
    (7, -5, "start"), (7, 14, "start"), (-7, -5, "end"), (-7, 14, "end"), (7, -18, "start"), (7, 27, "start"),
    (-7, -18, "end"), (-7, 27, "end"), (7, -5, "start"),
)  # fmt: skip
"""Where a label may stand beside its point, the best place first; the last is taken when all are."""


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _spread(low: float, high: float) -> Range:
    """Return a range with room on both sides; of one value, a range around it."""
    room = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    return low - room, high + room


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times the powers of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least * (1 - 1e-9))
